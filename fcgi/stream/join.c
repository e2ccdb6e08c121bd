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

#include "fcgi_record.h"
#include "hub_inside.h"
#include "log.h"
#include "sse.h"
#include "stats.h"

#define POLITE_RETRY_MS 15000
#define AT_ONCE_MS      5000 /* at the latest */

void
join_free(struct join *j)
{
	for (size_t i = 0; i < j->n; i++)
		free(j->pattern[i]);
	free(j->pattern);
	free(j->position);
	free(j->cors);
	free(j);
}

static bool
set_own_position(struct sub *s, const struct cursor *c)
{
	char text[CURSOR_TEXT_MAX];

	cursor_print(c, text, sizeof(text));
	free(s->own);
	s->own = strdup(text);
	return s->own != NULL;
}

void
hub_begin_now(struct hub *h, struct sub *s)
{
	hub_flush(h);
	free(s->own);
	s->own = NULL;
	s->from = ring_head(h->feed.ring);
	sub_set_state(s, SUB_FOLLOWING);
}

/*
 * From a position that was sent. Returns NULL, or the reason why it cannot be
 * taken up; then the stream begins now, or with the oldest event there is.
 */
static const char *
begin_at_position(struct hub *h, struct sub *s)
{
	const struct cursor *g = listener_position(h->listener);
	int64_t oldest = listener_oldest(h->listener);
	const char *gap = NULL;
	struct cursor c;

	if (!cursor_parse(&c, s->own, strlen(s->own)))
		gap = "unknown";
	else if (c.tli != g->tli && !listener_translate(h->listener, &c))
		gap = "timeline";
	if (gap != NULL) {
		hub_begin_now(h, s);
		return gap;
	}
	if (cursor_low(&c) + 1 < oldest) {
		cursor_init(&c, g->tli, oldest - 1);
		gap = "expired";
	}
	if (c.last > g->last) {
		/* Another gateway was faster; or it is not from here at all. */
		s->ahead = true;
		listener_want_high(h->listener);
	}
	sub_set_state(s, SUB_REPLAYING);
	if (!set_own_position(s, &c))
		hub_close(h, s, "out of memory");
	return gap;
}

/* The last n events are in the ring: begins there. */
static bool
begin_in_ring(struct hub *h, struct sub *s)
{
	uint64_t seq = ring_head(h->feed.ring), tail = ring_tail(h->feed.ring);
	uint64_t n = s->upto;

	while (n > 0 && seq > tail) {
		const struct entry *e = ring_at(h->feed.ring, --seq);

		if (e->id != 0 && filter_takes(s->filter, e->topic))
			n--;
	}
	if (n > 0)
		return false;
	s->from = seq;
	free(s->own);
	s->own = NULL;
	free(s->resume);
	s->resume = strdup(ring_position(h->feed.ring, seq));
	sub_set_state(s, SUB_FOLLOWING);
	return true;
}

/* False: it has to wait for an answer from the table. */
static bool
begin_at_last_n(struct hub *h, struct sub *s)
{
	const struct cursor *g = listener_position(h->listener);
	struct page *p;
	struct cursor c;

	if (begin_in_ring(h, s))
		return true;
	p = replay_locate(h->feed.replay, s->filter, (int64_t)s->upto,
	    &s->waiter);
	if (p == NULL)
		return false;
	cursor_init(&c, g->tli,
	    MAX(p->to, listener_oldest(h->listener) - 1));
	page_unref(p);
	sub_set_state(s, SUB_REPLAYING);
	if (!set_own_position(s, &c))
		hub_close(h, s, "out of memory");
	return true;
}

