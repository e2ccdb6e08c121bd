/*
 * test_buf.c - bytes are kept as they came, a failure sticks, JSON is JSON.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <json-c/json.h>

#include "base/buf.h"

static void
test_bytes_are_kept(void **state)
{
	struct buf b = BUF_INIT;

	buf_add(&b, "a\0b", 3);
	buf_addc(&b, '\0');
	buf_addstr(&b, "");
	buf_addf(&b, "%s-%d", "x", -5);
	assert_int_equal(b.len, 8);
	assert_memory_equal(b.data, "a\0b\0x--5", 9); /* and the NUL */
	assert_false(buf_failed(&b));
	buf_clear(&b);
	assert_int_equal(b.len, 0);
	assert_string_equal(b.data, "");
	buf_fini(&b);
	assert_null(b.data);
}

static void
test_nothing_added_is_still_a_string(void **state)
{
	struct buf b;

	buf_init(&b);
	buf_add(&b, NULL, 0);
	assert_non_null(b.data);
	assert_string_equal(b.data, "");
	buf_fini(&b);
}

/* Sizes around the powers of two at which it grows. */
static void
test_it_grows_at_every_size(void **state)
{
	for (size_t n = 0; n < 300; n++) {
		struct buf b = BUF_INIT;

		for (size_t i = 0; i < n; i++)
			buf_addc(&b, (char)('a' + i % 26));
		buf_addf(&b, "%*s", (int)n, "");
		assert_int_equal(b.len, 2 * n);
		assert_true(b.cap > b.len);
		assert_int_equal(b.data[b.len], '\0');
		for (size_t i = 0; i < n; i++)
			assert_int_equal(b.data[i], 'a' + i % 26);
		buf_fini(&b);
	}
}

static void
test_reserve_makes_room(void **state)
{
	struct buf b = BUF_INIT;
	char *data;

	assert_true(buf_reserve(&b, 1000));
	data = b.data;
	for (int i = 0; i < 1000; i++)
		buf_addc(&b, 'x');
	assert_ptr_equal(b.data, data);
	assert_int_equal(b.len, 1000);
	buf_fini(&b);
}

static void
test_a_failure_sticks_until_cleared(void **state)
{
	struct buf b = BUF_INIT;

	buf_addstr(&b, "abc");
	assert_false(buf_reserve(&b, SIZE_MAX / 2));
	assert_true(buf_failed(&b));
	buf_addstr(&b, "def");
	buf_addc(&b, 'g');
	buf_addf(&b, "%d", 1);
	assert_false(buf_reserve(&b, 1));
	assert_int_equal(b.len, 3);
	assert_string_equal(b.data, "abc");
	buf_clear(&b);
	assert_false(buf_failed(&b));
	buf_addstr(&b, "def");
	assert_string_equal(b.data, "def");
	buf_fini(&b);
}

static void
test_addjson_escapes_what_it_must(void **state)
{
	static const struct {
		const char *in, *out;
	} table[] = {
		{ "", "\"\"" },
		{ "plain", "\"plain\"" },
		{ "say \"hi\"\\", "\"say \\\"hi\\\"\\\\\"" },
		{ "\n\r\t", "\"\\n\\r\\t\"" },
		{ "\x01\x1f\x7f", "\"\\u0001\\u001f\x7f\"" },
		{ "\xe2\x82\xac</script>", "\"\xe2\x82\xac</script>\"" },
	};

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct buf b = BUF_INIT;

		buf_addjson(&b, table[i].in, strlen(table[i].in));
		assert_string_equal(b.data, table[i].out);
		buf_fini(&b);
	}
}

/* Any bytes that are UTF-8 come back from another reader of JSON. */
static void
test_addjson_comes_back(void **state)
{
	struct buf in = BUF_INIT, out = BUF_INIT;
	json_object *o;

	for (int c = 0; c < 0x80; c++) {
		buf_addc(&in, (char)c);
		buf_addstr(&in, "\xf0\x9f\x98\x80");
	}
	buf_addjson(&out, in.data, in.len);
	assert_false(buf_failed(&out));
	o = json_tokener_parse(out.data);
	assert_non_null(o);
	assert_int_equal(json_object_get_string_len(o), in.len);
	assert_memory_equal(json_object_get_string(o), in.data, in.len);
	json_object_put(o);
	buf_fini(&in);
	buf_fini(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bytes_are_kept),
		cmocka_unit_test(test_nothing_added_is_still_a_string),
		cmocka_unit_test(test_it_grows_at_every_size),
		cmocka_unit_test(test_reserve_makes_room),
		cmocka_unit_test(test_a_failure_sticks_until_cleared),
		cmocka_unit_test(test_addjson_escapes_what_it_must),
		cmocka_unit_test(test_addjson_comes_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
