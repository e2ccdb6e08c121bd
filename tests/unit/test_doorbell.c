/*
 * test_doorbell.c - when writers must ring.
 */
#include "unit.h"

#include "feed/doorbell.h"

static int64_t now;

/* Fetches every 10 ms for a second; one in `every` brings events, 0: none. */
static void
fetch_for_a_second(struct doorbell *d, int every)
{
	for (int i = 1; i <= 100; i++) {
		now += 10;
		doorbell_fetched(d, every > 0 && i % every == 0, now);
	}
}

static void
do_step(struct doorbell *d, enum doorbell_step step)
{
	assert_int_equal(doorbell_step(d, now), step);
	doorbell_told(d, now);
}

/* A reading of the holders a, b and c; NULL: fewer. */
static void
read_holders(struct doorbell *d, const char *a, const char *b, const char *c)
{
	assert_int_equal(doorbell_step(d, now), DOORBELL_HOLDERS);
	if (a != NULL)
		doorbell_add(d, a);
	if (b != NULL)
		doorbell_add(d, b);
	if (c != NULL)
		doorbell_add(d, c);
	doorbell_end(d, now);
	now += 20;
}

/* A gateway whose row says asleep and which has read no holders yet. */
static struct doorbell *
new_waiting(void)
{
	struct doorbell *d = doorbell_new();

	now = 5000;
	doorbell_reset(d, now);
	fetch_for_a_second(d, 0);
	do_step(d, DOORBELL_SLEEP);
	assert_false(doorbell_is_asleep(d));
	return d;
}

static struct doorbell *
new_asleep(void)
{
	struct doorbell *d = new_waiting();

	read_holders(d, NULL, NULL, NULL);
	assert_false(doorbell_is_asleep(d));
	doorbell_fetched(d, false, now);
	assert_true(doorbell_is_asleep(d));
	return d;
}

static void
a_gateway_without_events_falls_asleep(void **state)
{
	struct doorbell *d = new_asleep();

	assert_int_equal(doorbell_step(d, now), DOORBELL_NOTHING);
	assert_int_equal(doorbell_fetch_ms(d, now), 1000);
	doorbell_free(d);
}

static void
a_busy_gateway_stays_awake(void **state)
{
	struct doorbell *d = doorbell_new();

	now = 5000;
	doorbell_reset(d, now);
	for (int i = 0; i < 5; i++) {
		fetch_for_a_second(d, 2);
		assert_int_equal(doorbell_step(d, now), DOORBELL_NOTHING);
		assert_int_equal(doorbell_fetch_ms(d, now), 4);
	}
	doorbell_free(d);
}

static void
holders_of_the_first_reading_are_awaited(void **state)
{
	struct doorbell *d = new_waiting();

	read_holders(d, "3/7", "4/1", NULL);
	doorbell_fetched(d, true, now);
	assert_false(doorbell_is_asleep(d));
	read_holders(d, "4/1", "5/2", NULL);
	doorbell_fetched(d, true, now);
	assert_false(doorbell_is_asleep(d));
	/* 3/7 is another transaction of the same session's number. */
	read_holders(d, "3/7", "5/2", NULL);
	assert_false(doorbell_is_asleep(d));
	doorbell_fetched(d, false, now);
	assert_true(doorbell_is_asleep(d));
	doorbell_free(d);
}

static void
a_fetch_before_the_last_reading_does_not_count(void **state)
{
	struct doorbell *d = new_waiting();

	read_holders(d, "3/7", NULL, NULL);
	doorbell_fetched(d, false, now);
	read_holders(d, NULL, NULL, NULL);
	assert_false(doorbell_is_asleep(d));
	doorbell_fetched(d, true, now);
	assert_true(doorbell_is_asleep(d));
	doorbell_free(d);
}

static void
a_prepared_transaction_keeps_it_from_sleep(void **state)
{
	struct doorbell *d = new_waiting();

	read_holders(d, NULL, NULL, NULL);
	doorbell_fetched(d, false, now);
	assert_true(doorbell_is_asleep(d));
	doorbell_free(d);
	d = new_waiting();
	for (int i = 0; i < 5; i++) {
		read_holders(d, "-1/4711", NULL, NULL);
		doorbell_fetched(d, false, now);
		assert_false(doorbell_is_asleep(d));
	}
	read_holders(d, NULL, NULL, NULL);
	doorbell_fetched(d, false, now);
	assert_true(doorbell_is_asleep(d));
	doorbell_free(d);
}

static void
a_slow_writer_slows_the_fetches_but_not_for_long(void **state)
{
	struct doorbell *d = new_waiting();

	read_holders(d, "3/7", NULL, NULL);
	assert_int_equal(doorbell_fetch_ms(d, now), 4);
	now += 2000;
	assert_int_equal(doorbell_fetch_ms(d, now), 50);
	doorbell_free(d);
}

