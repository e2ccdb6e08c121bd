/*
 * test_util.c - UTF-8 by RFC 3629, jitter within its bounds, clocks forward.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/util.h"

static void
test_utf8_valid(void **state)
{
	static const struct {
		const char *s;
		bool valid;
	} table[] = {
		{ "", true },
		{ "plain ASCII \x01\x7f", true },
		{ "\xc2\x80", true },         /* U+0080, the first */
		{ "\xdf\xbf", true },         /* U+07FF */
		{ "\xe0\xa0\x80", true },     /* U+0800 */
		{ "\xed\x9f\xbf", true },     /* before the surrogates */
		{ "\xee\x80\x80", true },     /* after them */
		{ "\xef\xbf\xbf", true },     /* U+FFFF */
		{ "\xf0\x90\x80\x80", true }, /* U+10000 */
		{ "\xf4\x8f\xbf\xbf", true }, /* U+10FFFF, the last */
		{ "a\xe2\x82\xac"
		  "b\xf0\x9f\x98\x80",
		    true },
		{ "\x80", false }, /* a tail alone */
		{ "\xbf", false },
		{ "\xc0\x80", false }, /* overlong NUL */
		{ "\xc1\xbf", false },
		{ "\xe0\x9f\xbf", false }, /* overlong */
		{ "\xed\xa0\x80", false }, /* a surrogate */
		{ "\xed\xbf\xbf", false },
		{ "\xf0\x8f\xbf\xbf", false }, /* overlong */
		{ "\xf4\x90\x80\x80", false }, /* above U+10FFFF */
		{ "\xf5\x80\x80\x80", false },
		{ "\xff", false },
		{ "\xc2", false }, /* cut short */
		{ "\xe2\x82", false },
		{ "\xf0\x9f\x98", false },
		{ "\xc2"
		  "a",
		    false },
		{ "\xe2\x82"
		  "a",
		    false },
		{ "ok\xc2\xa9ok\xa9", false },
	};

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		if (utf8_valid(table[i].s, strlen(table[i].s)) !=
		    table[i].valid)
			fail_msg("row %zu", i);
	}
	/* A NUL is a character, and n counts, not the NUL. */
	assert_true(utf8_valid("a\0b", 3));
	assert_true(utf8_valid("\xe2\x82\xac", 0));
	assert_false(utf8_valid("\xe2\x82\xac", 2));
}

static void
text_for_a_terminal_has_no_controls(void **state)
{
	static const struct {
		const char *in, *out;
	} table[] = {
		{ "", "" },
		{ "orders/1 \xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80",
		    "orders/1 \xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80" },
		{ "a\nb\x1b[2J\x7f", "a\\x0ab\\x1b[2J\\x7f" },
		/* C1: U+0080, U+009B (CSI), U+009F; U+00A0 is none */
		{ "\xc2\x80\xc2\x9b\xc2\x9f\xc2\xa0",
		    "\\xc2\\x80\\xc2\\x9b\\xc2\\x9f\xc2\xa0" },
		/* a byte of C1 alone, and other bytes that are no UTF-8 */
		{ "\x9b" "2J\xff\xe2\x82", "\\x9b" "2J\\xff\\xe2\\x82" },
		/* U+2028, U+202E, U+2066; U+202F and U+2065 are none */
		{ "\xe2\x80\xa8\xe2\x80\xae\xe2\x81\xa6",
		    "\\xe2\\x80\\xa8\\xe2\\x80\\xae\\xe2\\x81\\xa6" },
		{ "\xe2\x80\xaf\xe2\x81\xa5", "\xe2\x80\xaf\xe2\x81\xa5" },
	};
	char out[100];

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		assert_int_equal(text_escape(out, sizeof(out), table[i].in,
				     strlen(table[i].in)),
		    0);
		assert_string_equal(out, table[i].out);
	}
	assert_int_equal(text_escape(out, 10, "abcdefghij", 10), 5);
	assert_string_equal(out, "abcde");
}

/* Every code point there is, encoded by the book, and none of the others. */
static void
test_utf8_valid_takes_every_code_point(void **state)
{
	for (uint32_t c = 0x80; c <= 0x110fff; c++) {
		char s[4];
		size_t n;

		if (c < 0x800) {
			s[0] = (char)(0xc0 | c >> 6);
			n = 2;
		} else if (c < 0x10000) {
			s[0] = (char)(0xe0 | c >> 12);
			s[1] = (char)(0x80 | (c >> 6 & 0x3f));
			n = 3;
		} else {
			s[0] = (char)(0xf0 | c >> 18);
			s[1] = (char)(0x80 | (c >> 12 & 0x3f));
			s[2] = (char)(0x80 | (c >> 6 & 0x3f));
			n = 4;
		}
		s[n - 1] = (char)(0x80 | (c & 0x3f));
		if (utf8_valid(s, n) !=
		    (c <= 0x10ffff && !(c >= 0xd800 && c <= 0xdfff)))
			fail_msg("U+%04X", c);
	}
}

static void
test_random_between_stays_there(void **state)
{
	static const struct {
		uint32_t low, high;
	} table[] = { { 0, 0 }, { 7, 7 }, { 0, 1 }, { 2000, 5000 },
		{ 0, UINT32_MAX - 1 }, { UINT32_MAX - 1, UINT32_MAX } };

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		for (int k = 0; k < 1000; k++) {
			uint32_t r =
			    random_between(table[i].low, table[i].high);

			assert_true(r >= table[i].low);
			assert_true(r <= table[i].high);
		}
	}
	assert_int_equal(random_between(9, 3), 9); /* nothing in between */
}

static void
test_random_between_reaches_both_ends(void **state)
{
	unsigned seen[4] = { 0 };

	for (int k = 0; k < 4000; k++)
		seen[random_between(0, 3)]++;
	/* 1000 each on average; 700 is more than ten deviations away. */
	for (size_t i = 0; i < ARRAY_LEN(seen); i++)
		assert_true(seen[i] > 700);
}

static void
test_clocks(void **state)
{
	int64_t a = now_ms(), b = now_ms(), wall = wall_us();

	assert_true(a > 0 && b >= a);
	assert_true(wall / 1000000 <= (int64_t)time(NULL));
	assert_true(wall / 1000000 > (int64_t)time(NULL) - 60);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_utf8_valid),
		cmocka_unit_test(text_for_a_terminal_has_no_controls),
		cmocka_unit_test(test_utf8_valid_takes_every_code_point),
		cmocka_unit_test(test_random_between_stays_there),
		cmocka_unit_test(test_random_between_reaches_both_ends),
		cmocka_unit_test(test_clocks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
