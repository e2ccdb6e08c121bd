/*
 * test_header.c - content types, Accept, quoted strings, problem answers.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "http/header.h"
#include "http/answer.h"

static void
test_header_is(void **state)
{
	assert_true(header_is("text/plain", "text/plain"));
	assert_true(header_is(" Text/PLAIN ; charset=utf-8", "text/plain"));
	assert_false(header_is("text/plainer", "text/plain"));
	assert_false(header_is("text/plai", "text/plain"));
	assert_false(header_is("", "text/plain"));
	assert_false(header_is("; text/plain", "text/plain"));
}

static void
test_header_param(void **state)
{
	static const struct {
		const char *value, *name, *out; /* NULL: not there */
	} table[] = {
		{ "text/plain; charset=utf-8", "charset", "utf-8" },
		{ "text/plain;CharSet=utf-8 ", "charset", "utf-8" },
		{ "text/plain; a=b; charset = utf-8;c=d", "charset", "utf-8" },
		{ "text/plain; charset=\"utf-8\"", "charset", "utf-8" },
		{ "x; a=\"b;c=d\"; c=e", "c", "e" },
		{ "x; a=\"b\\\"c\\\\;d\"; c=e", "a", "b\"c\\;d" },
		{ "x; a=\"b\\\"c\\\\;d\"; c=e", "c", "e" },
		{ "x; a=1; a=2", "a", "1" },
		{ "x; a=", "a", "" },
		{ "x; a=\"\"", "a", "" },
		{ "x; a=\"b", "a", "b" },
		{ "x; a=\"b\\", "a", "b\\" },
		{ "x; a", "a", NULL },
		{ "x; ab=1", "a", NULL },
		{ "x;;; a=1", "a", "1" },
		{ "a=1", "a", NULL },
		{ "", "a", NULL },
		{ "form-data; name=\"a\"; filename=\"b.txt\"", "name", "a" },
		{ "form-data; filename=\"b; name=c\"; name=\"a\"", "name",
		    "a" },
	};

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct buf b = BUF_INIT;

		buf_addstr(&b, "<");
		assert_int_equal(
		    header_param(&b, table[i].value, table[i].name),
		    table[i].out != NULL);
		assert_string_equal(
		    b.data + 1, table[i].out != NULL ? table[i].out : "");
		buf_fini(&b);
	}
}

static void
test_header_charset(void **state)
{
	assert_true(header_charset_ok("text/plain"));
	assert_true(header_charset_ok("text/plain; charset=UTF-8"));
	assert_true(header_charset_ok("text/plain; charset=\"utf-8\""));
	assert_true(header_charset_ok("text/plain; charset=us-ascii"));
	assert_false(header_charset_ok("text/plain; charset=iso-8859-1"));
	assert_false(header_charset_ok("text/plain; charset="));
	assert_false(header_charset_ok("text/plain; charset=utf-16"));
}

static void
test_header_weight(void **state)
{
	static const char firefox[] = "text/html,application/xhtml+xml,"
				      "application/xml;q=0.9,*/*;q=0.8";
	static const struct {
		const char *accept;
		unsigned html, json;
	} table[] = {
		{ firefox, 1000, 800 },
		{ "", 1000, 1000 },
		{ "*/*", 1000, 1000 },
		{ "application/json", 0, 1000 },
		{ "application/json, */*;q=0.1", 100, 1000 },
		{ "text/*;q=0.5, */*;q=0.125", 500, 125 },
		{ "text/html;q=0, */*", 0, 1000 },
		{ "*/*, text/html;q=0.3", 300, 1000 },
		{ "text/html;level=1;q=0.25", 250, 0 },
		{ "TEXT/HTML ; q=0.5 , application/json;q=1.0", 500, 1000 },
		{ "text/html;q=2", 1000, 0 },
		{ "text/html;q=1.9", 1000, 0 },
		{ "text/html;q=0.9999", 999, 0 },
		{ "text/html;q=x", 1000, 0 },
		{ ",,,", 0, 0 },
		{ "text/html\"", 0, 0 },
		{ "a/b;c=\",text/html\", application/json", 0, 1000 },
	};

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		assert_int_equal(
		    header_weight(table[i].accept, "text/html"), table[i].html);
		assert_int_equal(
		    header_weight(table[i].accept, "application/json"),
		    table[i].json);
	}
}

