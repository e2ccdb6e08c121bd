/*
 * hub.c - all streams: who joins, who gets what, who has to go.
 *
 * A turn with news: the listener's events are appended to the ring and noted
 * with the filters that take them; then each of those filters is encoded once
 * and written to all its current streams. A stream whose socket is full leaves
 * the list and goes on from the ring by itself when there is room.
 *
 * Everything that is not live runs from a queue, a chunk per stream, and only
 * for RUN_MS a turn: a thousand that come back do not delay the next event.
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

#include "fcgi_record.h"
#include "hub.h"
#include "log.h"
#include "sse.h"
#include "stats.h"
#include "wheel.h"

#define FLUSH_BYTES     (256 * 1024)
#define RUN_MS          5
#define SPREAD_MS       500
#define LINGER_MS       1000
#define POLITE_RETRY_MS 15000

TAILQ_HEAD(sub_queue, sub);

struct hub {
	struct event_base *base;
	const struct config *config;
	struct listener *listener;
	struct filters *filters;
	struct feed feed;
	struct wheel wheel; /* every stream, by when it needs a look */
	struct event *tick;

	struct filter_list turn; /* filters with fresh entries */
	size_t turn_bytes;
	struct batch batch;
	bool restarted; /* the feed began anew in this turn */

	struct sub_queue runnable;
	struct sub_queue closed;
	struct event *run_later;
	struct event *reap_later;

	size_t streams;
	uint64_t next_number;
	struct buf text; /* control frames */

	void (*shut_down_done)(void *);
	void *shut_down_arg;
	int64_t shut_down_ms; /* since when; 0: not */
};

static void handle(struct hub *, struct sub *, enum sub_result);
static void on_stream_event(evutil_socket_t, short, void *);

static const struct cursor *
feed_position(void *arg)
{
	return listener_position(((struct hub *)arg)->listener);
}

size_t
hub_streams(const struct hub *h)
{
	return h->streams;
}

size_t
hub_filters(const struct hub *h)
{
	return filters_count(h->filters);
}

const struct ring *
hub_ring(const struct hub *h)
{
	return h->feed.ring;
}

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

/* --- the life of a stream */

static void
later(struct event *e)
{
	static const struct timeval now = { 0 };

	if (!event_pending(e, EV_TIMEOUT, NULL))
		event_add(e, &now);
}

static void
enqueue(struct hub *h, struct sub *s)
{
	if (s->queued || s->state == SUB_CLOSING)
		return;
	s->queued = true;
	TAILQ_INSERT_TAIL(&h->runnable, s, in_queue);
	later(h->run_later);
}

static void
leave_filter(struct sub *s)
{
	if (s->state == SUB_CURRENT)
		LIST_REMOVE(s, in_filter);
}

/*
 * Closes a stream. Its memory goes at the end of the turn, as others may be
 * walking the list it is in.
 */
static void
close_stream(struct hub *h, struct sub *s, const char *why)
{
	if (s->state == SUB_CLOSING)
		return;
	log_info("stream %" PRIu64 ": closed, %s", s->number, why);
	leave_filter(s);
	sub_set_state(s, SUB_CLOSING);
	if (s->queued)
		TAILQ_REMOVE(&h->runnable, s, in_queue);
	wheel_remove(s);
	replay_forget(&s->waiter);
	if (s->page != NULL)
		page_unref(h->feed.replay, s->page);
	event_del(&s->event);
	close(s->fd);
	filter_unref(h->filters, s->filter);
	free(s->own);
	free(s->resume);
	free(s->rest);
	h->streams--;
	stats.closed++;
	TAILQ_INSERT_TAIL(&h->closed, s, in_queue);
	later(h->reap_later);
}

static void
on_reap(evutil_socket_t fd, short what, void *arg)
{
	struct hub *h = arg;
	struct sub *s;

	while ((s = TAILQ_FIRST(&h->closed)) != NULL) {
		TAILQ_REMOVE(&h->closed, s, in_queue);
		free(s);
	}
	if (h->shut_down_ms != 0 && h->streams == 0)
		h->shut_down_done(h->shut_down_arg);
}

