/*
 * test_timer_wheel.c - a timer is due at its time, once, and never lost.
 */
#include "unit.h"

#include "base/timer_wheel.h"

static size_t
count_due(struct timer_wheel *w, int64_t now_ms)
{
	struct timer_list due = LIST_HEAD_INITIALIZER(due);
	struct timer *t;
	size_t n = 0;

	timer_wheel_take_due(w, now_ms, &due);
	while ((t = LIST_FIRST(&due)) != NULL) {
		timer_wheel_remove(t);
		n++;
	}
	return n;
}

static void
a_timer_is_due_within_a_tick_of_its_time(void **state)
{
	static const int64_t when[] = { 0, 1, 99, 100, 101, 15000, 51000 };

	for (size_t i = 0; i < ARRAY_LEN(when); i++) {
		struct timer_wheel w;
		struct timer t;
		int64_t begin = 1000000, now = begin;

		timer_wheel_init(&w, begin);
		timer_wheel_add(&w, &t, begin + when[i]);
		while (count_due(&w, now) == 0)
			now += TIMER_WHEEL_TICK_MS;
		assert_true(now - begin >= when[i]);
		assert_true(now - begin <= when[i] + TIMER_WHEEL_TICK_MS);
	}
}

static void
a_time_beyond_the_turn_is_due_early(void **state)
{
	struct timer_wheel w;
	struct timer t;
	int64_t turn = TIMER_WHEEL_SLOTS * TIMER_WHEEL_TICK_MS;

	timer_wheel_init(&w, 0);
	timer_wheel_add(&w, &t, INT64_MAX / 2);
	assert_int_equal(count_due(&w, turn - 2 * TIMER_WHEEL_TICK_MS), 0);
	assert_int_equal(count_due(&w, turn), 1);
}

static void
a_long_pause_loses_no_timer(void **state)
{
	struct timer_wheel w;
	struct timer t[1000];

	timer_wheel_init(&w, 0);
	for (size_t i = 0; i < ARRAY_LEN(t); i++)
		timer_wheel_add(&w, &t[i], (int64_t)i * 70);
	assert_int_equal(count_due(&w, 3600 * 1000), ARRAY_LEN(t));
	timer_wheel_add(&w, &t[0], 3600 * 1000 + 200);
	assert_int_equal(count_due(&w, 3600 * 1000 + 100), 0);
	assert_int_equal(count_due(&w, 3600 * 1000 + 300), 1);
}

static void
a_moved_or_removed_timer_is_not_due_at_its_old_time(void **state)
{
	struct timer_wheel w;
	struct timer a, b;

	timer_wheel_init(&w, 0);
	timer_wheel_add(&w, &a, 1000);
	timer_wheel_add(&w, &b, 1000);
	timer_wheel_move(&w, &a, 5000);
	timer_wheel_remove(&b);
	assert_int_equal(count_due(&w, 4000), 0);
	assert_int_equal(count_due(&w, 6000), 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_timer_is_due_within_a_tick_of_its_time),
		cmocka_unit_test(a_time_beyond_the_turn_is_due_early),
		cmocka_unit_test(a_long_pause_loses_no_timer),
		cmocka_unit_test(
		    a_moved_or_removed_timer_is_not_due_at_its_old_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
