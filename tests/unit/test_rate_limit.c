/*
 * test_rate_limit.c - the token buckets; time is what the test says it is.
 */
#include "unit.h"

#include "post/rate_limit.h"
#include "base/log.h"

static int64_t
take(struct rate_limit *l, const char *key, int64_t now)
{
	return rate_limit_take(l, key, strlen(key), key, now);
}

static void
a_burst_then_the_rate(void **state)
{
	struct rate_limit *l = rate_limit_new("user", 10, 3);

	for (int i = 0; i < 3; i++)
		assert_int_equal(take(l, "a", 1000), 0);
	assert_int_equal(take(l, "a", 1000), 100);
	assert_int_equal(take(l, "a", 1050), 50);
	assert_int_equal(take(l, "b", 1050), 0);
	/* Who asks too early loses nothing by it. */
	assert_int_equal(take(l, "a", 1100), 0);
	assert_int_equal(take(l, "a", 1101), 99);
	/* A hundred seconds later there is a burst, and no more. */
	for (int i = 0; i < 3; i++)
		assert_int_equal(take(l, "a", 101000), 0);
	assert_int_equal(take(l, "a", 101000), 100);
	rate_limit_free(l);
}

static void
the_rate_holds_in_the_long_run(void **state)
{
	static const int64_t rates[] = { 1, 3, 7, 100, 999, 1000, 5000 };

	for (size_t i = 0; i < ARRAY_LEN(rates); i++) {
		struct rate_limit *l = rate_limit_new("user", rates[i], 5);
		int64_t taken = 0;

		for (int64_t now = 1; now <= 20000; now++) {
			while (taken < 1000000 && take(l, "a", now) == 0)
				taken++;
		}
		assert_true(taken >= 20 * rates[i] - 1);
		assert_true(
		    taken <= 20 * rates[i] + 20 * rates[i] / 1000 + 5);
		rate_limit_free(l);
	}
}

static void
no_rate_is_no_limit(void **state)
{
	struct rate_limit *l = rate_limit_new("user", 0, 1);

	assert_null(l);
	for (int i = 0; i < 1000; i++)
		assert_int_equal(take(l, "a", 1), 0);
	rate_limit_free(l);
}

/* A crowd of keys makes room by those that were idle for longest. */
static void
the_table_has_an_end(void **state)
{
	struct rate_limit *l = rate_limit_new("address", 1, 1);
	int refused = 0;

	assert_int_equal(take(l, "busy", 1), 0);
	for (int i = 0; i < 3 * LIMIT_KEYS; i++) {
		assert_int_equal(rate_limit_take(l, &i, sizeof(i), "x", 1), 0);
		refused += take(l, "busy", 1) > 0;
	}
	assert_int_equal(refused, 3 * LIMIT_KEYS);
	rate_limit_free(l);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_burst_then_the_rate),
		cmocka_unit_test(the_rate_holds_in_the_long_run),
		cmocka_unit_test(no_rate_is_no_limit),
		cmocka_unit_test(the_table_has_an_end),
	};

	log_open("test", false, LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
