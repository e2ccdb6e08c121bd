/*
 * test_stream.c - what a stream claims to have had while the ring moves on
 * under it. (What it writes is for the integration tests.)
 */
#include "unit.h"

#include "stream/client/stream.h"

#define RING_BYTES (1024 * 1024)

static struct feed_event *
make(int64_t id, size_t bytes)
{
	struct cursor c;
	char text[CURSOR_TEXT_MAX], *data = calloc(1, bytes + 1);
	struct feed_event *e;

	cursor_init(&c, 1, id);
	cursor_print(&c, text, sizeof(text));
	memset(data, 'x', bytes);
	e = feed_event_new(
	    id, 0, "other", NULL, NULL, data, bytes, NULL, text, id);
	assert_non_null(e);
	free(data);
	return e;
}

/* The ring's tail moves past everything that is there now. */
static void
run_past(struct ring *r, int64_t *id)
{
	uint64_t head = ring_head(r);

	while (ring_tail(r) <= head)
		assert_true(ring_append(r, make(++*id, 64 * 1024)));
}

static void
a_poll_that_the_ring_has_passed_claims_what_it_had(void **state)
{
	const char *topic = "a";
	struct shape poll = { .format = FORMAT_POLL, .cors = "" };
	struct filters *filters = filters_new();
	struct cursor base;
	struct feed feed = { 0 };
	struct stream s = { .fd = -1, .state = STREAM_REPLAYING };
	char text[CURSOR_TEXT_MAX];
	int64_t id = 14;

	cursor_init(&base, 1, 10);
	feed.ring = ring_new(RING_BYTES, &base);
	for (int64_t n = 11; n <= id; n++)
		assert_true(ring_append(feed.ring, make(n, 1)));
	s.filter = filter_get(filters, poll, &topic, 1);
	s.own = strdup("12");

	/* It comes back and finds nothing for it in the ring ... */
	assert_int_equal(stream_run(&feed, &s), STREAM_CAUGHT_UP);
	assert_int_equal(s.state, STREAM_FOLLOWING);
	stream_position(&feed, &s, text);
	assert_string_equal(text, "14");

	/* ... which moves on before it waits there: its time may be over ... */
	run_past(feed.ring, &id);
	stream_position(&feed, &s, text);
	assert_string_equal(text, "14");

	/* ... or it is not, and it goes back to the table. */
	assert_int_equal(stream_run(&feed, &s), STREAM_MORE);
	assert_int_equal(s.state, STREAM_REPLAYING);
	assert_string_equal(s.own, "14");

	free(s.own);
	free(s.resume);
	filter_unref(filters, s.filter);
	filters_free(filters);
	ring_free(feed.ring);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    a_poll_that_the_ring_has_passed_claims_what_it_had),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
