/*
 * hub.c - all streams: who gets what is new, and when each needs a look.
 *
 * A turn with news: the listener's events are appended to the ring and noted
 * with the filters that take them; then each of those filters is encoded once
 * and written to all its current streams. A stream whose socket is full leaves
 * the list and goes on from the ring by itself when there is room.
 *
 * Always: a current stream has had all entries before the ring's head, but for
 *         those noted in this turn; so the turn is flushed before one joins
 *         the current ones.
 * Owner:  the hub owns the streams, the ring, the filters and the replay.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "stream/hub/hub_private.h"
#include "base/log.h"
#include "http/sse.h"
#include "stream/source/stats.h"

#define FLUSH_BYTES (256 * 1024)
#define SPREAD_MS   500
#define LINGER_MS   1000
#define ASKING_MS   5000

static const struct cursor *
feed_position(void *arg)
{
	return listener_position(((struct hub *)arg)->listener);
}

int64_t
hub_since_ms(const struct hub *h)
{
	return h->since_ms;
}

size_t
hub_streams(const struct hub *h)
{
	return h->streams.n - h->n_full;
}

int64_t
hub_lag_ms(const struct hub *h)
{
	const struct ring *ring = h->feed.ring;
	uint64_t oldest;
	struct stream *s;

	if (ring == NULL)
		return 0;
	oldest = ring_head(ring);
	STREAM_SET_FOREACH (s, i, &h->streams) {
		if (!s->told_live || s->state == STREAM_CURRENT)
			continue;
		/* Who is back in history is behind all of the ring. */
		oldest = MIN(oldest,
		    s->state == STREAM_FOLLOWING ? s->from : ring_tail(ring));
	}
	oldest = MAX(oldest, ring_tail(ring));
	if (oldest == ring_head(ring))
		return 0;
	return MAX(0, (wall_us() - ring_at(ring, oldest)->at_us) / 1000);
}

size_t
hub_waiting(const struct hub *h)
{
	return waiting_list_count(&h->waiting) +
	       waiting_list_count(&h->waiting_cgi);
}

size_t
hub_filters(const struct hub *h)
{
	return filters_count(h->filters);
}

size_t
hub_permissions(const struct hub *h)
{
	return permissions_count(h->permissions);
}

const struct ring *
hub_ring(const struct hub *h)
{
	return h->feed.ring;
}

/* --- news from the listener */

static void
flush_apart(struct hub *h, struct filter *f)
{
	struct stream *s, *next;

	for (s = LIST_FIRST(&f->apart); s != NULL; s = next) {
		next = LIST_NEXT(s, in_filter);
		hub_leave_filter(s);
		stream_set_state(s, STREAM_FOLLOWING);
		s->from = f->fresh[0];
		hub_run_stream(h, s);
	}
}

static void
end_current(struct hub *h, struct filter *f)
{
	struct stream *s, *next;

	for (s = LIST_FIRST(&f->current); s != NULL; s = next) {
		next = LIST_NEXT(s, in_filter);
		hub_end(h, s, "poll");
	}
}

static void
flush_filter(struct hub *h, struct filter *f)
{
	size_t i = 0, first;
	struct stream *s, *next;
	int64_t now = now_ms();

	while (i < f->n_fresh && !LIST_EMPTY(&f->current)) {
		first = i;
		i = batch_fill(&h->batch, &h->feed, f, i);
		if (i == first) {
			log_error("out of memory: streams are closed");
			while ((s = LIST_FIRST(&f->current)) != NULL)
				hub_close(h, s, "out of memory");
			break;
		}
		for (s = LIST_FIRST(&f->current); s != NULL; s = next) {
			enum stream_result result;

			next = LIST_NEXT(s, in_filter);
			/* It comes from memory while this one's bytes go. */
			__builtin_prefetch(next);
			if (next != NULL)
				__builtin_prefetch(&next->fd);
			result = stream_offer(&h->feed, s, &h->batch);
			s->wrote_ms = now;
			if (result == STREAM_CAUGHT_UP)
				continue;
			if (result == STREAM_BLOCKED) {
				hub_leave_filter(s);
				stream_set_state(s, STREAM_FOLLOWING);
			}
			hub_handle(h, s, result);
		}
		for (; first < i; first++) {
			const struct feed_event *e =
			    ring_at(h->feed.ring, f->fresh[first]);

			if (e->id != 0)
				stats_latency(wall_us() - e->at_us);
		}
	}
	if (f->shape.brief)
		end_current(h, f);
}

