/*
 * test_fanout.c - live streams get what is new, each event once, in one write;
 * a full socket and a lost peer are reported.
 */
#include <sys/socket.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "unit.h"

#include "stream/hub/fanout.h"
#include "stream/source/stats.h"

#define N 3

struct world {
	struct filters *filters;
	struct feed feed;
	struct fanout fanout;
	struct stream s[N];
	int peer[N];
	int64_t id;
	enum stream_result result[N];
	unsigned results[N], behind[N], served[N];
};

static struct world *
world_of(struct stream *s, void *arg, size_t *i)
{
	struct world *w = arg;

	*i = (size_t)(s - w->s);
	return w;
}

static void
on_result(struct stream *s, enum stream_result result, void *arg)
{
	size_t i;
	struct world *w = world_of(s, arg, &i);

	w->result[i] = result;
	w->results[i]++;
	if (result == STREAM_GONE || result == STREAM_DONE)
		stream_set_state(s, STREAM_CLOSED);
}

static void
on_behind(struct stream *s, void *arg)
{
	size_t i;
	struct world *w = world_of(s, arg, &i);

	w->behind[i]++;
	assert_int_equal(s->state, STREAM_FOLLOWING);
}

static void
on_served(struct stream *s, void *arg)
{
	size_t i;
	struct world *w = world_of(s, arg, &i);

	w->served[i]++;
	stream_set_state(s, STREAM_CLOSED);
}

