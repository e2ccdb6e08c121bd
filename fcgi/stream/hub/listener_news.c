/*
 * listener_news.c - what the listener's news mean for the streams: new events,
 * the start of a feed or of another history, and revocations.
 *
 * Always: a callback flushes before it makes a stream live or writes a position.
 */
#include <string.h>

#include "stream/hub/hub_private.h"
#include "base/log.h"

static void
on_event(struct feed_event *e, void *arg)
{
	struct hub *h = arg;

	if (!fanout_add(&h->fanout, e))
		log_fatal("out of memory: an event would be lost");
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
		if (!stream_has_begun(s))
			continue;
		if (!stream_at_boundary(s)) {
			hub_close(h, s, "its history is gone");
			continue;
		}
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
		if (!stream_has_begun(s))
			continue;
		s->told_live = false;
		if (strcmp(lost, "history") == 0)
			hub_begin_at_oldest(h, s);
		else {
			s->from = ring_head(h->feed.ring);
			stream_set_state(s, STREAM_FOLLOWING);
		}
		if (s->state == STREAM_CLOSED)
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
	hub_flush(h);
	STREAM_SET_FOREACH (s, i, &h->streams) {
		if (s->state == STREAM_LIVE)
			hub_say_live(h, s);
	}
	h->calls.revoked("", h->calls_arg); /* what was missed until now */
}

static void
on_revoked(const char *payload, void *arg)
{
	struct hub *h = arg;

	h->calls.revoked(payload, h->calls_arg);
}

/* No higher id exists: a position above it is of another database. */
static void
on_high(int64_t id, void *arg)
{
	struct hub *h = arg;
	struct stream *s;
	struct cursor c;

	hub_flush(h);
	STREAM_SET_FOREACH (s, i, &h->streams) {
		if (!s->ahead || s->own == NULL || !stream_at_boundary(s))
			continue;
		s->ahead = false;
		if (!cursor_parse(&c, s->own, strlen(s->own)) || c.last <= id)
			continue;
		if (s->state == STREAM_LIVE)
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
