/*
 * test_waiting_list.c - who gets a free place, when a client polls again, and
 * tickets behind positions; time is what the test says it is.
 */
#include "unit.h"

#include "stream/admission/waiting_list.h"
#include "stream/client/ticket.h"

static void
a_free_place_is_for_the_client_that_waits_longest(void **state)
{
	struct waiting_list l;
	uint64_t t[3];

	waiting_list_init(&l);
	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		t[i] = waiting_list_keep(&l, 0, 0, 10000);
		assert_int_not_equal(t[i], 0);
	}
	/* Polling again does not change the order. */
	assert_int_equal(waiting_list_keep(&l, t[0], 0, 10001), t[0]);
	assert_int_equal(waiting_list_count(&l), 3);

	assert_false(waiting_list_admit(&l, t[0], 0, 5000));
	assert_false(waiting_list_admit(&l, t[1], 1, 5000));
	assert_false(waiting_list_admit(&l, 0, 1, 5000));
	assert_true(waiting_list_admit(&l, t[0], 1, 5000));
	assert_false(waiting_list_admit(&l, t[0], 1, 5000)); /* only once */
	/* The next two places are for the other two, in any order. */
	assert_false(waiting_list_admit(&l, 0, 2, 5000));
	assert_true(waiting_list_admit(&l, t[2], 2, 5000));
	assert_true(waiting_list_admit(&l, t[1], 1, 5000));
	assert_true(waiting_list_admit(&l, 0, 1, 5000));
	assert_int_equal(waiting_list_count(&l), 0);
	waiting_list_fini(&l);
}

static void
a_new_client_gets_a_place_that_nobody_waits_for(void **state)
{
	struct waiting_list l;

	waiting_list_init(&l);
	(void)waiting_list_keep(&l, 0, 0, 10000);
	assert_false(waiting_list_admit(&l, 0, 1, 5000));
	assert_true(waiting_list_admit(&l, 0, 2, 5000));
	waiting_list_fini(&l);
}

static void
no_client_begins_to_wait_while_a_place_is_free(void **state)
{
	struct waiting_list l;
	uint64_t ticket;

	waiting_list_init(&l);
	ticket = waiting_list_keep(&l, 0, 0, 10000);
	assert_int_equal(waiting_list_keep(&l, 0, 1, 10000), 0);
	assert_int_equal(waiting_list_keep(&l, ticket + 1, 1, 10000), 0);
	assert_int_equal(waiting_list_keep(&l, ticket, 1, 10000), ticket);
	assert_int_equal(waiting_list_count(&l), 1);
	waiting_list_fini(&l);
}

static void
a_client_that_is_late_is_forgotten(void **state)
{
	struct waiting_list l;
	uint64_t first, second;

	waiting_list_init(&l);
	first = waiting_list_keep(&l, 0, 0, 10000);
	second = waiting_list_keep(&l, 0, 0, 20000);
	assert_false(waiting_list_admit(&l, second, 1, 10000));
	assert_true(waiting_list_admit(&l, second, 1, 11001));
	assert_int_equal(waiting_list_count(&l), 0);
	/* Late, it is the last, under its own ticket. */
	second = waiting_list_keep(&l, 0, 0, 30000);
	assert_int_equal(waiting_list_keep(&l, first, 0, 30000), first);
	assert_false(waiting_list_admit(&l, first, 1, 12000));
	assert_true(waiting_list_admit(&l, second, 1, 12000));
	waiting_list_fini(&l);
}

static void
a_long_list_takes_no_more(void **state)
{
	struct waiting_list l;

	waiting_list_init(&l);
	for (size_t i = 0; i < WAITING_LIST_MAX; i++)
		assert_int_not_equal(waiting_list_keep(&l, 0, 0, 1), 0);
	assert_int_equal(waiting_list_keep(&l, 0, 0, 1), 0);
	assert_true(waiting_list_admit(&l, 0, 1, 5000));
	assert_int_equal(waiting_list_count(&l), 0);
	waiting_list_fini(&l);
}

static void
the_delay_is_drawn_and_longer_when_many_wait(void **state)
{
	static const struct {
		size_t waiting, places;
		int64_t min, max, low, high;
	} rows[] = {
		{ 0, 100, 2000, 5000, 2000, 5000 },
		{ 1400, 100, 2000, 5000, 2000, 5000 }, /* 400 polls a second */
		{ 2800, 100, 2000, 5000, 4000, 10000 },
		{ 280, 20, 2000, 5000, 2000, 5000 },
		{ 40000, 100000, 2000, 5000, 22857, 57142 }, /* 1000 */
		{ 60, 1, 2000, 5000, 2000, 5000 },
		{ 140, 1, 2000, 5000, 4000, 10000 }, /* 20 */
		{ 0, 1, 0, 0, 0, 0 },
		{ 20, 1, 0, 0, 500, 1500 },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		int64_t least = INT64_MAX, most = 0, drawn;
		struct waiting_list l;

		waiting_list_init(&l);
		for (size_t n = 0; n < rows[i].waiting; n++)
			(void)waiting_list_keep(&l, 0, 0, 1);
		for (int n = 0; n < 1000; n++) {
			drawn = waiting_list_retry_ms(
			    &l, rows[i].min, rows[i].max, rows[i].places);
			assert_in_range(drawn, rows[i].low, rows[i].high);
			least = MIN(least, drawn);
			most = MAX(most, drawn);
		}
		assert_true(
		    (most - least) * 10 >= (rows[i].high - rows[i].low) * 9);
		waiting_list_fini(&l);
	}
}

static void
a_ticket_stands_behind_a_position(void **state)
{
	static const struct {
		const char *text;
		size_t position;
		uint64_t ticket;
	} rows[] = {
		{ "", 0, 0 },
		{ "17", 2, 0 },
		{ "17_k3x9", 7, 0 },
		{ "17__a", 2, 10 },
		{ "2~17.3-1_k3x9__10", 13, 36 },
		{ "17__", 2, 0 },
		{ "17__A", 2, 0 },
		{ "17__a b", 2, 0 },
		{ "17__zzzzzzzzzzzzzzzzz", 2, 0 },
		{ "__a", 0, 10 },
		{ "17__a__b", 2, 0 },
	};
	char text[TICKET_TEXT_MAX];
	size_t n;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		assert_int_equal(
		    ticket_parse(rows[i].text, &n), rows[i].ticket);
		assert_int_equal(n, rows[i].position);
	}
	ticket_print(0, text);
	assert_string_equal(text, "");
	ticket_print(36, text);
	assert_string_equal(text, "__10");
	ticket_print(INT64_MAX, text);
	assert_int_equal(ticket_parse(text, &n), INT64_MAX);
	assert_int_equal(n, 0);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    a_free_place_is_for_the_client_that_waits_longest),
		cmocka_unit_test(
		    a_new_client_gets_a_place_that_nobody_waits_for),
		cmocka_unit_test(
		    no_client_begins_to_wait_while_a_place_is_free),
		cmocka_unit_test(a_client_that_is_late_is_forgotten),
		cmocka_unit_test(a_long_list_takes_no_more),
		cmocka_unit_test(the_delay_is_drawn_and_longer_when_many_wait),
		cmocka_unit_test(a_ticket_stands_behind_a_position),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