/* axios and Angular ask for JSON with every range behind it. */
static void
the_more_specific_range_is_preferred(void **state)
{
	static const struct {
		const char *accept;
		bool json; /* rather than text/event-stream */
	} table[] = {
		{ "application/json, text/plain, */*", true },
		{ "application/json,text/*;q=0.99", true },
		{ "*/*, application/json", true },
		{ "text/*, application/json", true },
		{ "application/*, */*", true },
		{ "application/json", true },
		{ "", false },
		{ "*/*", false },
		{ "text/event-stream", false },
		{ "text/event-stream, application/json", false },
		{ "application/json, text/event-stream, */*", false },
		{ "application/*, text/event-stream", false },
		{ "application/json;q=0.5, */*", false },
		{ "application/json;q=0, */*;q=0", false },
		{ "text/html", false },
		{ "text/html, */*;q=0.8", false },
	};

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		if (header_prefers(table[i].accept, "application/json",
			"text/event-stream") != table[i].json)
			fail_msg("%s", table[i].accept);
	}
}

static void
test_header_unquote(void **state)
{
	static const struct {
		const char *value, *out; /* NULL: malformed */
	} table[] = {
		{ "abc", "abc" },
		{ " a b ", "a b" },
		{ "\"abc\"", "abc" },
		{ " \"abc\"\t", "abc" },
		{ "\"a\\\"b\\\\c\"", "a\"b\\c" },
		{ "\"\"", "" },
		{ "", "" },
		{ "a\"b", "a\"b" },
		{ "\"", NULL },
		{ "\"abc", NULL },
		{ "\"abc\\\"", NULL },
		{ "\"abc\" x", NULL },
		{ "\"abc\"; a=b", NULL },
		{ "\"a\\bc\"", NULL },
		{ "\"a\tc\"", NULL },
		{ "\"\u20ac\"", NULL },
	};

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct buf b = BUF_INIT;

		buf_addstr(&b, "<");
		if (header_unquote(&b, table[i].value) !=
		    (table[i].out != NULL))
			fail_msg("%s", table[i].value);
		assert_string_equal(
		    b.data + 1, table[i].out != NULL ? table[i].out : "");
		buf_fini(&b);
	}
}

static void
test_problem(void **state)
{
	struct buf b = BUF_INIT;

	answer_add_problem(&b, 405, "Allow: POST\r\n", "say \"please\"\r\n");
	assert_string_equal(b.data,
	    "Status: 405 Method Not Allowed\r\n"
	    "Content-Type: application/problem+json\r\n"
	    "Cache-Control: no-store\r\n"
	    "X-Content-Type-Options: nosniff\r\n"
	    "Content-Length: 74\r\n"
	    "Allow: POST\r\n"
	    "\r\n"
	    "{\"title\":\"Method Not Allowed\",\"status\":405,"
	    "\"detail\":\"say \\\"please\\\"\\r\\n\"}\n");
	buf_clear(&b);
	answer_add_head(&b, 204, NULL, "Allow: POST\r\n");
	assert_string_equal(b.data,
	    "Status: 204 No Content\r\n"
	    "Cache-Control: no-store\r\n"
	    "X-Content-Type-Options: nosniff\r\n"
	    "Allow: POST\r\n"
	    "\r\n");
	buf_fini(&b);
	assert_string_equal(answer_reason(422), "Unprocessable Content");
	assert_string_equal(answer_reason(799), "Error");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_header_is),
		cmocka_unit_test(test_header_param),
		cmocka_unit_test(test_header_charset),
		cmocka_unit_test(test_header_weight),
		cmocka_unit_test(the_more_specific_range_is_preferred),
		cmocka_unit_test(test_header_unquote),
		cmocka_unit_test(test_problem),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
