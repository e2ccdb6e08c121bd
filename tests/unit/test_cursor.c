/*
 * test_cursor.c - positions against a model that cannot be wrong.
 *
 * The model is one bit per id over a universe of at most 64 ids. Every
 * operation is done on both with random histories, and the whole set is
 * compared after each step. PGFEED_TEST_SEED and PGFEED_TEST_STEPS repeat or
 * lengthen a run.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "feed/cursor.h"

#define UNIVERSE      64
#define DEFAULT_SEED  20251122
#define DEFAULT_STEPS 2000000

/* --- the model: bit i is id i + 1 */

struct model {
	uint64_t seen;
	int last;
};

static uint64_t
bits_upto(int64_t id)
{
	if (id <= 0)
		return 0;
	return id >= 64 ? UINT64_MAX : (UINT64_C(1) << id) - 1;
}

static uint64_t
bit(int id)
{
	return UINT64_C(1) << (id - 1);
}

static struct model
model_of(const struct cursor *c)
{
	struct model m = { bits_upto(c->last), (int)c->last };

	for (unsigned i = 0; i < c->n; i++)
		m.seen &= ~(bits_upto(c->hole[i].high) &
			    ~bits_upto(c->hole[i].low - 1));
	return m;
}

/* What cursor.h promises under "Always". */
static void
assert_sane(const struct cursor *c)
{
	int64_t above = 0;

	assert_true(c->last >= 0);
	assert_true(c->n <= CURSOR_MAX_RANGES);
	for (unsigned i = 0; i < c->n; i++) {
		assert_true(c->hole[i].low > above);
		assert_true(c->hole[i].high >= c->hole[i].low);
		above = c->hole[i].high + 1;
	}
	if (c->n > 0)
		assert_true(above <= c->last);
}

static void
assert_is(const struct cursor *c, struct model m)
{
	struct model is = model_of(c);

	assert_sane(c);
	assert_int_equal(is.last, m.last);
	assert_true(is.seen == m.seen);
}

static uint64_t random_state;