/* Asks for EPOLLOUT only while there is a rest to write. */
static void
watch(struct hub *h, struct sub *s, bool also_write)
{
	if (s->blocked == also_write)
		return;
	s->blocked = also_write;
	event_del(&s->event);
	event_assign(&s->event, h->base, s->fd,
	    EV_READ | EV_PERSIST | (also_write ? EV_WRITE : 0),
	    on_stream_event, s);
	event_priority_set(&s->event, 1);
	event_add(&s->event, NULL);
}

/* When the wheel has to look at it next. */
static int64_t
next_look(struct hub *h, const struct sub *s)
{
	int64_t beat = s->wrote_ms +
	    (s->blocked ? h->config->lag_limit : h->config->heartbeat);

	return MIN(beat, s->ends_ms);
}

/* Writes control text; every stream but a long-poll can take it. */
static void
write_control(struct hub *h, struct sub *s, bool last)
{
	enum sub_result result;

	if (buf_failed(&h->text))
		result = SUB_GONE;
	else
		result = sub_write(s, h->text.data, h->text.len, last);
	s->wrote_ms = now_ms();
	if (result == SUB_BLOCKED && s->state == SUB_CURRENT) {
		leave_filter(s);
		sub_set_state(s, SUB_FOLLOWING);
		s->from = s->upto = ring_head(h->feed.ring);
	}
	if (result != SUB_MORE)
		handle(h, s, result);
}

/* Ends a stream as planned, at once or when its chunk is out. */
static void
end_stream(struct hub *h, struct sub *s, const char *reason)
{
	char text[CURSOR_TEXT_MAX];

	s->end_reason = reason;
	if (s->state == SUB_CLOSING || !sub_at_boundary(s))
		return;
	buf_clear(&h->text);
	if (s->filter->format == FORMAT_POLL) {
		sub_position(&h->feed, s, text);
		poll_add_answer(&h->text, text, NULL, "", 0);
	} else {
		buf_addf(&h->text,
		    "event: pgfeed.bye\ndata: {\"reason\":\"%s\"}\n\n",
		    reason);
	}
	write_control(h, s, true);
}

static void
say_live(struct hub *h, struct sub *s)
{
	char text[CURSOR_TEXT_MAX];

	if (s->told_live || s->filter->format == FORMAT_POLL ||
	    !listener_is_live(h->listener) || !sub_at_boundary(s))
		return;
	s->told_live = true;
	sub_position(&h->feed, s, text);
	buf_clear(&h->text);
	buf_addf(&h->text, "event: pgfeed.live\ndata: {\"cursor\":\"%s\"}\n\n",
	    text);
	write_control(h, s, false);
}

static void
say_gap(struct hub *h, struct sub *s, const char *reason)
{
	char text[CURSOR_TEXT_MAX], gap[128];

	stats.gaps++;
	sub_position(&h->feed, s, text);
	snprintf(gap, sizeof(gap), "\"reason\":\"%s\",\"oldest\":\"%" PRId64
		 "\"", reason, listener_oldest(h->listener));
	buf_clear(&h->text);
	if (s->filter->format == FORMAT_POLL) {
		poll_add_answer(&h->text, text, gap, "", 0);
		write_control(h, s, true);
		return;
	}
	buf_addf(&h->text, "id: %s\nevent: pgfeed.gap\ndata: {%s}\n\n", text,
	    gap);
	write_control(h, s, false);
}

/* --- running streams that are not current */

static void flush(struct hub *);

