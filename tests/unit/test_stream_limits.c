/*
 * test_stream_limits.c - how many streams each of something has.
 */
#include <stdio.h>

#include "unit.h"

#include "stream/admission/stream_limits.h"

static void
each_key_has_its_own_count(void **state)
{
	struct hash_table table = { 0 };
	struct stream_limit *a[3], *b;

	a[0] = stream_limit_add(&table, "ann", 3, 2);
	a[1] = stream_limit_add(&table, "ann", 3, 2);
	assert_non_null(a[0]);
	assert_ptr_equal(a[0], a[1]);
	assert_null(stream_limit_add(&table, "ann", 3, 2));
	b = stream_limit_add(&table, "anna", 4, 2);
	assert_non_null(b);
	assert_ptr_not_equal(b, a[0]);
	stream_limit_remove(&table, a[0]);
	a[2] = stream_limit_add(&table, "ann", 3, 2);
	assert_non_null(a[2]);
	stream_limit_remove(&table, a[1]);
	stream_limit_remove(&table, a[2]);
	stream_limit_remove(&table, b);
	assert_int_equal(table.n, 0);
	assert_null(table.bucket);
}

static void
a_thousand_keys_leave_nothing_behind(void **state)
{
	struct hash_table table = { 0 };
	struct stream_limit *all[1000];

	for (int i = 0; i < 1000; i++) {
		char key[16];
		int n = snprintf(key, sizeof(key), "%d", i / 2);

		all[i] = stream_limit_add(&table, key, (size_t)n, 2);
		assert_non_null(all[i]);
	}
	for (int i = 0; i < 1000; i++)
		stream_limit_remove(&table, all[i]);
	assert_int_equal(table.n, 0);
	assert_null(table.bucket);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_key_has_its_own_count),
		cmocka_unit_test(a_thousand_keys_leave_nothing_behind),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
