/*
 * begin.c - where in the feed a stream begins, and its first event.
 *
 * The head of the response and the first event go out in one write: Apache
 * holds a head back until there is a body behind it.
 */
#include <sys/socket.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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
 * Begins at the position that the client sent. Returns NULL, or the reason why
 * the gateway cannot go on from there: the stream then begins now, or with the
 * oldest event.
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

/* Begins with the last n events. False: the stream waits for the table. */
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

/* Whether it has had all that is in the ring. */
static bool
is_at_head(const struct hub *h, const struct stream *s)
{
	return s->state == STREAM_FOLLOWING && s->own == NULL &&
	       s->from == ring_head(h->feed.ring);
}

/* Adds pgfeed.open and, unless a gap comes first, pgfeed.live. */
static void
add_open(struct hub *h, struct stream *s, struct buf *b, bool may_be_live)
{
	char text[CURSOR_TEXT_MAX];

	if (s->filter->format == FORMAT_POLL || s->full)
		return;
	if (is_at_head(h, s))
		cursor_print(
		    listener_position(h->listener), text, sizeof(text));
	else
		stream_position(&h->feed, s, text);
	control_event_open(b, text, h->config->heartbeat);
	if (is_at_head(h, s) && may_be_live && listener_is_live(h->listener)) {
		s->told_live = true;
		control_event_live(b, text);
	}
}

void
hub_begin(struct hub *h, struct stream *s, struct buf *head)
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
		if (!begin_at_last_n(h, s) && head->len == 0)
			return;
		break;
	}
	if (s->state == STREAM_CLOSED)
		return;
	if (s->state != STREAM_OPENING)
		add_open(h, s, head, gap == NULL);
	if (head->len > 0 && s->full && gap == NULL && is_at_head(h, s)) {
		hub_add_full(h, s, head);
		hub_write(h, s, head, true);
		return;
	}
	if (head->len > 0)
		hub_write(h, s, head, false);
	if (s->state == STREAM_CLOSED || s->state == STREAM_OPENING)
		return;
	if (gap != NULL && stream_at_boundary(s))
		hub_say_gap(h, s, gap);
	if (is_at_head(h, s) && stream_at_boundary(s))
		hub_make_live(h, s);
	else
		hub_enqueue(h, s);
}
