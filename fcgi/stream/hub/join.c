/*
 * join.c - how a stream begins: where in the feed, and with which words.
 *
 * The head of the response and the first event go out in one write: Apache
 * holds a head back until there is a body behind it.
 */
#include <sys/socket.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fastcgi/record.h"
#include "stream/hub/hub_private.h"
#include "base/log.h"
#include "http/control_event.h"
#include "stream/source/stats.h"

static bool
set_own_position(struct stream *s, const struct cursor *c)
{
	char text[CURSOR_TEXT_MAX];

	cursor_print(c, text, sizeof(text));
	free(s->own);
	s->own = strdup(text);
	return s->own != NULL;
}

void
hub_begin_now(struct hub *h, struct stream *s)
{
	hub_flush(h);
	free(s->own);
	s->own = NULL;
	s->from = ring_head(h->feed.ring);
	stream_set_state(s, STREAM_FOLLOWING);
}

void
hub_begin_at_oldest(struct hub *h, struct stream *s)
{
	struct cursor c;

	cursor_init_like(&c, listener_position(h->listener),
	    listener_oldest(h->listener) - 1);
	stream_set_state(s, STREAM_REPLAYING);
	if (!set_own_position(s, &c))
		hub_close(h, s, "out of memory");
}

/*
 * From a position that was sent. Returns NULL, or the reason why it cannot be
 * taken up; then the stream begins now, or with the oldest event there is.
 */
static const char *
begin_at_position(struct hub *h, struct stream *s)
{
	const struct cursor *g = listener_position(h->listener);
	int64_t oldest = listener_oldest(h->listener);
	const char *gap = NULL;
	struct cursor c;

	if (!cursor_parse(&c, s->own, strlen(s->own)))
		gap = "unknown";
	else if (c.history != g->history) {
		listener_check_history(h->listener);
		hub_begin_at_oldest(h, s);
		return "history";
	} else if (c.tli != g->tli && !listener_translate(h->listener, &c))
		gap = "timeline";
	if (gap != NULL) {
		hub_begin_now(h, s);
		return gap;
	}
	if (cursor_low(&c) + 1 < oldest) {
		cursor_init_like(&c, g, oldest - 1);
		gap = "expired";
	}
	if (c.last > g->last) {
		/* Another gateway was faster; or it is not from here at all. */
		s->ahead = true;
		listener_want_high(h->listener);
	}
	stream_set_state(s, STREAM_REPLAYING);
	if (!set_own_position(s, &c))
		hub_close(h, s, "out of memory");
	return gap;
}

/* The last n events are in the ring: begins there. */
static bool
begin_in_ring(struct hub *h, struct stream *s)
{
	uint64_t seq = ring_head(h->feed.ring), tail = ring_tail(h->feed.ring);
	uint64_t n = s->upto;

	while (n > 0 && seq > tail) {
		const struct feed_event *e = ring_at(h->feed.ring, --seq);

		if (e->id != 0 && filter_topic(s->filter, e) != NULL)
			n--;
	}
	if (n > 0)
		return false;
	s->from = seq;
	free(s->own);
	s->own = NULL;
	free(s->resume);
	s->resume = strdup(ring_position(h->feed.ring, seq));
	stream_set_state(s, STREAM_FOLLOWING);
	return true;
}

/* False: it has to wait for an answer from the table. */
static bool
begin_at_last_n(struct hub *h, struct stream *s)
{
	const struct cursor *g = listener_position(h->listener);
	struct history_page *p;
	struct cursor c;

	if (begin_in_ring(h, s))
		return true;
	p = history_locate(
	    h->feed.history, &s->filter->topics, (int64_t)s->upto, &s->waiter);
	if (p == NULL)
		return false;
	cursor_init_like(&c, g, MAX(p->to, listener_oldest(h->listener) - 1));
	history_page_unref(p);
	stream_set_state(s, STREAM_REPLAYING);
	if (!set_own_position(s, &c))
		hub_close(h, s, "out of memory");
	return true;
}

/* It has had all that the ring has, and nothing beyond. */
static bool
is_at_head(const struct hub *h, const struct stream *s)
{
	return s->state == STREAM_FOLLOWING && s->own == NULL &&
	       s->from == ring_head(h->feed.ring);
}

/* Says where the stream begins and, unless a gap comes first, that it is live. */
static void
say_open(struct hub *h, struct stream *s, bool may_be_live)
{
	char text[CURSOR_TEXT_MAX];

	s->opened = true;
	if (s->filter->format == FORMAT_POLL || s->full)
		return;
	if (is_at_head(h, s))
		cursor_print(
		    listener_position(h->listener), text, sizeof(text));
	else
		stream_position(&h->feed, s, text);
	control_event_open(&h->text, text, h->config->heartbeat);
	if (is_at_head(h, s) && may_be_live && listener_is_live(h->listener)) {
		s->told_live = true;
		control_event_live(&h->text, text);
	}
}

/*
 * Begins the stream as far as the feed is known. h->text may hold the head of
 * the response already, so that the head and the first event go out together:
 * Apache holds a head back until there is a body.
 */
void
hub_begin(struct hub *h, struct stream *s)
{
	const char *gap = NULL;

	s->live_from = ring_head(h->feed.ring);
	switch ((enum stream_from)s->start) {
	case FROM_NOW:
		hub_begin_now(h, s);
		break;
	case FROM_POSITION:
		gap = begin_at_position(h, s);
		break;
	case FROM_EARLIEST:
		hub_begin_at_oldest(h, s);
		break;
	case FROM_LAST_N:
		if (!begin_at_last_n(h, s) && h->text.len == 0)
			return;
		break;
	}
	if (s->state == STREAM_CLOSING)
		return;
	if (s->state != STREAM_OPENING)
		say_open(h, s, gap == NULL);
	if (h->text.len > 0 && s->full && gap == NULL && is_at_head(h, s)) {
		hub_add_full(h, s);
		hub_write(h, s, true);
		return;
	}
	if (h->text.len > 0)
		hub_write(h, s, false);
	if (s->state == STREAM_CLOSING || s->state == STREAM_OPENING)
		return;
	if (gap != NULL && stream_at_boundary(s))
		hub_say_gap(h, s, gap);
	if (is_at_head(h, s) && stream_at_boundary(s))
		hub_make_current(h, s);
	else
		hub_enqueue(h, s);
}

/* A stream that had to wait before it could begin. */
void
hub_open(struct hub *h, struct stream *s)
{
	if (s->asking || !stream_at_boundary(s))
		return;
	if (s->permission->answer == PERMISSION_REFUSED) {
		hub_forbid(h, s, "forbidden");
		return;
	}
	if (h->feed.ring == NULL && s->subscription == NULL)
		return;
	hub_flush(h);
	if (s->state != STREAM_CLOSING)
		hub_admit(h, s);
}