static void
many_rings_wake_it_and_few_do_not(void **state)
{
	struct doorbell *d = new_asleep();

	now += 2000;
	for (int i = 0; i < 100; i++) {
		now += 20; /* 50 a second */
		doorbell_rang(d, now);
		assert_int_equal(doorbell_step(d, now) == DOORBELL_WAKE, false);
		doorbell_told(d, now);
	}
	for (int i = 0; i < 60; i++) {
		now += 5; /* 200 a second */
		doorbell_rang(d, now);
	}
	do_step(d, DOORBELL_WAKE);
	assert_int_equal(doorbell_fetch_ms(d, now), 4);
	doorbell_free(d);
}

static void
the_row_changes_once_a_second_at_most(void **state)
{
	struct doorbell *d = new_asleep();

	for (int i = 0; i < 100; i++)
		doorbell_rang(d, now + i);
	assert_int_equal(doorbell_step(d, now + 100), DOORBELL_NOTHING);
	now += 1000;
	for (int i = 0; i < 100; i++)
		doorbell_rang(d, now + i);
	now += 100;
	do_step(d, DOORBELL_WAKE);
	now += 10;
	doorbell_fetched(d, false, now);
	assert_int_equal(doorbell_step(d, now), DOORBELL_NOTHING);
	doorbell_free(d);
}

static void
rings_wake_it_also_while_it_waits(void **state)
{
	struct doorbell *d = new_waiting();

	read_holders(d, "3/7", NULL, NULL);
	now += 1000;
	for (int i = 0; i < 50; i++)
		doorbell_rang(d, ++now);
	do_step(d, DOORBELL_WAKE);
	/* The reading that was under way means nothing any more. */
	doorbell_add(d, "3/7");
	doorbell_end(d, now);
	fetch_for_a_second(d, 0);
	fetch_for_a_second(d, 0);
	do_step(d, DOORBELL_SLEEP);
	read_holders(d, "9/9", NULL, NULL);
	read_holders(d, NULL, NULL, NULL);
	doorbell_fetched(d, false, now);
	assert_true(doorbell_is_asleep(d));
	doorbell_free(d);
}

static void
the_row_is_confirmed_every_ten_seconds(void **state)
{
	struct doorbell *d = new_asleep();

	now += 9000;
	assert_int_equal(doorbell_step(d, now), DOORBELL_NOTHING);
	now += 1000;
	do_step(d, DOORBELL_SLEEP);
	assert_true(doorbell_is_asleep(d));
	assert_int_equal(doorbell_step(d, now), DOORBELL_NOTHING);
	doorbell_free(d);
}

static void
a_new_connection_is_awake(void **state)
{
	struct doorbell *d = new_asleep();

	doorbell_reset(d, now);
	assert_false(doorbell_is_asleep(d));
	assert_int_equal(doorbell_step(d, now), DOORBELL_NOTHING);
	assert_int_equal(doorbell_fetch_ms(d, now), 4);
	doorbell_free(d);
}

static void
many_holders_are_all_awaited(void **state)
{
	struct doorbell *d = new_waiting();
	char name[32];

	assert_int_equal(doorbell_step(d, now), DOORBELL_HOLDERS);
	for (int i = 0; i < 500; i++) {
		snprintf(name, sizeof(name), "%d/1", i);
		doorbell_add(d, name);
	}
	doorbell_end(d, now);
	now += 20;
	read_holders(d, "499/1", NULL, NULL);
	doorbell_fetched(d, false, now);
	assert_false(doorbell_is_asleep(d));
	/* A holder that was missing from one reading is awaited no longer. */
	now += 20;
	read_holders(d, "0/1", "1/1", NULL);
	doorbell_fetched(d, false, now);
	assert_true(doorbell_is_asleep(d));
	doorbell_free(d);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_gateway_without_events_falls_asleep),
		cmocka_unit_test(a_busy_gateway_stays_awake),
		cmocka_unit_test(holders_of_the_first_reading_are_awaited),
		cmocka_unit_test(a_fetch_before_the_last_reading_does_not_count),
		cmocka_unit_test(a_prepared_transaction_keeps_it_from_sleep),
		cmocka_unit_test(
		    a_slow_writer_slows_the_fetches_but_not_for_long),
		cmocka_unit_test(many_rings_wake_it_and_few_do_not),
		cmocka_unit_test(the_row_changes_once_a_second_at_most),
		cmocka_unit_test(rings_wake_it_also_while_it_waits),
		cmocka_unit_test(the_row_is_confirmed_every_ten_seconds),
		cmocka_unit_test(a_new_connection_is_awake),
		cmocka_unit_test(many_holders_are_all_awaited),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
