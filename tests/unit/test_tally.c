/*
 * test_tally.c - how many streams each of something has.
 */
#include <stdio.h>

#include "unit.h"

#include "stream/admission/tally.h"

static void
each_key_has_its_own_count(void **state)
{
	struct hash_table table = { 0 };
	struct tally *a[3], *b;

	a[0] = tally_join(&table, "ann", 3, 2);
	a[1] = tally_join(&table, "ann", 3, 2);
	assert_non_null(a[0]);
	assert_ptr_equal(a[0], a[1]);
	assert_null(tally_join(&table, "ann", 3, 2));
	b = tally_join(&table, "anna", 4, 2);
	assert_non_null(b);
	assert_ptr_not_equal(b, a[0]);
	tally_leave(&table, a[0]);
	a[2] = tally_join(&table, "ann", 3, 2);
	assert_non_null(a[2]);
	tally_leave(&table, a[1]);
	tally_leave(&table, a[2]);
	tally_leave(&table, b);
	assert_int_equal(table.n, 0);
	assert_null(table.bucket);
}

static void
a_thousand_keys_leave_nothing_behind(void **state)
{
	struct hash_table table = { 0 };
	struct tally *all[1000];

	for (int i = 0; i < 1000; i++) {
		char key[16];
		int n = snprintf(key, sizeof(key), "%d", i / 2);

		all[i] = tally_join(&table, key, (size_t)n, 2);
		assert_non_null(all[i]);
	}
	for (int i = 0; i < 1000; i++)
		tally_leave(&table, all[i]);
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