void
hub_flush(struct hub *h)
{
	struct filter_list turn;
	struct filter *f;

	if (TAILQ_EMPTY(&h->turn))
		return;
	/* Streams that become current meanwhile find nothing left to flush. */
	TAILQ_INIT(&turn);
	TAILQ_CONCAT(&turn, &h->turn, in_turn);
	h->turn_bytes = 0;
	TAILQ_FOREACH (f, &turn, in_turn) {
		flush_filter(h, f);
	}
	TAILQ_FOREACH (f, &turn, in_turn) {
		flush_apart(h, f);
	}
	while ((f = TAILQ_FIRST(&turn)) != NULL)
		filter_end_turn(h->filters, f, &turn);
}

static void
on_event(struct feed_event *e, void *arg)
{
	struct hub *h = arg;
	uint64_t seq = ring_head(h->feed.ring);

	/* No entry may leave the ring before it is flushed. */
	if (h->turn_bytes + feed_event_size(e) > FLUSH_BYTES)
		hub_flush(h);
	h->turn_bytes += feed_event_size(e);
	if (!ring_append(h->feed.ring, e) ||
	    !filters_note(h->filters, ring_at(h->feed.ring, seq), seq, &h->turn))
		log_fatal("out of memory: an event would be lost");
	if (h->turn_bytes > FLUSH_BYTES)
		hub_flush(h);
}

/*
 * The feed is not the one that the streams knew: they leave it, so that its
 * recent history does not reach them as news ...
 */
static void
detach_streams(struct hub *h)
{
	struct stream *s;

	STREAM_SET_FOREACH (s, i, &h->streams) {
		if (s->state == STREAM_OPENING)
			continue;
		if (!stream_at_boundary(s)) {
			hub_close(h, s, "its history is gone");
			continue;
		}
		hub_leave_filter(s);
		history_forget(&s->waiter);
		if (s->page != NULL)
			history_page_unref(s->page);
		s->page = NULL;
		free(s->own);
		s->own = NULL;
		stream_set_state(s, STREAM_REPLAYING);
	}
}

/*
 * ... and begin anew, told so: at the head, or, when a history begins anew, with
 * its first event.
 */
static void
restart_streams(struct hub *h, const char *lost)
{
	struct stream *s;

	STREAM_SET_FOREACH (s, i, &h->streams) {
		if (s->state == STREAM_OPENING)
			continue;
		s->told_live = false;
		if (strcmp(lost, "history") == 0)
			hub_begin_at_oldest(h, s);
		else {
			s->from = ring_head(h->feed.ring);
			stream_set_state(s, STREAM_FOLLOWING);
		}
		if (s->state == STREAM_CLOSING)
			continue;
		hub_say_gap(h, s, lost);
		hub_enqueue(h, s);
	}
}

static void
on_flush(void *arg)
{
	struct hub *h = arg;

	hub_flush(h);
	if (h->lost != NULL) {
		restart_streams(h, h->lost);
		h->lost = NULL;
	}
}

static void
on_start(const struct cursor *base, const char *lost, void *arg)
{
	struct hub *h = arg;
	struct stream *s;

	hub_flush(h);
	if (lost != NULL) {
		detach_streams(h);
		history_reset(h->feed.history);
		h->lost = lost;
		ring_free(h->feed.ring);
	}
	h->feed.ring = ring_new((size_t)h->config->ring_size, base);
	if (lost == NULL) {
		STREAM_SET_FOREACH (s, i, &h->streams) {
			hub_enqueue(h, s);
		}
	}
}