/* splitmix64 (Steele, Lea, Flood 2014) */
static uint64_t
random64(void)
{
	uint64_t z = (random_state += UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

static int
random_id(int low, int high)
{
	return low + (int)(random64() % (uint64_t)(high - low + 1));
}

static uint64_t
number_from(const char *name, uint64_t fallback)
{
	const char *s = getenv(name);

	return s != NULL && *s != '\0' ? strtoull(s, NULL, 10) : fallback;
}

/* A random position over ids up to top. */
static void
random_cursor(struct cursor *c, int top)
{
	cursor_init(c, 1, random_id(0, 8));
	while (c->last < top && random_id(0, 15) != 0)
		assert_true(
		    cursor_step(c, random_id((int)c->last / 2 + 1, top)));
}

/* --- text */

static const struct {
	const char *text;
	uint32_t tli;
	int64_t last;
	unsigned n;
	struct cursor_range hole[3];
} good[] = {
	{ "0", 1, 0, 0, { { 0 } } },
	{ "1", 1, 1, 0, { { 0 } } },
	{ "12345", 1, 12345, 0, { { 0 } } },
	{ "9223372036854775807", 1, INT64_MAX, 0, { { 0 } } },
	{ "2~0", 2, 0, 0, { { 0 } } },
	{ "4294967295~7", UINT32_MAX, 7, 0, { { 0 } } },
	{ "2.1", 1, 2, 1, { { 1, 1 } } },
	{ "12345.3", 1, 12345, 1, { { 12342, 12342 } } },
	{ "12345.3.1-2", 1, 12345, 2, { { 12338, 12340 }, { 12342, 12342 } } },
	{ "2~12345.a-z", 2, 12345, 1, { { 12300, 12335 } } },
	{ "9.1.1.1", 1, 9, 3, { { 4, 4 }, { 6, 6 }, { 8, 8 } } },
	{ "37.10", 1, 37, 1, { { 1, 1 } } },
	{ "9223372036854775807.1-1y2p0ij32e8e5", 1, INT64_MAX, 1,
	    { { 1, INT64_MAX - 1 } } },
	{ "9223372036854775807.1y2p0ij32e8e6", 1, INT64_MAX, 1, { { 1, 1 } } },
};

static void
text_is_as_documented(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		char text[CURSOR_TEXT_MAX];
		struct cursor c;
		size_t n = strlen(good[i].text);

		assert_true(cursor_parse(&c, good[i].text, n));
		assert_sane(&c);
		assert_int_equal(c.tli, good[i].tli);
		assert_true(c.last == good[i].last);
		assert_int_equal(c.n, good[i].n);
		assert_memory_equal(
		    c.hole, good[i].hole, c.n * sizeof(c.hole[0]));
		assert_int_equal(cursor_print(&c, text, sizeof(text)), n);
		assert_string_equal(text, good[i].text);

		assert_int_equal(cursor_print(&c, text, n + 1), n);
		assert_int_equal(cursor_print(&c, text, n), 0);
		assert_string_equal(text, "");
		assert_int_equal(cursor_print(&c, NULL, 0), 0);
	}
}

static const char *const bad[] = { "", " ", "-1", "+1", "x", "01", "00", "1 ",
	" 1", "1\n", "now", "earliest", "9223372036854775808",
	"18446744073709551617", "99999999999999999999", "1~5", "0~5", "01~5",
	"4294967296~5", "~5", "2~", "2~~5", "2~05", "2~3~5", "5.", "5..1",
	"5.0", "5.01", "5.5", "0.1", "1.1", "5.A", "5.1-", "5.1-0", "5.1-01",
	"5.1-4", "5.4-1", "5.1.", "5.1.0", "5.1.3", "5.1-3.1", "5.1--1", "5-1",
	"5.1-1-1", "5.1,1", "9.1y2p0ij32e8e7", "9.zzzzzzzzzzzzzzzzzzzzzzzz",
	"9223372036854775807.1-1y2p0ij32e8e6",
	"9223372036854775807.1y2p0ij32e8e7", "\xc3\xa9", "5.\xff" };

static void
text_that_print_would_not_write_is_refused(void **state)
{
	static const char nul[] = "5\0.1";
	struct cursor c;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (cursor_parse(&c, bad[i], strlen(bad[i])))
			fail_msg("\"%s\" was taken", bad[i]);
	assert_false(cursor_parse(&c, nul, sizeof(nul) - 1));
	/* Only n bytes are looked at. */
	assert_true(cursor_parse(&c, "123x", 3));
	assert_true(c.last == 123);
}

static void
text_has_at_most_so_many_ranges(void **state)
{
	char text[CURSOR_TEXT_MAX + 64] = "1000";
	struct cursor c;

	for (int i = 0; i < CURSOR_MAX_RANGES; i++)
		strcat(text, ".1");
	assert_true(cursor_parse(&c, text, strlen(text)));
	assert_int_equal(c.n, CURSOR_MAX_RANGES);
	strcat(text, ".1");
	assert_false(cursor_parse(&c, text, strlen(text)));

	/* The widest numbers that so many ranges can have together still fit. */
	cursor_init(&c, UINT32_MAX, INT64_MAX);
	c.n = CURSOR_MAX_RANGES;
	for (int64_t i = 0; i < CURSOR_MAX_RANGES; i++) {
		c.hole[i].low = INT64_MAX / CURSOR_MAX_RANGES * i + 1;
		c.hole[i].high =
		    c.hole[i].low + INT64_MAX / CURSOR_MAX_RANGES / 2;
	}
	assert_sane(&c);
	assert_int_not_equal(cursor_print(&c, text, CURSOR_TEXT_MAX), 0);
	struct cursor again;
	assert_true(cursor_parse(&again, text, strlen(text)));
	assert_true(cursor_equal(&c, &again));
}

/* --- one story each */

static void
an_id_stepped_over_is_a_hole_until_it_is_seen(void **state)
{
	struct cursor c;

	cursor_init(&c, 1, 10);
	assert_true(cursor_step(&c, 13));
	assert_true(cursor_has(&c, 10) && cursor_has(&c, 13));
	assert_true(cursor_has_hole(&c, 11) && cursor_has_hole(&c, 12));
	assert_false(cursor_has(&c, 12) || cursor_has(&c, 14));
	assert_int_equal(cursor_low(&c), 10);
	assert_int_equal(cursor_holes(&c), 2);

	assert_true(cursor_step(&c, 12));
	assert_true(cursor_step(&c, 12));
	assert_int_equal(cursor_holes(&c), 1);
	cursor_drop(&c, 11, 11);
	assert_int_equal(c.n, 0);
	assert_int_equal(cursor_low(&c), 13);
}

/* A position that is out of ranges steps over nothing, but goes straight on. */
static void
at_the_cap_only_exact_steps_are_taken(void **state)
{
	struct cursor c, before;

	cursor_init(&c, 1, 0);
	for (int i = 1; i <= CURSOR_MAX_RANGES; i++)
		assert_true(cursor_step(&c, 4 * i));
	assert_int_equal(c.n, CURSOR_MAX_RANGES);
	cursor_copy(&before, &c);

	assert_false(cursor_step(&c, c.last + 2));
	assert_false(cursor_step(&c, 2)); /* would split 1-3 */
	assert_false(cursor_drop(&c, 2, 2));
	assert_false(cursor_step_through(&c, c.last + 2, &before));
	assert_true(cursor_equal(&c, &before));

	assert_true(cursor_step(&c, c.last + 1));
	assert_true(cursor_step(&c, 1));
	assert_true(cursor_step(&c, 3));
	assert_true(cursor_step(&c, 2));
	assert_int_equal(c.n, CURSOR_MAX_RANGES - 1);
	assert_true(cursor_step(&c, c.last + 2));
	assert_sane(&c);
}

/* Out of ranges, a union gives up the fewest seen ids and adds none. */
static void
a_union_out_of_ranges_claims_less(void **state)
{
	struct cursor a, b, u;

	cursor_init(&a, 1, 0);
	cursor_init(&b, 1, 5 * CURSOR_MAX_RANGES);
	for (int i = 1; i <= CURSOR_MAX_RANGES; i++)
		assert_true(cursor_step(&a, 4 * i));
	for (int i = 1; i <= CURSOR_MAX_RANGES; i++)
		assert_true(cursor_step(&b, 5 * CURSOR_MAX_RANGES + 10 * i));
	/* b has all that a has and more: exact. */
	assert_true(cursor_union(&u, &a, &b));
	assert_true(cursor_equal(&u, &b));

	/* Now a part of each is open in both. */
	cursor_init(&b, 1, 0);
	b.last = 4 * CURSOR_MAX_RANGES + 1000;
	b.n = 2;
	b.hole[0] = (struct cursor_range){ 1, 4 * CURSOR_MAX_RANGES + 100 };
	b.hole[1] = (struct cursor_range){ b.last - 10, b.last - 1 };
	for (int i = 1; i <= CURSOR_MAX_RANGES - 2; i++)
		assert_true(cursor_step(&b, b.last + 3));
	assert_int_equal(b.n, CURSOR_MAX_RANGES);
	assert_false(cursor_union(&u, &a, &b));
	assert_sane(&u);
	assert_int_equal(u.n, CURSOR_MAX_RANGES);
	assert_true(u.last == b.last);
	for (int64_t id = 1; id <= u.last; id++)
		if (cursor_has(&u, id))
			assert_true(cursor_has(&a, id) || cursor_has(&b, id));
}

/* What is given up is what costs least: the two ids between 491 and 494. */
static void
a_union_out_of_ranges_gives_up_the_fewest_ids(void **state)
{
	struct cursor a, b, u;
	const int64_t top = 10 * CURSOR_MAX_RANGES;

	cursor_init(&a, 1, top + 1);
	for (a.n = 0; a.n < CURSOR_MAX_RANGES; a.n++)
		a.hole[a.n].low = a.hole[a.n].high = 10 * a.n + 1;
	a.hole[50].low = a.hole[50].high = 494;
	cursor_init(&b, 1, top + 10);
	b.n = 1;
	b.hole[0] = (struct cursor_range){ 1, top + 5 };
	assert_sane(&a);
	assert_sane(&b);

	/* Open in both: what a has open, and the four above a. */
	assert_false(cursor_union(&u, &a, &b));
	assert_sane(&u);
	assert_int_equal(u.n, CURSOR_MAX_RANGES);
	assert_true(u.last == b.last);
	for (int64_t id = 1; id <= u.last; id++)
		assert_int_equal(cursor_has(&u, id),
		    (cursor_has(&a, id) || cursor_has(&b, id)) && id != 492 &&
			id != 493);
}

/* A row that g has not got to: all that g knows nothing of stays open. */
static void
a_step_past_the_gateway_leaves_the_unknown_open(void **state)
{
	struct cursor c, g;

	cursor_init(&g, 1, 10);
	cursor_init(&c, 1, 5);
	assert_true(cursor_step_through(&c, 15, &g));
	assert_int_equal(c.n, 1);
	assert_true(c.hole[0].low == 11 && c.hole[0].high == 14);
	cursor_init(&c, 1, 12);
	assert_true(cursor_step_through(&c, 15, &g));
	assert_int_equal(c.n, 1);
	assert_true(c.hole[0].low == 13 && c.hole[0].high == 14);
}

static void
timelines_do_not_mix(void **state)
{
	struct cursor a, b, u;

	cursor_init(&a, 1, 10);
	cursor_init(&b, 2, 20);
	assert_false(cursor_subset(&a, &b) || cursor_subset(&b, &a));
	assert_false(cursor_equal(&a, &b));
	assert_false(cursor_union(&u, &a, &b));
	assert_true(cursor_equal(&u, &a));
}

static void
the_last_id_of_all_is_no_exception(void **state)
{
	struct cursor c, d, u;

	cursor_init(&c, 1, INT64_MAX - 3);
	assert_true(cursor_step(&c, INT64_MAX));
	assert_true(cursor_has_hole(&c, INT64_MAX - 1));
	assert_true(cursor_step(&c, INT64_MAX));
	cursor_init(&d, 1, INT64_MAX);
	assert_true(cursor_subset(&c, &d) && !cursor_subset(&d, &c));
	assert_true(cursor_union(&u, &c, &d) && cursor_equal(&u, &d));
	cursor_init(&d, 1, 5);
	assert_true(cursor_step_through(&d, INT64_MAX, &c));
	assert_int_equal(d.n, 1);
	assert_true(cursor_union(&u, &d, &c) && cursor_equal(&u, &c));
}

/* --- histories */

static void
random_steps_agree_with_the_model(void **state)
{
	uint64_t steps = number_from("PGFEED_TEST_STEPS", DEFAULT_STEPS);
	struct cursor c, again;
	struct model m = { 0 };

	cursor_init(&c, 1, 0);
	for (uint64_t i = 0; i < steps; i++) {
		int top = MIN(UNIVERSE, m.last + 6), id = random_id(1, top);

		if (m.last == UNIVERSE && random_id(0, 31) == 0) {
			cursor_init(&c, 1, random_id(0, 3));
			m = model_of(&c);
			continue;
		}
		if (random_id(0, 7) == 0) {
			int high = MIN(UNIVERSE, id + random_id(0, 5));

			assert_true(cursor_drop(&c, id, high));
			m.seen |=
			    bits_upto(MIN(high, m.last)) & ~bits_upto(id - 1);
		} else {
			assert_true(cursor_step(&c, id));
			m.seen |= bit(id);
			m.last = MAX(m.last, id);
		}
		assert_is(&c, m);

		id = random_id(1, UNIVERSE);
		assert_int_equal(cursor_has(&c, id), (m.seen & bit(id)) != 0);
		assert_int_equal(cursor_has_hole(&c, id),
		    id <= m.last && (m.seen & bit(id)) == 0);
		assert_int_equal(cursor_holes(&c),
		    __builtin_popcountll(bits_upto(m.last) & ~m.seen));
		assert_int_equal(cursor_low(&c),
		    ~m.seen == 0 ? UNIVERSE : __builtin_ctzll(~m.seen));

		if (i % 4 == 0) {
			char text[CURSOR_TEXT_MAX];
			size_t n = cursor_print(&c, text, sizeof(text));

			assert_true(n > 0 && strlen(text) == n);
			assert_true(cursor_parse(&again, text, n));
			assert_true(cursor_equal(&c, &again));
		}
	}
}

static void
random_sets_agree_with_the_model(void **state)
{
	uint64_t rounds = number_from("PGFEED_TEST_STEPS", DEFAULT_STEPS) / 16;

	for (uint64_t i = 0; i < rounds; i++) {
		struct cursor a, b, u;
		struct model ma, mb, mu;

		random_cursor(&a, random_id(1, UNIVERSE));
		random_cursor(&b, random_id(1, UNIVERSE));
		if (random_id(0, 3) == 0) /* make subsets likely */
			assert_true(cursor_union(&b, &a, &b));
		ma = model_of(&a);
		mb = model_of(&b);

		assert_int_equal(
		    cursor_subset(&a, &b), (ma.seen & ~mb.seen) == 0);
		assert_int_equal(cursor_equal(&a, &b), ma.seen == mb.seen);

		int64_t upto = random_id(1, UNIVERSE);
		cursor_copy(&u, &a);
		cursor_settle_to(&u, &b, upto);
		mu = ma;
		for (int64_t id = 1; id <= MIN(upto, ma.last); id++)
			mu.seen |= mb.seen & bit(id);
		assert_is(&u, mu);

		assert_true(cursor_union(&u, &a, &b));
		mu.seen = ma.seen | mb.seen;
		mu.last = MAX(ma.last, mb.last);
		assert_is(&u, mu);
		assert_true(cursor_subset(&a, &u) && cursor_subset(&b, &u));
		assert_true(cursor_union(&a, &a, &b)); /* in place */
		assert_true(cursor_equal(&a, &u));
		cursor_copy(&a, &u);
		assert_true(cursor_equal(&a, &u));
	}
}

/*
 * A client comes back with c, the gateway is at g: it gets G \ C in the order
 * of ids and nothing twice, and is at the union in the end. On the way, its
 * position never has an id that it was not given and that g does not have.
 */
static void
a_replay_hands_out_what_is_missing(void **state)
{
	uint64_t rounds = number_from("PGFEED_TEST_STEPS", DEFAULT_STEPS) / 40;

	for (uint64_t i = 0; i < rounds; i++) {
		uint64_t topic = random64() | random64(), given = 0;
		struct cursor c, g, end;
		struct model mc, mg;

		random_cursor(&c, random_id(1, UNIVERSE));
		random_cursor(&g, random_id(1, UNIVERSE));
		mc = model_of(&c);
		mg = model_of(&g);
		assert_true(cursor_union(&end, &c, &g));

		for (int id = 1; id <= g.last; id++) {
			struct model m;

			if (!cursor_has(&g, id) || cursor_has(&c, id) ||
			    (topic & bit(id)) == 0)
				continue;
			assert_true(cursor_step_through(&c, id, &g));
			given |= bit(id);
			m = model_of(&c);
			assert_sane(&c);
			assert_true(m.last == MAX(mc.last, id));
			assert_true((m.seen & ~mc.seen & ~mg.seen) == 0);
			assert_true((given & ~m.seen) == 0);
			assert_true((mc.seen & ~m.seen) == 0);
			/* What is still to come is still open. */
			assert_true((m.seen & mg.seen & ~mc.seen & topic &
					~bits_upto(id)) == 0);
		}
		assert_true(given == (mg.seen & ~mc.seen & topic));
		assert_true(cursor_union(&c, &c, &g));
		assert_true(cursor_equal(&c, &end));
	}
}

/*
 * Histories long enough to meet the cap: it is never passed, a refused step
 * changes nothing, and the way goes on when holes close.
 */
static void
the_cap_holds_in_long_histories(void **state)
{
	struct cursor c, before;
	unsigned refused = 0;

	cursor_init(&c, 1, 0);
	for (int i = 0; i < 200000; i++) {
		int64_t id = c.last + random_id(1, 4);

		if (random_id(0, 2) == 0)
			id = MAX(1, c.last - random_id(0, 900));
		cursor_copy(&before, &c);
		if (cursor_step(&c, id)) {
			assert_true(cursor_has(&c, id));
		} else {
			assert_true(cursor_equal(&c, &before));
			assert_int_equal(c.n, CURSOR_MAX_RANGES);
			refused++;
			if (random_id(0, 9) == 0)
				assert_true(cursor_drop(&c, 1, c.last - 300));
		}
		assert_sane(&c);
	}
	assert_true(refused > 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_is_as_documented),
		cmocka_unit_test(text_that_print_would_not_write_is_refused),
		cmocka_unit_test(text_has_at_most_so_many_ranges),
		cmocka_unit_test(an_id_stepped_over_is_a_hole_until_it_is_seen),
		cmocka_unit_test(at_the_cap_only_exact_steps_are_taken),
		cmocka_unit_test(a_union_out_of_ranges_claims_less),
		cmocka_unit_test(a_union_out_of_ranges_gives_up_the_fewest_ids),
		cmocka_unit_test(
		    a_step_past_the_gateway_leaves_the_unknown_open),
		cmocka_unit_test(timelines_do_not_mix),
		cmocka_unit_test(the_last_id_of_all_is_no_exception),
		cmocka_unit_test(random_steps_agree_with_the_model),
		cmocka_unit_test(random_sets_agree_with_the_model),
		cmocka_unit_test(a_replay_hands_out_what_is_missing),
		cmocka_unit_test(the_cap_holds_in_long_histories),
	};

	random_state = number_from("PGFEED_TEST_SEED", DEFAULT_SEED);
	printf("seed %" PRIu64 " (PGFEED_TEST_SEED)\n", random_state);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