/* It is at the head of the ring: it gets what is new from here on. */
static void
become_current(struct hub *h, struct sub *s)
{
	flush(h); /* what is noted already it has had */
	if (s->state == SUB_CLOSING)
		return;
	if (s->from != ring_head(h->feed.ring)) {
		enqueue(h, s);
		return;
	}
	free(s->resume);
	s->resume = NULL;
	sub_set_state(s, SUB_CURRENT);
	LIST_INSERT_HEAD(s->own == NULL ? &s->filter->current
					: &s->filter->apart,
	    s, in_filter);
	say_live(h, s);
}

/* What follows from a result; s may be closed afterwards. */
static void
handle(struct hub *h, struct sub *s, enum sub_result result)
{
	if (s->state == SUB_CLOSING)
		return;
	watch(h, s, result == SUB_BLOCKED);
	switch (result) {
	case SUB_MORE:
		enqueue(h, s);
		break;
	case SUB_CAUGHT_UP:
		if (s->state == SUB_FOLLOWING)
			become_current(h, s);
		break;
	case SUB_BLOCKED:
	case SUB_WAITING:
		break;
	case SUB_DONE:
		close_stream(h, s, "ended");
		return;
	case SUB_GONE:
		close_stream(h, s, "the peer is gone");
		return;
	case SUB_GAP:
		say_gap(h, s, "expired");
		enqueue(h, s);
		break;
	}
	if (s->end_reason != NULL)
		end_stream(h, s, s->end_reason);
}

static void
run(struct hub *h, struct sub *s)
{
	enum sub_result result;
	uint64_t before = stats.writes;

	result = sub_run(&h->feed, s);
	if (stats.writes != before)
		s->wrote_ms = now_ms();
	handle(h, s, result);
}

static void open_stream(struct hub *, struct sub *);

static void
on_run(evutil_socket_t fd, short what, void *arg)
{
	struct hub *h = arg;
	struct sub *s;
	int64_t until = now_ms() + RUN_MS;

	while ((s = TAILQ_FIRST(&h->runnable)) != NULL && now_ms() < until) {
		TAILQ_REMOVE(&h->runnable, s, in_queue);
		s->queued = false;
		if (s->blocked)
			continue;
		if (s->state == SUB_OPENING)
			open_stream(h, s);
		else if (s->state != SUB_CURRENT)
			run(h, s);
	}
	if (s != NULL)
		later(h->run_later);
}

static void
on_page_ready(struct waiter *w, void *arg)
{
	struct sub *s = (struct sub *)((char *)w - offsetof(struct sub,
							    waiter));

	enqueue(arg, s);
}

static void
on_stream_event(evutil_socket_t fd, short what, void *arg)
{
	struct sub *s = arg;
	struct hub *h = s->hub;
	char junk[512];
	ssize_t n = 1;

	if (what & EV_READ) {
		/* Nothing is expected but the end: an empty STDIN at most. */
		n = recv(fd, junk, sizeof(junk), MSG_DONTWAIT);
		if (n == 0 || (n == -1 && errno != EAGAIN && errno != EINTR)) {
			close_stream(h, s, "the browser left");
			return;
		}
	}
	if (what & EV_WRITE)
		run(h, s);
}

/* --- opening */

static bool
set_own_position(struct sub *s, const struct cursor *c)
{
	char text[CURSOR_TEXT_MAX];

	cursor_print(c, text, sizeof(text));
	free(s->own);
	s->own = strdup(text);
	return s->own != NULL;
}

/* From now on, at the feed's position. */
static void
begin_now(struct hub *h, struct sub *s)
{
	flush(h);
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
		begin_now(h, s);
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
		close_stream(h, s, "out of memory");
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
	page_unref(h->feed.replay, p);
	sub_set_state(s, SUB_REPLAYING);
	if (!set_own_position(s, &c))
		close_stream(h, s, "out of memory");
	return true;
}

