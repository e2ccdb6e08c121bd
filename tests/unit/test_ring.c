/*
 * test_ring.c - the window of recent events, and where somebody goes on in it.
 */
#include "unit.h"

#include "stream/source/ring.h"

static struct feed_event *
make(int64_t id, const char *position)
{
	struct cursor c;
	struct feed_event *e;

	assert_true(cursor_parse(&c, position, strlen(position)));
	e = feed_event_new(
	    id, 0, "t", NULL, NULL, "data", 4, NULL, position, c.last);
	assert_non_null(e);
	return e;
}

static struct ring *
ring_from(int64_t base)
{
	struct cursor c;

	cursor_init(&c, 1, base);
	return ring_new(1024 * 1024, &c);
}

/* Feed: 11; 13 with 12 open; 12; then 15 with 14 open, which turns out dead. */
static struct ring *
make_feed(void)
{
	struct ring *r = ring_from(10);

	assert_true(ring_append(r, make(11, "11")));
	assert_true(ring_append(r, make(13, "13.1")));
	assert_true(ring_append(r, make(12, "13")));
	assert_true(ring_append(r, make(15, "15.1")));
	assert_true(ring_append(r, make(16, "16")));
	return r;
}

static void
whoever_comes_back_goes_on_behind_what_they_had(void **state)
{
	static const struct {
		const char *position;
		bool found, exact;
		uint64_t seq;
	} cases[] = {
		{ "9", false, false, 0 }, /* before the ring */
		{ "10", true, true, 0 },  /* its very beginning */
		{ "11", true, true, 1 },
		{ "13.1", true, true, 2 }, /* with 12 still to come */
		{ "13", true, true, 3 },
		{ "12", true, false, 1 }, /* had 12 elsewhere, not 13 */
		{ "15.1", true, true, 4 },
		{ "15", true, false, 4 }, /* had 14 as well: elsewhere */
		{ "16", true, true, 5 },
		{ "16.2", true, false, 3 }, /* 14 dead here, open there */
		{ "99", true, false, 5 },   /* ahead of this gateway */
		{ "2~13", true, false, 3 }, /* ids of a later timeline */
	};
	struct ring *r = make_feed();

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct cursor c;
		uint64_t seq = 0;
		bool exact = false, found;

		assert_true(cursor_parse(
		    &c, cases[i].position, strlen(cases[i].position)));
		found = ring_find(r, &c, &seq, &exact);
		if (found != cases[i].found ||
		    (found && (seq != cases[i].seq || exact != cases[i].exact)))
			fail_msg("\"%s\": found %d at %d, exact %d",
			    cases[i].position, found, (int)seq, exact);
	}
	ring_free(r);
}

static void
the_oldest_goes_before_the_newest_is_refused(void **state)
{
	struct cursor base;
	struct ring *r;
	char text[24];

	cursor_init(&base, 1, 0);
	r = ring_new(4096, &base);
	for (int64_t id = 1; id <= 5000; id++) {
		snprintf(text, sizeof(text), "%lld", (long long)id);
		assert_true(ring_append(r, make(id, text)));
		assert_true(ring_bytes(r) <= 4096);
		assert_int_equal(ring_at(r, ring_head(r) - 1)->id, id);
	}
	assert_int_equal(ring_head(r), 5000);
	assert_true(ring_head(r) - ring_tail(r) >= 2);
	assert_true(ring_head(r) - ring_tail(r) <= 100);
	snprintf(text, sizeof(text), "%lld", (long long)ring_tail(r));
	assert_string_equal(ring_position(r, ring_tail(r)), text);
	ring_free(r);
}

static void
an_event_larger_than_the_ring_is_kept_alone(void **state)
{
	static char data[10000];
	struct cursor base;
	struct ring *r;

	memset(data, 'x', sizeof(data));
	cursor_init(&base, 1, 0);
	r = ring_new(1000, &base);
	assert_true(ring_append(r, make(1, "1")));
	assert_true(ring_append(
	    r, feed_event_new(2, 0, "t", NULL, NULL, data, sizeof(data), NULL,
		   "2", 2)));
	assert_int_equal(ring_tail(r), 1);
	assert_int_equal(ring_head(r), 2);
	assert_string_equal(ring_position(r, 1), "1");
	ring_free(r);
}

/*
 * Against a naive model: a feed whose ids become visible out of order, and
 * clients at every position it ever had. Going on where ring_find() says, and
 * skipping what one has, gives exactly what is missing.
 */
static void
what_follows_is_exactly_what_is_missing(void **state)
{
	enum { IDS = 200, ROUNDS = 200 };
	unsigned seed = 20261122;

	for (int round = 0; round < ROUNDS; round++) {
		struct ring *r = ring_from(0);
		struct cursor g;
		int64_t order[IDS];
		char text[CURSOR_TEXT_MAX];

		/* A shuffle that moves each id by a few places only. */
		for (int i = 0; i < IDS; i++)
			order[i] = i + 1;
		for (int i = 0; i < IDS; i++) {
			int k = i + (int)(rand_r(&seed) % 6);
			int64_t id = order[i];

			if (k < IDS) {
				order[i] = order[k];
				order[k] = id;
			}
		}
		cursor_init(&g, 1, 0);
		for (int i = 0; i < IDS; i++) {
			if (rand_r(&seed) % 10 == 0) {
				order[i] = 0; /* rolled back */
				continue;
			}
			assert_true(cursor_step(&g, order[i]));
			cursor_print(&g, text, sizeof(text));
			assert_true(ring_append(r, make(order[i], text)));
		}
		for (uint64_t at = 0; at <= ring_head(r); at++) {
			struct cursor c;
			uint64_t seq;
			bool exact;
			size_t missing = 0, got = 0;

			assert_true(cursor_parse(&c, ring_position(r, at),
			    strlen(ring_position(r, at))));
			assert_true(ring_find(r, &c, &seq, &exact));
			for (int i = 0; i < IDS; i++)
				missing +=
				    order[i] != 0 && !cursor_has(&c, order[i]);
			for (; seq < ring_head(r); seq++) {
				bool had = cursor_has(&c, ring_at(r, seq)->id);

				assert_false(exact && had);
				got += !had;
			}
			assert_int_equal(got, missing);
		}
		ring_free(r);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    whoever_comes_back_goes_on_behind_what_they_had),
		cmocka_unit_test(the_oldest_goes_before_the_newest_is_refused),
		cmocka_unit_test(an_event_larger_than_the_ring_is_kept_alone),
		cmocka_unit_test(what_follows_is_exactly_what_is_missing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
