/*
 * test_request_check.c - what is let through to libfcgi, and what never is.
 */
#include "unit.h"

#include "fastcgi/request_check.h"
#include "base/buf.h"

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
	    FCGI_CHECK_LARGE },
	{ BYTES(BEGIN "\1\4\0\1\0\5\0\0\1\200\377\377\377"), FCGI_CHECK_LARGE },
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
	{ BYTES("\1\1\0\1\0\10\1\0\0\1\0\0\0\0\0\0\0" END), FCGI_CHECK_BAD },
	/* a second request, or the body, before the parameters end */
	{ BYTES(BEGIN BEGIN), FCGI_CHECK_BAD },
	{ BYTES(BEGIN STDIN), FCGI_CHECK_BAD },
	{ BYTES(BEGIN PAIR "\2\4\0\1"), FCGI_CHECK_BAD },
};

static void
only_a_whole_request_is_let_through(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct fcgi_head head;
		enum fcgi_check got =
		    fcgi_check(cases[i].bytes, cases[i].n, &head);

		if (got != cases[i].result)
			fail_msg("case %zu: %d instead of %d", i, (int)got,
			    (int)cases[i].result);
	}
}

static void
the_head_ends_where_the_body_begins(void **state)
{
	static const char request[] = BEGIN PAIR "\1\4\0\1\0\0\3\0xyz" STDIN;
	struct fcgi_head head;

	assert_int_equal(fcgi_check(BYTES(request), &head), FCGI_CHECK_OK);
	assert_int_equal(head.n, 16 + 16 + 8);
	assert_int_equal(head.padding, 3);
	assert_int_equal(head.id, 1);
	assert_int_equal(
	    request_check_body(&head, BYTES(request)), FCGI_CHECK_OK);
}

#define ABC "\1\5\0\1\0\3\1\0abc\0"

static const struct {
	const char *bytes;
	size_t n;
	enum fcgi_check result;
	const char *content;
} bodies[] = {
	{ BYTES(""), FCGI_CHECK_MORE, "" },
	{ BYTES(STDIN), FCGI_CHECK_OK, "" },
	{ BYTES(ABC), FCGI_CHECK_MORE, "abc" },
	{ BYTES(ABC STDIN), FCGI_CHECK_OK, "abc" },
	{ BYTES(ABC ABC STDIN), FCGI_CHECK_OK, "abcabc" },
	{ BYTES(ABC "\1\5\0\1\0\0\2\0xx"), FCGI_CHECK_OK, "abc" },
	{ BYTES(ABC "\1\5\0\1\0\0\2\0x"), FCGI_CHECK_MORE, "abc" },
	{ BYTES(ABC "\1\5\0\1\0\0\0"), FCGI_CHECK_MORE, "abc" },
	/* what comes behind the end is nobody's */
	{ BYTES(STDIN "\1\11\0\0\0\0\0\0"), FCGI_CHECK_OK, "" },
	/* GET_VALUES, an unknown type, ABORT_REQUEST, another request */
	{ BYTES("\1\11\0\0\0\0\0\0" STDIN), FCGI_CHECK_BAD, "" },
	{ BYTES(ABC "\1\11\0\1\0\0\0\0" STDIN), FCGI_CHECK_BAD, "abc" },
	{ BYTES("\1\14\0\0\0\0\0\0"), FCGI_CHECK_BAD, "" },
	{ BYTES("\1\2\0\1\0\0\0\0" STDIN), FCGI_CHECK_BAD, "" },
	{ BYTES(ABC BEGIN STDIN), FCGI_CHECK_BAD, "abc" },
	{ BYTES(ABC PAIR), FCGI_CHECK_BAD, "abc" },
	{ BYTES("\1\10\0\1\0\0\0\0" STDIN), FCGI_CHECK_BAD, "" },
	/* another id, another version, none at all */
	{ BYTES(ABC "\1\5\0\2\0\0\0\0"), FCGI_CHECK_BAD, "abc" },
	{ BYTES("\2\5\0\1\0\0\0\0"), FCGI_CHECK_BAD, "" },
	{ BYTES("xxxxxxxx"), FCGI_CHECK_BAD, "" },
};

/* The body's content when it arrives in pieces of step bytes. */
static enum fcgi_check
read_in_steps(const char *p, size_t n, size_t step, struct buf *content)
{
	struct fcgi_body b = { .id = 1 };
	enum fcgi_check result = FCGI_CHECK_MORE;

	while (n > 0 && result == FCGI_CHECK_MORE) {
		size_t left = MIN(n, step), length;
		const char *piece;

		n -= left;
		while ((result = fcgi_body_next(
			    &b, &p, &left, &piece, &length)) == FCGI_CHECK_OK &&
		       !b.ended)
			buf_add(content, piece, length);
	}
	return result;
}

static void
the_body_is_read_however_it_arrives(void **state)
{
	const struct fcgi_head head = { .id = 1 };

	for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
		assert_int_equal(
		    request_check_body(&head, bodies[i].bytes, bodies[i].n),
		    bodies[i].result);
		for (size_t step = 1; step <= bodies[i].n; step++) {
			struct buf got = BUF_INIT;

			assert_int_equal(read_in_steps(bodies[i].bytes,
					     bodies[i].n, step, &got),
			    bodies[i].result);
			assert_string_equal(got.data != NULL ? got.data : "",
			    bodies[i].content);
			buf_fini(&got);
		}
	}
}

/* However it is cut: more is awaited until the verdict, then it stays. */
static void
the_verdict_does_not_depend_on_how_bytes_arrive(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		bool decided = false;

		for (size_t n = 0; n <= cases[i].n; n++) {
			struct fcgi_head head;
			enum fcgi_check got =
			    fcgi_check(cases[i].bytes, n, &head);

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
	struct fcgi_head head;

	buf_add(&b, BYTES(BEGIN));
	while (b.len < FCGI_CHECK_MAX_BYTES)
		buf_add(&b, BYTES(PAIR));
	assert_int_equal(
	    fcgi_check(b.data, FCGI_CHECK_MAX_BYTES, &head), FCGI_CHECK_LARGE);
	buf_fini(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_a_whole_request_is_let_through),
		cmocka_unit_test(the_head_ends_where_the_body_begins),
		cmocka_unit_test(the_body_is_read_however_it_arrives),
		cmocka_unit_test(
		    the_verdict_does_not_depend_on_how_bytes_arrive),
		cmocka_unit_test(endless_parameters_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