/* Says where the stream begins, and that it has begun. */
static void
say_open(struct hub *h, struct sub *s)
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
	    s->from == ring_head(h->feed.ring) &&
	    listener_is_live(h->listener)) {
		s->told_live = true;
		buf_addf(&h->text,
		    "event: pgfeed.live\ndata: {\"cursor\":\"%s\"}\n\n", text);
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
		begin_now(h, s);
		break;
	case FROM_POSITION:
		gap = begin_at_position(h, s);
		break;
	case FROM_EARLIEST:
		cursor_init(&c, listener_position(h->listener)->tli,
		    listener_oldest(h->listener) - 1);
		sub_set_state(s, SUB_REPLAYING);
		if (!set_own_position(s, &c))
			close_stream(h, s, "out of memory");
		break;
	case FROM_LAST_N:
		if (!begin_at_last_n(h, s) && h->text.len == 0)
			return;
		break;
	}
	if (s->state == SUB_CLOSING)
		return;
	if (s->state != SUB_OPENING)
		say_open(h, s);
	if (h->text.len > 0)
		write_control(h, s, false);
	if (s->state == SUB_CLOSING || s->state == SUB_OPENING)
		return;
	if (gap != NULL && sub_at_boundary(s))
		say_gap(h, s, gap);
	if (s->state == SUB_FOLLOWING && s->own == NULL &&
	    sub_at_boundary(s) && s->from == ring_head(h->feed.ring))
		become_current(h, s);
	else
		enqueue(h, s);
}

/* A stream that had to wait before it could begin. */
static void
open_stream(struct hub *h, struct sub *s)
{
	if (h->feed.ring == NULL || !sub_at_boundary(s))
		return;
	flush(h);
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
	struct sub *s = calloc(1, sizeof(*s));
	int64_t age = c->max_age - c->max_age / 5 +
	    random_between(0, (uint32_t)(c->max_age / 5 * 2));

	if (s == NULL)
		return NULL;
	s->filter = filter_get(h->filters, j->format,
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
	if (j->format == FORMAT_POLL)
		s->ends_ms = s->wrote_ms + j->wait_ms;
	else if (c->max_age > 0)
		s->ends_ms = s->wrote_ms + age;
	event_assign(&s->event, h->base, s->fd, EV_READ | EV_PERSIST,
	    on_stream_event, s);
	event_priority_set(&s->event, 1);
	if (event_add(&s->event, NULL) == -1) {
		filter_unref(h->filters, s->filter);
		free(s->own);
		free(s);
		return NULL;
	}
	h->streams++;
	stats.opened++;
	wheel_add(&h->wheel, s, next_look(h, s));
	log_info("stream %" PRIu64 ": opened for \"%s\"%s", s->number,
	    s->filter->pattern[0], s->filter->n > 1 ? " and others" : "");
	return s;
}

void
hub_join(struct hub *h, struct join *j)
{
	struct sub *s;

	if (h->shut_down_ms != 0) {
		refuse(h, j, "shutting down");
		return;
	}
	if (h->streams >= (size_t)h->config->max_streams) {
		refuse(h, j, "full");
		return;
	}
	flush(h); /* it writes control text too */
	s = new_stream(h, j);
	if (s == NULL) {
		refuse(h, j, "out of memory");
		return;
	}
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
		write_control(h, s, false);
	}
}

/* --- news from the listener */

static void
flush_apart(struct hub *h, struct filter *f)
{
	struct sub *s, *next;

	for (s = LIST_FIRST(&f->apart); s != NULL; s = next) {
		next = LIST_NEXT(s, in_filter);
		leave_filter(s);
		sub_set_state(s, SUB_FOLLOWING);
		s->from = f->fresh[0];
		run(h, s);
	}
}

