/*
 * hub.c - all streams: what the listener's news mean for them, and how each
 * goes on.
 *
 *     run --result--> run again | live | wait for the socket, or for a page
 *                     | closed --end of the turn--> freed (schedule.c)
 *
 * Always: every callback that may make a stream live or write a position flushes
 *         first, so a live stream has had all that is in the ring.
 * Owner:  the hub owns the streams, the ring, the filters and the history.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stream/hub/hub_private.h"
#include "base/log.h"
#include "http/control_event.h"
#include "http/sse.h"
#include "stream/client/ticket.h"
#include "stream/source/stats.h"

#define SPREAD_MS 500

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
		if (!s->told_live || s->state == STREAM_LIVE)
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
hub_short_responses(const struct hub *h)
{
	return h->n_full;
}

size_t
hub_filters(const struct hub *h)
{
	return filters_count(h->filters);
}

struct stream_set *
hub_stream_set(struct hub *h)
{
	return &h->streams;
}

bool
hub_knows_feed(const struct hub *h)
{
	return h->feed.ring != NULL;
}

bool
hub_is_ending(const struct hub *h)
{
	return h->shut_down_ms != 0;
}

void
hub_flush(struct hub *h)
{
	fanout_flush(&h->fanout);
}

const struct ring *
hub_ring(const struct hub *h)
{
	return h->feed.ring;
}

/* --- one stream */

/* Writes control text; every stream but a long-poll can take it. */
void
hub_write(struct hub *h, struct stream *s, struct buf *text, bool last)
{
	enum stream_result result = stream_write(s, text, last);

	s->wrote_ms = now_ms();
	if (result == STREAM_BLOCKED && s->state == STREAM_LIVE) {
		stream_set_state(s, STREAM_FOLLOWING);
		s->from = s->upto = ring_head(h->feed.ring);
	}
	if (result != STREAM_MORE)
		hub_handle(h, s, result);
}

void
hub_add_full(struct hub *h, struct stream *s, struct buf *b)
{
	char text[CURSOR_TEXT_MAX + TICKET_TEXT_MAX];

	if (stream_has_begun(s)) {
		stream_position(&h->feed, s, text);
		ticket_print(s->ticket, text + strlen(text));
		sse_add_id(b, text);
	}
	control_event_bye(b, NULL, "full");
}

/* Adds the answer to a long-poll that has no event, with the position. */
static void
add_empty_answer(struct hub *h, struct stream *s, struct buf *b)
{
	struct buf headers = BUF_INIT;
	char text[CURSOR_TEXT_MAX];

	stream_position(&h->feed, s, text);
	if (s->full)
		buf_addf(&headers, "Retry-After: %" PRId64 "\r\n",
		    (s->retry_ms + 999) / 1000);
	buf_addstr(&headers, s->filter->shape.cors);
	poll_add_answer(b, headers.data, text, NULL, "", 0);
	b->failed |= buf_failed(&headers);
	buf_fini(&headers);
}

void
hub_end(struct hub *h, struct stream *s, const char *reason)
{
	struct buf b = BUF_INIT;

	s->end_reason = reason;
	if (s->state == STREAM_CLOSED || !stream_at_boundary(s) ||
	    h->calls.put_off(s, reason, h->calls_arg))
		return;
	if (s->filter->format == FORMAT_POLL) {
		if (s->state == STREAM_FOLLOWING && s->resume == NULL &&
		    s->from < ring_tail(h->feed.ring)) {
			hub_close(h, s, "the ring has passed it");
			return;
		}
		add_empty_answer(h, s, &b);
	} else if (s->full && strcmp(reason, "full") == 0) {
		hub_add_full(h, s, &b);
	} else {
		control_event_bye(&b, NULL, reason);
	}
	hub_write(h, s, &b, true);
	buf_fini(&b);
}

void
hub_say_live(struct hub *h, struct stream *s)
{
	struct buf b = BUF_INIT;
	char text[CURSOR_TEXT_MAX];

	if (s->told_live || s->full || s->filter->format == FORMAT_POLL ||
	    !listener_is_live(h->listener) || !stream_at_boundary(s))
		return;
	s->told_live = true;
	stream_position(&h->feed, s, text);
	control_event_live(&b, text);
	hub_write(h, s, &b, false);
	buf_fini(&b);
}

void
hub_say_gap(struct hub *h, struct stream *s, const char *reason)
{
	int64_t oldest = listener_oldest(h->listener);
	struct buf b = BUF_INIT, gap = BUF_INIT;
	char text[CURSOR_TEXT_MAX];
	bool poll = s->filter->format == FORMAT_POLL;

	stats.gaps++;
	stream_position(&h->feed, s, text);
	if (poll) {
		control_event_gap_members(&gap, reason, oldest);
		poll_add_answer(
		    &b, s->filter->shape.cors, text, gap.data, "", 0);
		b.failed |= buf_failed(&gap);
	} else
		control_event_gap(&b, text, reason, oldest);
	hub_write(h, s, &b, poll);
	buf_fini(&b);
	buf_fini(&gap);
}

