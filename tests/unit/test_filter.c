/*
 * test_filter.c - which filters take an event.
 */
#include "unit.h"

#include "stream/client/filter.h"
#include "stream/client/stream.h"

static struct stream someone[8];

static struct filter *
subscribe(struct filters *fs, size_t who, size_t n, const char *const *patterns)
{
	struct filter *f =
	    filter_get(fs, (struct shape){ FORMAT_RAW }, patterns, n);

	assert_non_null(f);
	LIST_INSERT_HEAD(&f->live, &someone[who], in_list);
	return f;
}

/* How many filters take an event of these topics; each has it once. */
static unsigned
noted_also(struct filters *fs, const char *topic, const char *also)
{
	struct feed_event *e =
	    feed_event_new(7, 0, topic, also, NULL, "", 0, NULL, "7", 7);
	struct filter_list turn;
	struct filter *f;
	unsigned n = 0;

	assert_non_null(e);
	TAILQ_INIT(&turn);
	assert_true(filters_note(fs, e, 7, &turn));
	while ((f = TAILQ_FIRST(&turn)) != NULL) {
		assert_int_equal(f->n_fresh, 1);
		assert_int_equal(f->fresh[0], 7);
		assert_non_null(filter_topic(f, e));
		filter_end_turn(fs, f, &turn);
		n++;
	}
	feed_event_free(e);
	return n;
}

static unsigned
noted(struct filters *fs, const char *topic)
{
	return noted_also(fs, topic, NULL);
}

static void
an_event_finds_its_topic_and_all_its_prefixes(void **state)
{
	static const char *const orders[] = { "orders" };
	static const char *const below[] = { "orders/*" };
	static const char *const deep[] = { "orders/eu/*", "orders/eu/de" };
	static const char *const other[] = { "other", "orders/*" };
	static const char *const all[] = { "*", "orders/*", "orders" };
	struct filters *fs = filters_new();
	struct filter *f[5];

	f[0] = subscribe(fs, 0, 1, orders);
	f[1] = subscribe(fs, 1, 1, below);
	f[2] = subscribe(fs, 2, 2, deep);
	f[3] = subscribe(fs, 3, 2, other);
	f[4] = subscribe(fs, 4, 3, all);
	assert_int_equal(noted(fs, "orders"), 2);
	assert_int_equal(noted(fs, "orders/"), 3);
	assert_int_equal(noted(fs, "orders/x"), 3);
	assert_int_equal(noted(fs, "orders/eu"), 3);
	assert_int_equal(noted(fs, "orders/eu/de"), 4);
	assert_int_equal(noted(fs, "orders/eu//de/very/deep/down"), 4);
	assert_int_equal(noted(fs, "/orders/eu/"), 1);
	assert_int_equal(noted(fs, "other"), 2);
	assert_int_equal(noted(fs, "othe"), 1);
	assert_int_equal(noted(fs, "others"), 1);
	assert_int_equal(noted_also(fs, "other", "orders"), 3);
	assert_int_equal(noted_also(fs, "x", "y\norders/eu/de\norders/eu/fr"), 4);
	for (size_t i = 0; i < ARRAY_LEN(f); i++) {
		LIST_REMOVE(&someone[i], in_list);
		filter_unref(fs, f[i]);
	}
	assert_int_equal(filters_count(fs), 0);
	assert_int_equal(noted(fs, "orders/eu/de"), 0);
	filters_free(fs);
}

static void
the_same_topics_in_any_order_share_one_filter(void **state)
{
	static const char *const ab[] = { "a", "b" };
	static const char *const bab[] = { "b", "a", "b" };
	static const char *const a[] = { "a" };
	struct filters *fs = filters_new();
	struct filter *first =
	    filter_get(fs, (struct shape){ FORMAT_RAW }, ab, 2);

	assert_ptr_equal(
	    filter_get(fs, (struct shape){ FORMAT_RAW }, bab, 3), first);
	assert_ptr_not_equal(
	    filter_get(fs, (struct shape){ FORMAT_JSON }, ab, 2), first);
	assert_ptr_not_equal(
	    filter_get(fs, (struct shape){ FORMAT_RAW }, a, 1), first);
	assert_ptr_not_equal(
	    filter_get(fs, (struct shape){ FORMAT_RAW, .pad = 1 }, ab, 2),
	    first);
	assert_ptr_not_equal(
	    filter_get(fs, (struct shape){ FORMAT_RAW, .brief = true }, ab, 2),
	    first);
	assert_ptr_not_equal(filter_get(fs,
				 (struct shape){ FORMAT_RAW,
				     .cors = "Vary: Origin\r\n" },
				 ab, 2),
	    first);
	assert_int_equal(first->topics.n, 2);
	assert_string_equal(first->topics.key, "\na\nb");
	assert_int_equal(first->refs, 2);
	assert_int_equal(filters_count(fs), 6);
	filters_free(fs);
}

static void
an_event_costs_nothing_to_filters_without_streams(void **state)
{
	static const char *const a[] = { "a" };
	struct filters *fs = filters_new();

	assert_non_null(filter_get(fs, (struct shape){ FORMAT_RAW }, a, 1));
	assert_int_equal(noted(fs, "a"), 0);
	filters_free(fs);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_event_finds_its_topic_and_all_its_prefixes),
		cmocka_unit_test(the_same_topics_in_any_order_share_one_filter),
		cmocka_unit_test(
		    an_event_costs_nothing_to_filters_without_streams),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