static void
flush_filter(struct hub *h, struct filter *f)
{
	size_t i = 0, first;
	struct sub *s, *next;
	int64_t now = now_ms();

	while (i < f->n_fresh && !LIST_EMPTY(&f->current)) {
		first = i;
		i = batch_fill(&h->batch, &h->feed, f, i);
		if (i == first) {
			log_error("out of memory: streams are closed");
			while ((s = LIST_FIRST(&f->current)) != NULL)
				close_stream(h, s, "out of memory");
			break;
		}
		for (s = LIST_FIRST(&f->current); s != NULL; s = next) {
			enum sub_result result;

			next = LIST_NEXT(s, in_filter);
			result = sub_offer(&h->feed, s, &h->batch);
			s->wrote_ms = now;
			if (result == SUB_CAUGHT_UP)
				continue;
			if (result == SUB_BLOCKED) {
				leave_filter(s);
				sub_set_state(s, SUB_FOLLOWING);
			}
			handle(h, s, result);
		}
		for (; first < i; first++) {
			const struct entry *e = ring_at(h->feed.ring,
			    f->fresh[first]);

			if (e->id != 0)
				stats_latency(wall_us() - e->at_us);
		}
	}
}

static void
flush(struct hub *h)
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
on_event(struct entry *e, void *arg)
{
	struct hub *h = arg;
	uint64_t seq = ring_head(h->feed.ring);

	/* No entry may leave the ring before it is flushed. */
	if (h->turn_bytes + entry_size(e) > FLUSH_BYTES)
		flush(h);
	h->turn_bytes += entry_size(e);
	if (!ring_append(h->feed.ring, e) ||
	    !filters_note(h->filters, ring_at(h->feed.ring, seq)->topic, seq,
		&h->turn))
		log_fatal("out of memory: an event would be lost");
	if (h->turn_bytes > FLUSH_BYTES)
		flush(h);
}

/* The feed is not the one that the streams knew: they begin anew, told so. */
static void
restart_streams(struct hub *h)
{
	struct sub *s, *next;

	WHEEL_FOREACH (s, next, &h->wheel) {
		if (s->state == SUB_OPENING)
			continue;
		if (!sub_at_boundary(s)) {
			close_stream(h, s, "its history is gone");
			continue;
		}
		leave_filter(s);
		replay_forget(&s->waiter);
		if (s->page != NULL)
			page_unref(h->feed.replay, s->page);
		s->page = NULL;
		free(s->own);
		s->own = NULL;
		s->from = ring_head(h->feed.ring);
		sub_set_state(s, SUB_REPLAYING);
		sub_set_state(s, SUB_FOLLOWING);
		s->told_live = false;
		say_gap(h, s, "timeline");
		enqueue(h, s);
	}
}

static void
on_flush(void *arg)
{
	struct hub *h = arg;

	flush(h);
	if (h->restarted) {
		h->restarted = false;
		restart_streams(h);
	}
}

static void
on_start(const struct cursor *base, bool again, void *arg)
{
	struct hub *h = arg;
	struct sub *s, *next;

	flush(h);
	if (again) {
		replay_reset(h->feed.replay);
		h->restarted = true;
		ring_free(h->feed.ring);
	}
	h->feed.ring = ring_new((size_t)h->config->ring_size, base);
	if (!again) {
		WHEEL_FOREACH (s, next, &h->wheel) {
			enqueue(h, s);
		}
	}
}

static void
on_live(bool live, void *arg)
{
	struct hub *h = arg;
	struct sub *s, *next;

	if (!live)
		return;
	WHEEL_FOREACH (s, next, &h->wheel) {
		if (s->state == SUB_CURRENT)
			say_live(h, s);
	}
}

/* No id above this one has been handed out: who claims one is not from here. */
static void
on_high(int64_t id, void *arg)
{
	struct hub *h = arg;
	struct sub *s, *next;
	struct cursor c;

	WHEEL_FOREACH (s, next, &h->wheel) {
		if (!s->ahead || s->own == NULL || !sub_at_boundary(s))
			continue;
		s->ahead = false;
		if (!cursor_parse(&c, s->own, strlen(s->own)) || c.last <= id)
			continue;
		leave_filter(s);
		if (s->state == SUB_CURRENT)
			sub_set_state(s, SUB_FOLLOWING);
		replay_forget(&s->waiter);
		begin_now(h, s);
		say_gap(h, s, "unknown");
		enqueue(h, s);
	}
}