/* Says where the stream begins and, unless a gap comes first, that it is live. */
static void
say_open(struct hub *h, struct sub *s, bool may_be_live)
{
	char text[CURSOR_TEXT_MAX];

	s->opened = true;
	if (s->filter->format == FORMAT_POLL)
		return;
	if (s->state == SUB_FOLLOWING && s->own == NULL &&
	    s->from == ring_head(h->feed.ring))
		cursor_print(listener_position(h->listener), text,
		    sizeof(text));
	else
		sub_position(&h->feed, s, text);
	buf_addf(&h->text,
	    "id: %s\nevent: pgfeed.open\n"
	    "data: {\"cursor\":\"%s\",\"heartbeat\":%g}\n\n",
	    text, text, (double)h->config->heartbeat / 1000);
	if (s->state == SUB_FOLLOWING && s->own == NULL &&
	    s->from == ring_head(h->feed.ring) && may_be_live &&
	    listener_is_live(h->listener)) {
		s->told_live = true;
		buf_addf(&h->text,
		    "id: %s\nevent: pgfeed.live\n"
		    "data: {\"cursor\":\"%s\"}\n\n",
		    text, text);
	}
}

/*
 * Begins the stream as far as the feed is known. h->text may hold the head of
 * the response already, so that the head and the first event go out together:
 * Apache holds a head back until there is a body.
 */
static void
begin_stream(struct hub *h, struct sub *s)
{
	struct cursor c;
	const char *gap = NULL;

	s->live_from = ring_head(h->feed.ring);
	switch ((enum sub_from)s->start) {
	case FROM_NOW:
		hub_begin_now(h, s);
		break;
	case FROM_POSITION:
		gap = begin_at_position(h, s);
		break;
	case FROM_EARLIEST:
		cursor_init(&c, listener_position(h->listener)->tli,
		    listener_oldest(h->listener) - 1);
		sub_set_state(s, SUB_REPLAYING);
		if (!set_own_position(s, &c))
			hub_close(h, s, "out of memory");
		break;
	case FROM_LAST_N:
		if (!begin_at_last_n(h, s) && h->text.len == 0)
			return;
		break;
	}
	if (s->state == SUB_CLOSING)
		return;
	if (s->state != SUB_OPENING)
		say_open(h, s, gap == NULL);
	if (h->text.len > 0)
		hub_write(h, s, false);
	if (s->state == SUB_CLOSING || s->state == SUB_OPENING)
		return;
	if (gap != NULL && sub_at_boundary(s))
		hub_say_gap(h, s, gap);
	if (s->state == SUB_FOLLOWING && s->own == NULL &&
	    sub_at_boundary(s) && s->from == ring_head(h->feed.ring))
		hub_make_current(h, s);
	else
		hub_enqueue(h, s);
}

/* A stream that had to wait before it could begin. */
void
hub_open(struct hub *h, struct sub *s)
{
	if (h->feed.ring == NULL || !sub_at_boundary(s))
		return;
	hub_flush(h);
	if (s->state == SUB_CLOSING)
		return;
	buf_clear(&h->text);
	begin_stream(h, s);
}

static void
add_head(struct hub *h, const struct join *j)
{
	buf_clear(&h->text);
	if (j->format == FORMAT_POLL)
		return;
	buf_addf(&h->text,
	    "Status: 200 OK\r\n"
	    "Content-Type: text/event-stream\r\n"
	    "Cache-Control: no-store, no-transform\r\n"
	    "X-Accel-Buffering: no\r\n"
	    "X-Content-Type-Options: nosniff\r\n"
	    "%s\r\n",
	    j->cors);
}

/* A stream that nobody can serve now: come back later. An error status would
 * end an EventSource for good. */
