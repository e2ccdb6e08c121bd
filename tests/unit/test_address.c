/*
 * test_address.c - how many streams each client address has.
 */
#include "unit.h"

#include "address.h"
#include "util.h"

static void
each_address_has_its_own_count(void **state)
{
	struct tally *table = NULL, *a[3], *b;

	a[0] = address_join(&table, "192.0.2.1", 2);
	a[1] = address_join(&table, "192.0.2.1", 2);
	assert_non_null(a[0]);
	assert_ptr_equal(a[0], a[1]);
	assert_null(address_join(&table, "192.0.2.1", 2));
	b = address_join(&table, "192.0.2.2", 2);
	assert_non_null(b);
	assert_ptr_not_equal(b, a[0]);
	tally_leave(&table, a[0]);
	a[2] = address_join(&table, "192.0.2.1", 2);
	assert_non_null(a[2]);
	tally_leave(&table, a[1]);
	tally_leave(&table, a[2]);
	tally_leave(&table, b);
	assert_null(table);
}

static void
what_one_browser_can_have_is_one_address(void **state)
{
	static const struct {
		const char *first, *second;
		bool same;
	} pairs[] = {
		{ "2001:db8::1", "2001:db8::ffff:2:3:4", true },
		{ "2001:db8::1", "2001:db8:0:1::1", false },
		{ "192.0.2.1", "::ffff:192.0.2.1", true },
		{ "192.0.2.1", "192.0.2.10", false },
		{ "0.0.0.0", "", false },
		{ "::", "", false },
		{ "", "unix:", true },
	};

	for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
		struct tally *table = NULL;
		struct tally *a = address_join(&table, pairs[i].first, 9);
		struct tally *b = address_join(&table, pairs[i].second, 9);

		assert_int_equal(a == b, pairs[i].same);
		tally_leave(&table, a);
		tally_leave(&table, b);
		assert_null(table);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_address_has_its_own_count),
		cmocka_unit_test(what_one_browser_can_have_is_one_address),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
