/*
 * test_topic.c - names of topics; tests/integration/test_sql.py has the same
 * lists for the same rule in the database.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "feed/topic.h"

static const char *const good[] = { "a", "orders", "a/b/c",
	"\xc3\xa4/\xc3\xbc \xe2\x82\xac", "-", "-a", "a/-", "a/-/b", "a-/b",
	"/-/a", "\xc2\x85", "a.b:c", "'", "\"", "\\",
	"\xf0\x9f\x98\x80/\xf0\x9f\x98\x80", " ", "a b", "/", "a/", "/a", "//",
	"a//b", "https://example.com/books/1", "https://example.com/books/",
	"urn:isbn:0-486-27557-4", "https://example.com/?q=a&b=c#d" };
static const char *const bad[] = { "", "*", "a*b", "-/", "-/a", "-//", "a\n",
	"\ta", "\x1f", "a\x7f", "a\n/b", "a/\nb", "a/*/b", "*/a", "{", "a{b",
	"a}b", "a/{id}", "\xff", "a/\xc3", "\xed\xa0\x80" };

static void
test_topic_valid(void **state)
{
	char longest[TOPIC_MAX_BYTES + 2];

	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		if (!topic_valid(good[i], strlen(good[i])))
			fail_msg("\"%s\" should be a topic", good[i]);
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		if (topic_valid(bad[i], strlen(bad[i])))
			fail_msg("row %zu, \"%s\", is no topic", i, bad[i]);
	}
	memset(longest, 'x', sizeof(longest));
	assert_true(topic_valid(longest, TOPIC_MAX_BYTES));
	assert_false(topic_valid(longest, TOPIC_MAX_BYTES + 1));
	assert_false(topic_valid("a\0b", 3));
	assert_true(topic_valid("abc*", 3)); /* n counts */
	assert_true(topic_valid(TOPIC_DEFAULT, strlen(TOPIC_DEFAULT)));
}

static void
test_topic_pattern_valid(void **state)
{
	char longest[TOPIC_MAX_BYTES + 3];

	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		assert_true(topic_pattern_valid(good[i], strlen(good[i])));
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		if (strcmp(bad[i], "*") != 0)
			assert_false(
			    topic_pattern_valid(bad[i], strlen(bad[i])));
	}
	assert_true(topic_pattern_valid("*", 1));
	assert_true(topic_pattern_valid("a/*", 3));
	assert_true(topic_pattern_valid("a/b/*", 5));
	assert_true(topic_pattern_valid("/*", 2));
	assert_true(topic_pattern_valid("a//*", 4));
	assert_true(topic_pattern_valid("https://*", 9));
	assert_false(topic_pattern_valid("**", 2));
	assert_false(topic_pattern_valid("a*", 2));
	assert_false(topic_pattern_valid("a/**", 4));
	assert_false(topic_pattern_valid("a*/*", 4));
	assert_false(topic_pattern_valid("-/*", 3));
	memset(longest, 'x', sizeof(longest));
	memcpy(longest + TOPIC_MAX_BYTES - 1, "/*", 2);
	assert_true(topic_pattern_valid(longest, TOPIC_MAX_BYTES + 1));
	longest[TOPIC_MAX_BYTES - 1] = 'x';
	memcpy(longest + TOPIC_MAX_BYTES, "/*", 2);
	assert_false(topic_pattern_valid(longest, TOPIC_MAX_BYTES + 2));
}

static void
a_path_has_no_empty_segment(void **state)
{
	static const char *const fit[] = { "a", "a/b", "a/*", "*", "-" };
	static const char *const unfit[] = { "", "/", "/a", "a/", "a//b",
		"https://a/b" };

	for (size_t i = 0; i < ARRAY_LEN(fit); i++)
		assert_true(topic_fits_path(fit[i], strlen(fit[i])));
	for (size_t i = 0; i < ARRAY_LEN(unfit); i++)
		assert_false(topic_fits_path(unfit[i], strlen(unfit[i])));
}

static void
test_topic_matches(void **state)
{
	static const struct {
		const char *pattern, *topic;
		bool matches;
	} table[] = {
		{ "a", "a", true },
		{ "a", "b", false },
		{ "a", "ab", false },
		{ "ab", "a", false },
		{ "a/b", "a/b", true },
		{ "a", "a/b", false },
		{ "a/*", "a/b", true },
		{ "a/*", "a/b/c", true },
		{ "a/*", "a", false }, /* what is below it, not itself */
		{ "a/*", "ab", false },
		{ "a/*", "ab/c", false },
		{ "a/b/*", "a/b/c", true },
		{ "a/b/*", "a/c/b", false },
		{ "a/b/*", "a/b", false },
		{ "a/*", "a/", true }, /* it begins with "a/" */
		{ "a/*", "a//", true },
		{ "a/", "a", false },
		{ "a/", "a/", true },
		{ "/*", "/a", true },
		{ "/*", "a", false },
		{ "*", "a", true },
		{ "*", "a/b", true },
		{ "*", "/", true },
		{ "https://a/*", "https://a/b", true },
		{ "https://a/*", "https://b/a", false },
	};

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		if (topic_matches(table[i].pattern, table[i].topic) !=
		    table[i].matches)
			fail_msg("\"%s\" and \"%s\"", table[i].pattern,
			    table[i].topic);
		assert_int_equal(
		    topic_is_prefix(table[i].pattern, strlen(table[i].pattern)),
		    strchr(table[i].pattern, '*') != NULL);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_topic_valid),
		cmocka_unit_test(test_topic_pattern_valid),
		cmocka_unit_test(a_path_has_no_empty_segment),
		cmocka_unit_test(test_topic_matches),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
