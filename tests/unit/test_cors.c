/*
 * test_cors.c - header lines for pages of another origin.
 */
#include "unit.h"

#include "http/cors.h"

#define APP "https://app.example"
#define READ                                         \
	"Vary: Origin\r\n"                           \
	"Access-Control-Allow-Origin: " APP "\r\n"   \
	"Access-Control-Allow-Credentials: true\r\n" \
	"Access-Control-Expose-Headers: Retry-After\r\n"

static char app[] = APP, other[] = "http://other.example:8080";
static char *list[] = { other, app };
static const struct config lists_two = { .origins = { list, 2 } };
static const struct config lists_none = { .origins = { NULL, 0 } };

/* An origin counts as it stands: another scheme, host or port is another. */
static void
only_a_listed_origin_may_read_an_answer(void **state)
{
	static const struct {
		const struct config *config;
		const char *origin, *lines;
	} table[] = {
		{ &lists_none, "", "" },
		{ &lists_none, APP, "" },
		{ &lists_two, "", "Vary: Origin\r\n" },
		{ &lists_two, "null", "Vary: Origin\r\n" },
		{ &lists_two, "http://app.example", "Vary: Origin\r\n" },
		{ &lists_two, APP ":443", "Vary: Origin\r\n" },
		{ &lists_two, APP ".evil", "Vary: Origin\r\n" },
		{ &lists_two, "https://app.exampl", "Vary: Origin\r\n" },
		{ &lists_two, "https://APP.example", "Vary: Origin\r\n" },
		{ &lists_two, "http://other.example", "Vary: Origin\r\n" },
		{ &lists_two, APP, READ },
	};

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct buf b = BUF_INIT;

		cors_add(&b, table[i].config, table[i].origin);
		assert_false(buf_failed(&b));
		assert_string_equal(b.data, table[i].lines);
		buf_fini(&b);
	}
}

static void
a_listed_origin_is_found(void **state)
{
	assert_ptr_equal(cors_listed(&lists_two, APP), app);
	assert_null(cors_listed(&lists_two, ""));
	assert_null(cors_listed(&lists_none, APP));
}

/* What is no list of names is not repeated: it could hold a line break. */
static void
a_preflight_allows_the_fields_it_asks_for(void **state)
{
	static char long_list[1026];
	static const struct {
		const char *origin, *asked;
		int allowed; /* 0: no lines, 1: the list of ours, 2: as asked */
	} table[] = {
		{ APP, "content-type, idempotency-key", 2 },
		{ APP, "turbo-frame,X_Y,sentry-trace", 2 },
		{ APP, "", 1 },
		{ APP, "a\r\nSet-Cookie: b", 1 },
		{ APP, "*", 1 },
		{ APP, "caf\xc3\xa9", 1 },
		{ APP, long_list, 1 },
		{ APP, long_list + 1, 2 },
		{ "", "content-type", 0 },
		{ "https://evil.example", "content-type", 0 },
	};

	memset(long_list, 'a', sizeof(long_list) - 1);
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct buf b = BUF_INIT, want = BUF_INIT;

		buf_addstr(&b, "");
		cors_add_preflight(
		    &b, &lists_two, table[i].origin, table[i].asked);
		buf_addstr(&want, "");
		if (table[i].allowed != 0)
			buf_addf(&want,
			    "Access-Control-Allow-Methods: GET, HEAD, POST\r\n"
			    "Access-Control-Allow-Headers: %s\r\n"
			    "Access-Control-Max-Age: 600\r\n",
			    table[i].allowed == 2
				? table[i].asked
				: "Authorization, Cache-Control, Content-Type, "
				  "HX-Request, Idempotency-Key, Last-Event-ID, "
				  "X-Requested-With");
		assert_string_equal(b.data, want.data);
		buf_fini(&b);
		buf_fini(&want);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_a_listed_origin_may_read_an_answer),
		cmocka_unit_test(a_listed_origin_is_found),
		cmocka_unit_test(a_preflight_allows_the_fields_it_asks_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