static void
on_live(bool live, void *arg)
{
	struct hub *h = arg;
	struct stream *s;

	if (!live)
		return;
	STREAM_SET_FOREACH (s, i, &h->streams) {
		if (s->state == STREAM_CURRENT)
			hub_say_live(h, s);
	}
	permissions_revoked(h->permissions, ""); /* what was missed until now */
}

static void
on_revoked(const char *payload, void *arg)
{
	struct hub *h = arg;

	permissions_revoked(h->permissions, payload);
}

/* No id above this one has been handed out: who claims one is not from here. */
static void
on_high(int64_t id, void *arg)
{
	struct hub *h = arg;
	struct stream *s;
	struct cursor c;

	STREAM_SET_FOREACH (s, i, &h->streams) {
		if (!s->ahead || s->own == NULL || !stream_at_boundary(s))
			continue;
		s->ahead = false;
		if (!cursor_parse(&c, s->own, strlen(s->own)) || c.last <= id)
			continue;
		hub_leave_filter(s);
		if (s->state == STREAM_CURRENT)
			stream_set_state(s, STREAM_FOLLOWING);
		history_forget(&s->waiter);
		hub_begin_now(h, s);
		hub_say_gap(h, s, "unknown");
		hub_enqueue(h, s);
	}
}

const struct listener_calls hub_listener_calls = {
	.start = on_start,
	.event = on_event,
	.flush = on_flush,
	.live = on_live,
	.high = on_high,
	.revoked = on_revoked,
};

/* --- time */

static void
heartbeat(struct hub *h, struct stream *s)
{
	const struct cursor *g = listener_position(h->listener);
	char text[CURSOR_TEXT_MAX];
	bool moved =
	    s->state == STREAM_CURRENT && s->own == NULL && s->told != g->last;

	buf_clear(&h->text);
	if (moved) {
		s->told = g->last;
		cursor_print(g, text, sizeof(text));
	}
	if (s->heartbeat_event)
		sse_add_event(
		    &h->text, moved ? text : NULL, "pgfeed.hb", "{}", 2);
	else {
		sse_add_comment(&h->text, "hb");
		if (moved)
			sse_add_id(&h->text, text);
	}
	hub_write(h, s, false);
}

static void
look_at(struct hub *h, struct stream *s, int64_t now)
{
	if (s->room != NULL && now - s->wrote_ms >= h->config->lag_limit) {
		stats.lagged++;
		hub_close(h, s, "it does not read");
		return;
	}
	/* A poll that is not to wait gets its answer when there is one. */
	if (s->state == STREAM_OPENING && (s->asking || s->queued) &&
	    h->shut_down_ms == 0 && now - s->wrote_ms < ASKING_MS)
		return;
	if (now >= s->ends_ms && s->end_reason == NULL) {
		s->ends_ms = now + LINGER_MS; /* at the latest */
		if (h->shut_down_ms != 0)
			hub_end(h, s, "shutdown");
		else
			hub_end(h, s,
			    s->expires ? "expired"
			    : s->full  ? "full"
				       : "age");
	} else if (now >= s->ends_ms) {
		hub_close(h, s, "it did not end in time");
		return;
	} else if (s->room == NULL && s->subscription == NULL &&
		   s->filter->format != FORMAT_POLL &&
		   now - s->wrote_ms >= h->config->heartbeat &&
		   stream_at_boundary(s))
		heartbeat(h, s);
}

/* Closes who takes nothing while more and more waits for them. */
static void
close_laggards(struct hub *h)
{
	size_t most = (size_t)h->config->lag_size;
	struct stream *s;

	STREAM_SET_FOREACH (s, i, &h->streams) {
		if (s->room == NULL || s->state != STREAM_FOLLOWING ||
		    ring_bytes_from(h->feed.ring, s->from) <= most)
			continue;
		stats.lagged++;
		hub_close(h, s, "too much waits for it");
	}
}

