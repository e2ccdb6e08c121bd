/*
 * test_json.c - what is JSON and what only looks like it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/json.h"

#define NOWHERE SIZE_MAX /* it is JSON */

static void
test_json_check(void **state)
{
	static const struct {
		const char *text;
		size_t where;
	} table[] = {
		{ "null", NOWHERE },
		{ "true", NOWHERE },
		{ " false\r\n\t", NOWHERE },
		{ "0", NOWHERE },
		{ "-0", NOWHERE },
		{ "-12.50e+07", NOWHERE },
		{ "1E5", NOWHERE },
		{ "\"\"", NOWHERE },
		{ "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\u0000\"", NOWHERE },
		{ "\"\\ud800\"", NOWHERE }, /* RFC 8259 section 8.2 */
		{ "\"\x7f \u20ac\U0001F600\"", NOWHERE },
		{ "[]", NOWHERE },
		{ "[ ]", NOWHERE },
		{ "{}", NOWHERE },
		{ "{ }", NOWHERE },
		{ "[1,[2,{\"a\":[]}],{}]", NOWHERE },
		{ "{\"a\":1,\"a\":{\"b\" : null} }", NOWHERE },
		/* too short */
		{ "", 0 },
		{ "  ", 2 },
		{ "nul", 3 },
		{ "-", 1 },
		{ "1.", 2 },
		{ "1e", 2 },
		{ "1e-", 3 },
		{ "\"", 1 },
		{ "\"\\", 2 },
		{ "\"\\u12", 5 },
		{ "[", 1 },
		{ "[1,", 3 },
		{ "{\"a\"", 4 },
		{ "{\"a\":", 5 },
		/* wrong */
		{ "NaN", 0 },
		{ "TRUE", 0 },
		{ "nulL", 3 },
		{ "01", 1 },
		{ "-01", 2 },
		{ ".5", 0 },
		{ "+1", 0 },
		{ "0x10", 1 },
		{ "1.e5", 2 },
		{ "-Infinity", 1 },
		{ "'a'", 0 },
		{ "\"\t\"", 1 },
		{ "\"a\nb\"", 2 },
		{ "\"\\x\"", 2 },
		{ "\"\\u00g0\"", 5 },
		{ "[1 2]", 3 },
		{ "[1,]", 3 },
		{ "[,1]", 1 },
		{ "[1}", 2 },
		{ "{]", 1 },
		{ "{\"a\":1,}", 7 },
		{ "{a:1}", 1 },
		{ "{\"a\" 1}", 5 },
		{ "{\"a\":1 \"b\":2}", 7 },
		{ "1 2", 2 },
		{ "[]]", 2 },
		{ "// x", 0 },
		{ "\xef\xbb\xbf{}", 0 },
		{ "\v1", 0 },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		size_t where = 0;
		const char *why =
		    json_check(table[i].text, strlen(table[i].text), &where);

		if (table[i].where == NOWHERE) {
			if (why != NULL)
				fail_msg(
				    "%s: %s at %zu", table[i].text, why, where);
			assert_int_equal(where, strlen(table[i].text));
		} else if (why == NULL || where != table[i].where)
			fail_msg("%s: %s at %zu, expected at %zu",
			    table[i].text, why != NULL ? why : "taken", where,
			    table[i].where);
	}
}

static void
test_a_nul_is_not_json(void **state)
{
	size_t where;

	assert_non_null(json_check("1\0", 2, &where));
	assert_int_equal(where, 1);
	assert_non_null(json_check("\"\0\"", 3, &where));
	assert_non_null(json_check("\"\\\0\"", 4, &where));
}

static void
test_depth_has_a_limit(void **state)
{
	char text[2 * JSON_MAX_DEPTH + 2];
	size_t where, half = JSON_MAX_DEPTH;

	memset(text, '[', half);
	memset(text + half, ']', half);
	assert_null(json_check(text, 2 * half, &where));
	memset(text, '[', half + 1);
	memset(text + half + 1, ']', half + 1);
	assert_string_equal(
	    json_check(text, 2 * half + 2, &where), "nested too deeply");
	assert_int_equal(where, half);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_json_check),
		cmocka_unit_test(test_a_nul_is_not_json),
		cmocka_unit_test(test_depth_has_a_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