static void
refuse(struct hub *h, struct join *j, const char *reason)
{
	struct buf rec = BUF_INIT;

	stats.refused++;
	add_head(h, j);
	if (j->format == FORMAT_POLL)
		buf_addf(&h->text,
		    "Status: 503 Service Unavailable\r\n"
		    "Content-Type: application/problem+json\r\n"
		    "Cache-Control: no-store\r\nRetry-After: 15\r\n%s\r\n"
		    "{\"title\":\"Service Unavailable\",\"status\":503,"
		    "\"detail\":\"%s\"}\n",
		    j->cors, reason);
	else {
		sse_add_retry(&h->text, POLITE_RETRY_MS);
		buf_addf(&h->text,
		    "event: pgfeed.bye\ndata: {\"reason\":\"%s\"}\n\n",
		    reason);
	}
	record_add_output(&rec, j->conn.id, h->text.data, h->text.len);
	record_add_end(&rec, j->conn.id);
	if (!buf_failed(&rec) && !buf_failed(&h->text) &&
	    send(j->conn.fd, rec.data, rec.len, MSG_NOSIGNAL) == -1)
		log_debug("could not refuse a stream politely");
	buf_fini(&rec);
	close(j->conn.fd);
	join_free(j);
}

static struct sub *
new_stream(struct hub *h, struct join *j)
{
	const struct config *c = h->config;
	struct shape shape = { .format = j->format, .pad = (uint8_t)j->pad,
		.brief = j->brief };
	struct sub *s = calloc(1, sizeof(*s));
	int64_t age = c->max_age - c->max_age / 5 +
	    random_between(0, (uint32_t)(c->max_age / 5 * 2));

	if (s == NULL)
		return NULL;
	s->filter = filter_get(h->filters, shape,
	    (const char *const *)j->pattern, j->n);
	if (s->filter == NULL) {
		free(s);
		return NULL;
	}
	s->hub = h;
	s->fd = j->conn.fd;
	s->id = j->conn.id;
	s->start = (uint8_t)j->start;
	s->heartbeat_event = j->heartbeat_event;
	s->own = j->position;
	j->position = NULL;
	s->upto = (uint64_t)j->last_n;
	s->number = ++h->next_number;
	s->wrote_ms = now_ms();
	s->ends_ms = INT64_MAX;
	s->at_once = j->brief && j->wait_ms == 0;
	if (s->at_once)
		s->ends_ms = s->wrote_ms + AT_ONCE_MS;
	else if (j->format == FORMAT_POLL || j->brief)
		s->ends_ms = s->wrote_ms + j->wait_ms;
	else if (c->max_age > 0)
		s->ends_ms = s->wrote_ms + age;
	event_assign(&s->event, h->base, s->fd, EV_READ | EV_PERSIST,
	    hub_on_stream_event, s);
	event_priority_set(&s->event, 1);
	if (event_add(&s->event, NULL) == -1) {
		filter_unref(h->filters, s->filter);
		free(s->own);
		free(s);
		return NULL;
	}
	h->streams++;
	stats.opened++;
	wheel_add(&h->wheel, s, hub_next_look(h, s));
	log_info("stream %" PRIu64 ": opened for \"%s\"%s", s->number,
	    s->filter->pattern[0], s->filter->n > 1 ? " and others" : "");
	return s;
}

void
hub_join(struct hub *h, struct join *j)
{
	uint32_t most = (uint32_t)h->config->max_streams_per_address;
	struct address *address = NULL;
	struct sub *s;

	if (h->shut_down_ms != 0) {
		refuse(h, j, "shutting down");
		return;
	}
	if (h->streams >= (size_t)h->config->max_streams) {
		refuse(h, j, "full");
		return;
	}
	if (most > 0) {
		address = address_join(&h->addresses, j->address, most);
		if (address == NULL) {
			refuse(h, j, "full");
			return;
		}
	}
	hub_flush(h); /* it writes control text too */
	s = new_stream(h, j);
	if (s == NULL) {
		if (address != NULL)
			address_leave(&h->addresses, address);
		refuse(h, j, "out of memory");
		return;
	}
	s->address = address;
	add_head(h, j);
	if (j->format != FORMAT_POLL)
		sse_add_retry(&h->text,
		    random_between((uint32_t)h->config->retry_min,
			(uint32_t)h->config->retry_max));
	join_free(j);
	if (h->feed.ring != NULL)
		begin_stream(h, s);
	else if (h->text.len > 0) { /* no position yet: it waits for start() */
		buf_addstr(&h->text, "\n");
		hub_write(h, s, false);
	}
}