static void
on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct hub *h = arg;
	struct timer_list due;
	struct timer *t;
	int64_t now = now_ms();

	/* A fetch may be halfway: its events go out before a position that
	 * has them does, in a heartbeat or at the end of a long-poll. */
	hub_flush(h);
	if (h->config->lag_size > 0)
		close_laggards(h);
	stream_set_look(&h->streams, hub_on_stir, h);
	LIST_INIT(&due);
	timer_wheel_take_due(&h->wheel, now, &due);
	while ((t = LIST_FIRST(&due)) != NULL) {
		struct stream *s = container_of(t, struct stream, timer);
		int64_t when = hub_next_look(h, s);

		timer_wheel_move(&h->wheel, t, when);
		if (when <= now) /* else it wrote meanwhile */
			look_at(h, s, now);
	}
}

void
hub_shut_down(struct hub *h, void (*done)(void *), void *arg)
{
	int64_t now = now_ms();
	struct stream *s;

	h->shut_down_ms = now;
	h->shut_down_done = done;
	h->shut_down_arg = arg;
	STREAM_SET_FOREACH (s, i, &h->streams) {
		s->ends_ms = now + random_between(0, SPREAD_MS);
		timer_wheel_move(&h->wheel, &s->timer, s->ends_ms);
	}
	hub_later(h->reap_later);
}

/* --- making one */

struct hub *
hub_new(struct event_base *base, const struct config *config)
{
	static const struct timeval tick = { .tv_usec =
						 TIMER_WHEEL_TICK_MS * 1000 };
	static const struct history_calls history_calls = {
		.feed = feed_position,
		.ready = hub_on_page_ready,
	};
	struct hub *h = calloc(1, sizeof(*h));

	if (h == NULL)
		log_fatal("out of memory");
	h->base = base;
	h->config = config;
	h->filters = filters_new();
	TAILQ_INIT(&h->turn);
	TAILQ_INIT(&h->runnable);
	TAILQ_INIT(&h->closed);
	h->since_ms = now_ms();
	timer_wheel_init(&h->wheel, h->since_ms);
	waiting_list_init(&h->waiting);
	waiting_list_init(&h->waiting_cgi);
	h->permissions = permissions_new(base, config, &hub_permission_calls, h);
	h->feed.history = history_new(base, config, &history_calls, h);
	h->feed.position = feed_position;
	h->feed.arg = h;
	h->tick = event_new(base, -1, EV_PERSIST, on_tick, h);
	h->run_later = evtimer_new(base, hub_on_run, h);
	h->reap_later = evtimer_new(base, hub_on_reap, h);
	if (h->tick == NULL || h->run_later == NULL || h->reap_later == NULL)
		log_fatal("out of memory");
	event_priority_set(h->run_later, 1);
	event_priority_set(h->reap_later, 1);
	event_add(h->tick, &tick);
	return h;
}

void
hub_free(struct hub *h)
{
	struct stream *s;

	STREAM_SET_FOREACH (s, i, &h->streams) {
		hub_close(h, s, "shutting down");
	}
	while ((s = TAILQ_FIRST(&h->closed)) != NULL) {
		TAILQ_REMOVE(&h->closed, s, in_queue);
		free(s);
	}
	event_free(h->tick);
	event_free(h->run_later);
	event_free(h->reap_later);
	history_free(h->feed.history);
	permissions_free(h->permissions);
	ring_free(h->feed.ring);
	filters_free(h->filters);
	waiting_list_fini(&h->waiting);
	waiting_list_fini(&h->waiting_cgi);
	buf_fini(&h->batch.output);
	buf_fini(&h->batch.records);
	buf_fini(&h->text);
	free(h);
}

void
hub_set_listener(struct hub *h, struct listener *l)
{
	h->listener = l;
}