const struct listener_calls hub_listener_calls = {
	.start = on_start,
	.event = on_event,
	.flush = on_flush,
	.live = on_live,
	.high = on_high,
};

/* --- time */

static void
heartbeat(struct hub *h, struct sub *s)
{
	const struct cursor *g = listener_position(h->listener);
	char text[CURSOR_TEXT_MAX];
	bool moved = s->state == SUB_CURRENT && s->own == NULL &&
	    s->told != g->last;

	buf_clear(&h->text);
	if (moved) {
		s->told = g->last;
		cursor_print(g, text, sizeof(text));
	}
	if (s->heartbeat_event)
		sse_add_event(&h->text, moved ? text : NULL, "pgfeed.hb", "{}",
		    2);
	else {
		sse_add_comment(&h->text, "hb");
		if (moved)
			sse_add_id(&h->text, text);
	}
	write_control(h, s, false);
}

static void
look_at(struct hub *h, struct sub *s, int64_t now)
{
	if (s->blocked && now - s->wrote_ms >= h->config->lag_limit) {
		stats.lagged++;
		close_stream(h, s, "it does not read");
		return;
	}
	if (now >= s->ends_ms && s->end_reason == NULL) {
		s->ends_ms = now + LINGER_MS; /* at the latest */
		end_stream(h, s, h->shut_down_ms != 0 ? "shutdown" : "age");
	} else if (now >= s->ends_ms) {
		close_stream(h, s, "it did not end in time");
		return;
	} else if (!s->blocked && s->filter->format != FORMAT_POLL &&
	    now - s->wrote_ms >= h->config->heartbeat && sub_at_boundary(s))
		heartbeat(h, s);
}

static void
on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct hub *h = arg;
	struct sub_list due;
	struct sub *s;
	int64_t now = now_ms();

	LIST_INIT(&due);
	wheel_take_due(&h->wheel, now, &due);
	while ((s = LIST_FIRST(&due)) != NULL) {
		int64_t when = next_look(h, s);

		wheel_move(&h->wheel, s, when);
		if (when <= now) /* else it wrote meanwhile */
			look_at(h, s, now);
	}
}

void
hub_shut_down(struct hub *h, void (*done)(void *), void *arg)
{
	int64_t now = now_ms();
	struct sub *s, *next;

	h->shut_down_ms = now;
	h->shut_down_done = done;
	h->shut_down_arg = arg;
	WHEEL_FOREACH (s, next, &h->wheel) {
		s->ends_ms = now + random_between(0, SPREAD_MS);
		wheel_move(&h->wheel, s, s->ends_ms);
	}
	later(h->reap_later);
}

/* --- making one */

struct hub *
hub_new(struct event_base *base, const struct config *config)
{
	static const struct timeval tick = { .tv_usec = WHEEL_TICK_MS * 1000 };
	static const struct replay_calls replay_calls = {
		.feed = feed_position,
		.ready = on_page_ready,
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
	wheel_init(&h->wheel, now_ms());
	h->feed.replay = replay_new(base, config, &replay_calls, h);
	h->feed.position = feed_position;
	h->feed.arg = h;
	h->tick = event_new(base, -1, EV_PERSIST, on_tick, h);
	h->run_later = evtimer_new(base, on_run, h);
	h->reap_later = evtimer_new(base, on_reap, h);
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
	struct sub *s, *next;

	WHEEL_FOREACH (s, next, &h->wheel) {
		close_stream(h, s, "shutting down");
	}
	while ((s = TAILQ_FIRST(&h->closed)) != NULL) {
		TAILQ_REMOVE(&h->closed, s, in_queue);
		free(s);
	}
	event_free(h->tick);
	event_free(h->run_later);
	event_free(h->reap_later);
	replay_free(h->feed.replay);
	ring_free(h->feed.ring);
	filters_free(h->filters);
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