/* A stream at the head of the ring becomes live. */
void
hub_make_live(struct hub *h, struct stream *s)
{
	if (s->from != ring_head(h->feed.ring)) {
		hub_enqueue(h, s);
		return;
	}
	free(s->resume);
	s->resume = NULL;
	stream_set_state(s, STREAM_LIVE);
	hub_say_live(h, s);
	if (s->state == STREAM_CLOSED) /* the peer was gone: so is the filter */
		return;
	if (s->at_once || (s->filter->shape.brief && s->delivered))
		hub_end(h, s, s->full ? "full" : "poll");
}

void
hub_handle(struct hub *h, struct stream *s, enum stream_result result)
{
	if (s->state == STREAM_CLOSED)
		return;
	if (!hub_watch(h, s, result == STREAM_BLOCKED))
		result = STREAM_FAILED;
	switch (result) {
	case STREAM_MORE:
		hub_enqueue(h, s);
		break;
	case STREAM_CAUGHT_UP:
		if (s->state == STREAM_FOLLOWING)
			hub_make_live(h, s);
		break;
	case STREAM_BLOCKED:
	case STREAM_WAITING:
		break;
	case STREAM_DONE:
		hub_close(h, s, "ended");
		return;
	case STREAM_GONE:
		hub_close(h, s, "the peer is gone");
		return;
	case STREAM_PASSED:
		stats.lagged++;
		hub_close(h, s, "the ring has passed what it was taking");
		return;
	case STREAM_FAILED:
		hub_close(h, s, "out of memory");
		return;
	case STREAM_GAP:
		hub_say_gap(h, s, "expired");
		hub_enqueue(h, s);
		break;
	}
	if (s->end_reason != NULL)
		hub_end(h, s, s->end_reason);
}

/* Counts n more events from the table, and ends the stream at replay_limit. */
static void
end_long_replay(struct hub *h, struct stream *s, uint32_t n)
{
	s->replayed += n;
	if (h->config->replay_limit == 0 ||
	    s->replayed < h->config->replay_limit ||
	    s->state != STREAM_REPLAYING || s->end_reason != NULL)
		return;
	stats.replay_limited++;
	/* At the next boundary. */
	s->end_reason = s->full ? "full" : "limit";
}

void
hub_run_stream(struct hub *h, struct stream *s)
{
	enum stream_result result;
	uint64_t writes = stats.writes, deliveries = stats.deliveries;
	bool replays = s->state == STREAM_REPLAYING;

	result = stream_run(&h->feed, s);
	if (stats.writes != writes)
		s->wrote_ms = now_ms();
	s->delivered |= stats.deliveries != deliveries;
	if (replays)
		end_long_replay(
		    h, s, (uint32_t)(stats.deliveries - deliveries));
	hub_handle(h, s, result);
}

/* --- what the fan-out reports */

static void
on_result(struct stream *s, enum stream_result result, void *arg)
{
	hub_handle(arg, s, result);
}

static void
on_behind(struct stream *s, void *arg)
{
	hub_run_stream(arg, s);
}

static void
on_served(struct stream *s, void *arg)
{
	hub_end(arg, s, "poll");
}

/* --- shutting down */

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
	static const struct fanout_calls fanout_calls = {
		.result = on_result,
		.behind = on_behind,
		.served = on_served,
	};
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
	TAILQ_INIT(&h->runnable);
	TAILQ_INIT(&h->closed);
	h->since_ms = now_ms();
	timer_wheel_init(&h->wheel, h->since_ms);
	h->feed.history = history_new(base, config, &history_calls, h);
	h->feed.position = feed_position;
	h->feed.arg = h;
	fanout_init(&h->fanout, &h->feed, h->filters, &fanout_calls, h);
	h->tick = event_new(base, -1, EV_PERSIST, hub_on_tick, h);
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
	ring_free(h->feed.ring);
	filters_free(h->filters);
	fanout_fini(&h->fanout);
	free(h);
}

void
hub_set_listener(struct hub *h, struct listener *l)
{
	h->listener = l;
}

void
hub_set_calls(struct hub *h, const struct hub_calls *calls, void *arg)
{
	h->calls = *calls;
	h->calls_arg = arg;
}

struct filters *
hub_filter_set(struct hub *h)
{
	return h->filters;
}

bool
hub_add(struct hub *h, struct stream *s)
{
	if (!stream_set_add(&h->streams, s))
		return false;
	s->hub = h;
	s->number = ++h->next_number;
	if (s->full)
		h->n_full++;
	else
		stats.opened++;
	hub_schedule(h, s);
	log_debug("stream %" PRIu64 ": opened for \"%s\"%s", s->number,
	    s->filter->topics.pattern[0],
	    s->filter->topics.n > 1 ? " and others" : "");
	return true;
}

void
hub_look_at_all(struct hub *h)
{
	stream_set_look_all(&h->streams, hub_on_stir, h);
}
