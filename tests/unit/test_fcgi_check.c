/*
 * test_fcgi_check.c - what is let through to libfcgi, and what never is.
 */
#include "unit.h"

#include "fcgi_check.h"
#include "buf.h"

#define BEGIN    "\1\1\0\1\0\10\0\0\0\1\0\0\0\0\0\0"
#define END      "\1\4\0\1\0\0\0\0"
#define PAIR     "\1\4\0\1\0\6\2\0\1\3abcd\0\0"
#define STDIN    "\1\5\0\1\0\0\0\0"
#define BYTES(s) s, sizeof(s) - 1

static const struct {
	const char *bytes;
	size_t n;
	enum fcgi_check result;
} cases[] = {
	{ BYTES(""), FCGI_CHECK_MORE },
	{ BYTES(BEGIN), FCGI_CHECK_MORE },
	{ BYTES(BEGIN PAIR), FCGI_CHECK_MORE },
	{ BYTES(BEGIN PAIR END), FCGI_CHECK_OK },
	{ BYTES(BEGIN PAIR PAIR END STDIN), FCGI_CHECK_OK },
	{ BYTES(BEGIN END), FCGI_CHECK_OK },
	/* a pair over two records, a value of a four-byte length */
	{ BYTES(BEGIN "\1\4\0\1\0\3\0\0\1\3a"
		      "\1\4\0\1\0\3\0\0bcd" END),
	    FCGI_CHECK_OK },
	{ BYTES(BEGIN "\1\4\0\1\0\12\0\0\1\200\0\0\3abcd\0" END),
	    FCGI_CHECK_BAD },
	{ BYTES(BEGIN "\1\4\0\1\0\11\0\0\1\200\0\0\3abcd" END), FCGI_CHECK_OK },
	/* empty name and value */
	{ BYTES(BEGIN "\1\4\0\1\0\2\0\0\0\0" END), FCGI_CHECK_OK },
	/* cut short inside a pair: libfcgi would take it for the end */
	{ BYTES(BEGIN "\1\4\0\1\0\4\0\0\1\3ab" END), FCGI_CHECK_BAD },
	{ BYTES(BEGIN "\1\4\0\1\0\1\0\0\1" END), FCGI_CHECK_BAD },
	{ BYTES(BEGIN "\1\4\0\1\0\3\0\0\1\200\0" END), FCGI_CHECK_BAD },
	/* huge lengths */
	{ BYTES(BEGIN "\1\4\0\1\0\10\0\0\377\377\377\377\377\377\377\377"),
	    FCGI_CHECK_BAD },
	{ BYTES(BEGIN "\1\4\0\1\0\5\0\0\1\200\377\377\377"), FCGI_CHECK_BAD },
	/* management records: GET_VALUES, unknown */
	{ BYTES("\1\11\0\0\0\0\0\0"), FCGI_CHECK_BAD },
	{ BYTES(BEGIN "\1\11\0\0\0\0\0\0"), FCGI_CHECK_BAD },
	{ BYTES(BEGIN PAIR "\1\14\0\0\0\0\0\0"), FCGI_CHECK_BAD },
	/* another version, role, id */
	{ BYTES("G"), FCGI_CHECK_BAD },
	{ BYTES("GET / HTTP/1.1\r\n"), FCGI_CHECK_BAD },
	{ BYTES("\1\1\0\1\0\10\0\0\0\2\0\0\0\0\0\0"), FCGI_CHECK_BAD },
	{ BYTES("\1\1\0\0\0\10\0\0\0\1\0\0\0\0\0\0"), FCGI_CHECK_BAD },
	{ BYTES("\1\1\0\1\0\7\0\1\0\1\0\0\0\0\0\0"), FCGI_CHECK_BAD },
	{ BYTES(BEGIN "\1\4\0\2\0\0\0\0"), FCGI_CHECK_BAD },
	/* a second request, or the body, before the parameters end */
	{ BYTES(BEGIN BEGIN), FCGI_CHECK_BAD },
	{ BYTES(BEGIN STDIN), FCGI_CHECK_BAD },
	{ BYTES(BEGIN PAIR "\2\4\0\1"), FCGI_CHECK_BAD },
};

static void
only_a_whole_request_is_let_through(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		enum fcgi_check got = fcgi_check(cases[i].bytes, cases[i].n);

		if (got != cases[i].result)
			fail_msg("case %zu: %d instead of %d", i, (int)got,
			    (int)cases[i].result);
	}
}

static void
a_whole_request_ends_with_its_body(void **state)
{
	static const struct {
		const char *bytes;
		size_t n;
		bool whole;
	} bodies[] = {
		{ BYTES(BEGIN PAIR END), false },
		{ BYTES(BEGIN PAIR END STDIN), true },
		{ BYTES(BEGIN END "\1\5\0\1\0\3\1\0xyz\0"), false },
		{ BYTES(BEGIN END "\1\5\0\1\0\3\1\0xyz\0" STDIN), true },
		{ BYTES(BEGIN END "\1\5\0\1\0\3\1\0xyz\0\1\5\0\1\0\0\0"),
		    false },
		{ BYTES(BEGIN END "\1\11\0\0\0\0\0\0" STDIN), false },
		{ BYTES(BEGIN END "\1\2\0\1\0\0\0\0" STDIN), false },
		{ BYTES(BEGIN END "x" STDIN), false },
	};

	for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
		assert_int_equal(
		    fcgi_check(bodies[i].bytes, bodies[i].n), FCGI_CHECK_OK);
		if (fcgi_check_whole(bodies[i].bytes, bodies[i].n) !=
		    bodies[i].whole)
			fail_msg("case %zu", i);
	}
}

/* However it is cut: more is awaited until the verdict, then it stays. */
static void
the_verdict_does_not_depend_on_how_bytes_arrive(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		bool decided = false;

		for (size_t n = 0; n <= cases[i].n; n++) {
			enum fcgi_check got = fcgi_check(cases[i].bytes, n);

			if (decided || got != FCGI_CHECK_MORE) {
				decided = true;
				assert_int_equal(got, cases[i].result);
			}
		}
	}
}

static void
endless_parameters_end(void **state)
{
	struct buf b = BUF_INIT;

	buf_add(&b, BYTES(BEGIN));
	while (b.len < FCGI_CHECK_MAX_BYTES)
		buf_add(&b, BYTES(PAIR));
	assert_int_equal(
	    fcgi_check(b.data, FCGI_CHECK_MAX_BYTES), FCGI_CHECK_BAD);
	buf_fini(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_a_whole_request_is_let_through),
		cmocka_unit_test(a_whole_request_ends_with_its_body),
		cmocka_unit_test(
		    the_verdict_does_not_depend_on_how_bytes_arrive),
		cmocka_unit_test(endless_parameters_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