static void
open_stream(struct world *w, size_t i, struct shape shape, const char *topic)
{
	struct stream *s = &w->s[i];
	int fd[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
	fcntl(fd[1], F_SETFL, O_NONBLOCK);
	s->fd = fd[0];
	w->peer[i] = fd[1];
	s->id = 1;
	s->filter = filter_get(w->filters, shape, &topic, 1);
	assert_non_null(s->filter);
	s->from = ring_head(w->feed.ring);
	stream_set_state(s, STREAM_FOLLOWING);
	stream_set_state(s, STREAM_LIVE);
}

static void
add(struct world *w, const char *topic, size_t bytes)
{
	struct cursor c;
	char text[CURSOR_TEXT_MAX], *data = calloc(1, bytes + 1);
	struct feed_event *e;

	cursor_init(&c, 1, ++w->id);
	cursor_print(&c, text, sizeof(text));
	memset(data, 'x', bytes);
	e = feed_event_new(
	    w->id, 0, topic, NULL, NULL, data, bytes, NULL, text, w->id);
	assert_non_null(e);
	assert_true(fanout_add(&w->fanout, e));
	free(data);
}

/* How often "id:" stands in what the peer got. */
static unsigned
received(struct world *w, size_t i)
{
	static char all[4 * 1024 * 1024];
	size_t n = 0;
	ssize_t got;
	unsigned ids = 0;

	while ((got = read(w->peer[i], all + n, sizeof(all) - n - 1)) > 0)
		n += (size_t)got;
	for (size_t at = 0; at + 3 < n; at++)
		ids += memcmp(all + at, "id:", 3) == 0;
	return ids;
}

static int
set_up(void **state)
{
	static const struct fanout_calls calls = {
		.result = on_result, .behind = on_behind, .served = on_served
	};
	struct world *w = calloc(1, sizeof(*w));
	struct cursor base;

	assert_non_null(w);
	cursor_init(&base, 1, 0);
	w->filters = filters_new();
	w->feed.ring = ring_new(8 * 1024 * 1024, &base);
	fanout_init(&w->fanout, &w->feed, w->filters, &calls, w);
	*state = w;
	return 0;
}

static int
tear_down(void **state)
{
	struct world *w = *state;

	for (size_t i = 0; i < N; i++) {
		if (w->s[i].filter == NULL)
			continue;
		if (w->s[i].state != STREAM_CLOSED)
			stream_set_state(&w->s[i], STREAM_CLOSED);
		filter_unref(w->filters, w->s[i].filter);
		free(w->s[i].own);
		free(w->s[i].resume);
		close(w->s[i].fd);
		close(w->peer[i]);
	}
	fanout_fini(&w->fanout);
	filters_free(w->filters);
	ring_free(w->feed.ring);
	free(w);
	return 0;
}

static const struct shape raw = { .format = FORMAT_RAW };

static void
a_turn_is_one_write_for_each_live_stream(void **state)
{
	struct world *w = *state;
	uint64_t writes = stats.writes;

	open_stream(w, 0, raw, "a");
	open_stream(w, 1, raw, "a");
	open_stream(w, 2, raw, "b");
	for (int i = 0; i < 5; i++)
		add(w, "a", 10);
	assert_int_equal(stats.writes, writes);
	fanout_flush(&w->fanout);
	assert_int_equal(stats.writes, writes + 2);
	assert_int_equal(received(w, 0), 5);
	assert_int_equal(received(w, 1), 5);
	assert_int_equal(received(w, 2), 0);
	for (size_t i = 0; i < N; i++) {
		assert_int_equal(w->results[i], 0);
		assert_int_equal(w->s[i].state, STREAM_LIVE);
	}
	fanout_flush(&w->fanout);
	assert_int_equal(stats.writes, writes + 2);
}

static void
much_that_gathers_is_flushed_by_itself(void **state)
{
	struct world *w = *state;

	open_stream(w, 0, raw, "a");
	for (int i = 0; i < 6; i++) {
		add(w, "a", 60 * 1024);
		(void)received(w, 0);
	}
	assert_true(
	    TAILQ_EMPTY(&w->fanout.turn) || w->fanout.turn_bytes <= 256 * 1024);
	assert_true(stats.writes > 0);
}

static void
a_full_socket_is_reported_and_delays_nobody(void **state)
{
	struct world *w = *state;

	open_stream(w, 0, raw, "a");
	open_stream(w, 1, raw, "a");
	for (int i = 0; i < 20; i++) {
		add(w, "a", 50 * 1024);
		fanout_flush(&w->fanout);
		assert_int_equal(received(w, 1), 1);
	}
	assert_int_equal(w->results[0], 1);
	assert_int_equal(w->result[0], STREAM_BLOCKED);
	assert_int_equal(w->s[0].state, STREAM_FOLLOWING);
	assert_int_equal(w->s[1].state, STREAM_LIVE);
	assert_int_equal(w->results[1], 0);
}

static void
a_lost_peer_is_reported_once(void **state)
{
	struct world *w = *state;

	open_stream(w, 0, raw, "a");
	open_stream(w, 1, raw, "a");
	close(w->peer[0]);
	w->peer[0] = -1;
	add(w, "a", 10);
	fanout_flush(&w->fanout);
	add(w, "a", 10);
	fanout_flush(&w->fanout);
	assert_int_equal(w->results[0], 1);
	assert_int_equal(w->result[0], STREAM_GONE);
	assert_int_equal(received(w, 1), 2);
}

static void
a_stream_with_a_position_of_its_own_goes_on_by_itself(void **state)
{
	struct world *w = *state;

	open_stream(w, 0, raw, "a");
	stream_set_state(&w->s[0], STREAM_FOLLOWING);
	w->s[0].own = strdup("3");
	stream_set_state(&w->s[0], STREAM_LIVE);
	assert_true(LIST_EMPTY(&w->s[0].filter->live));
	add(w, "a", 10);
	fanout_flush(&w->fanout);
	assert_int_equal(w->behind[0], 1);
	assert_int_equal(w->s[0].from, 0);
}

static void
a_brief_stream_is_served_once(void **state)
{
	static const struct shape brief = { .format = FORMAT_RAW,
		.brief = true };
	struct world *w = *state;

	open_stream(w, 0, brief, "a");
	add(w, "a", 10);
	add(w, "a", 10);
	fanout_flush(&w->fanout);
	assert_int_equal(w->served[0], 1);
	assert_int_equal(received(w, 0), 2);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_turn_is_one_write_for_each_live_stream),
		TEST(much_that_gathers_is_flushed_by_itself),
		TEST(a_full_socket_is_reported_and_delays_nobody),
		TEST(a_lost_peer_is_reported_once),
		TEST(a_stream_with_a_position_of_its_own_goes_on_by_itself),
		TEST(a_brief_stream_is_served_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
