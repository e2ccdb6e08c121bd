/*
 * life.c - what becomes of a stream in the hub.
 *
 *     run --result--> run again | current | wait for the socket, or for a page
 *                     | closed --end of the turn--> reaped
 *
 * Everything that is not live runs from a queue, a chunk per stream, and only
 * for RUN_MS a turn: a thousand that come back do not delay the next event.
 */
#include <sys/socket.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "stream/hub/hub_private.h"
#include "base/log.h"
#include "http/control_event.h"
#include "http/sse.h"
#include "stream/source/stats.h"

#define RUN_MS 5

void
hub_later(struct event *e)
{
	static const struct timeval now = { 0 };

	if (!event_pending(e, EV_TIMEOUT, NULL))
		event_add(e, &now);
}

void
hub_enqueue(struct hub *h, struct stream *s)
{
	if (s->queued || s->state == STREAM_CLOSING)
		return;
	s->queued = true;
	TAILQ_INSERT_TAIL(&h->runnable, s, in_queue);
	hub_later(h->run_later);
}

void
hub_leave_filter(struct stream *s)
{
	if (s->state == STREAM_CURRENT)
		LIST_REMOVE(s, in_filter);
}

void
hub_close(struct hub *h, struct stream *s, const char *why)
{
	if (s->state == STREAM_CLOSING)
		return;
	log_debug("stream %" PRIu64 ": closed, %s", s->number, why);
	hub_leave_filter(s);
	if (s->asking)
		LIST_REMOVE(s, in_filter);
	stream_set_state(s, STREAM_CLOSING);
	if (s->queued)
		TAILQ_REMOVE(&h->runnable, s, in_queue);
	timer_wheel_remove(&s->timer);
	history_forget(&s->waiter);
	if (s->page != NULL)
		history_page_unref(s->page);
	if (s->room != NULL)
		event_free(s->room);
	close(s->fd);
	filter_unref(h->filters, s->filter);
	permission_unref(h->permissions, s->permission);
	if (s->subscription != NULL)
		subscription_free(s->subscription);
	free(s->own);
	free(s->resume);
	free(s->rest);
	hub_uncount(h, s->address, s->user);
	stream_set_remove(&h->streams, s);
	if (s->full)
		h->n_full--;
	else
		stats.closed++;
	if (s->cgi && !s->full)
		h->n_cgi--;
	TAILQ_INSERT_TAIL(&h->closed, s, in_queue);
	hub_later(h->reap_later);
}

void
hub_on_reap(evutil_socket_t fd, short what, void *arg)
{
	struct hub *h = arg;
	struct stream *s;

	while ((s = TAILQ_FIRST(&h->closed)) != NULL) {
		TAILQ_REMOVE(&h->closed, s, in_queue);
		free(s);
	}
	if (h->shut_down_ms != 0 && h->streams.n == 0)
		h->shut_down_done(h->shut_down_arg);
}

/* Watches a stream only while there is a rest to write; see streams.h. */
static bool
watch(struct hub *h, struct stream *s, bool blocked)
{
	if (blocked == (s->room != NULL))
		return true;
	if (!blocked) {
		event_free(s->room);
		s->room = NULL;
		return true;
	}
	s->room =
	    event_new(h->base, s->fd, EV_WRITE | EV_PERSIST, hub_on_room, s);
	if (s->room == NULL)
		return false;
	event_priority_set(s->room, 1);
	return event_add(s->room, NULL) == 0;
}

int64_t
hub_next_look(struct hub *h, const struct stream *s)
{
	int64_t beat = s->wrote_ms + (s->room != NULL ? h->config->lag_limit
						      : h->config->heartbeat);

	return MIN(beat, s->ends_ms);
}

/* Writes control text; every stream but a long-poll can take it. */
void
hub_write(struct hub *h, struct stream *s, bool last)
{
	enum stream_result result = stream_write(s, &h->text, last);

	s->wrote_ms = now_ms();
	if (result == STREAM_BLOCKED && s->state == STREAM_CURRENT) {
		hub_leave_filter(s);
		stream_set_state(s, STREAM_FOLLOWING);
		s->from = s->upto = ring_head(h->feed.ring);
	}
	if (result != STREAM_MORE)
		hub_handle(h, s, result);
}

void
hub_add_full(struct hub *h, struct stream *s)
{
	char text[CURSOR_TEXT_MAX + WAITING_TICKET_MAX];

	if (s->state != STREAM_OPENING) {
		stream_position(&h->feed, s, text);
		waiting_ticket_print(s->ticket, text + strlen(text));
		sse_add_id(&h->text, text);
	}
	control_event_bye(&h->text, NULL, "full");
}

/* The answer to a long-poll that has no event, with the stream's position. */
static void
add_empty_answer(struct hub *h, struct stream *s)
{
	struct buf headers = BUF_INIT;
	char text[CURSOR_TEXT_MAX];

	stream_position(&h->feed, s, text);
	if (s->full && s->subscription != NULL)
		buf_addf(&headers, "Retry-After: %" PRId64 "\r\n",
		    (s->subscription->retry_ms + 999) / 1000);
	buf_addstr(&headers, s->filter->shape.cors);
	poll_add_answer(&h->text, headers.data, text, NULL, "", 0);
	h->text.failed |= buf_failed(&headers);
	buf_fini(&headers);
}

void
hub_end(struct hub *h, struct stream *s, const char *reason)
{
	s->end_reason = reason;
	if (s->state == STREAM_CLOSING || !stream_at_boundary(s) ||
	    hub_put_off(h, s, reason))
		return;
	buf_clear(&h->text);
	if (s->filter->format == FORMAT_POLL) {
		if (s->state == STREAM_FOLLOWING && s->resume == NULL &&
		    s->from < ring_tail(h->feed.ring)) {
			hub_close(h, s, "the ring has passed it");
			return;
		}
		add_empty_answer(h, s);
	} else if (s->full && strcmp(reason, "full") == 0) {
		hub_add_full(h, s);
	} else {
		control_event_bye(&h->text, NULL, reason);
	}
	hub_write(h, s, true);
}

void
hub_say_live(struct hub *h, struct stream *s)
{
	char text[CURSOR_TEXT_MAX];

	if (s->told_live || s->full || s->filter->format == FORMAT_POLL ||
	    !listener_is_live(h->listener) || !stream_at_boundary(s))
		return;
	s->told_live = true;
	stream_position(&h->feed, s, text);
	buf_clear(&h->text);
	control_event_live(&h->text, text);
	hub_write(h, s, false);
}

void
hub_say_gap(struct hub *h, struct stream *s, const char *reason)
{
	int64_t oldest = listener_oldest(h->listener);
	char text[CURSOR_TEXT_MAX];

	stats.gaps++;
	stream_position(&h->feed, s, text);
	buf_clear(&h->text);
	if (s->filter->format == FORMAT_POLL) {
		struct buf gap = BUF_INIT;

		control_event_gap_members(&gap, reason, oldest);
		poll_add_answer(&h->text, s->filter->shape.cors, text,
		    gap.data, "", 0);
		h->text.failed |= buf_failed(&gap);
		buf_fini(&gap);
		hub_write(h, s, true);
		return;
	}
	control_event_gap(&h->text, text, reason, oldest);
	hub_write(h, s, false);
}

/* It is at the head of the ring: it gets what is new from here on. */
void
hub_make_current(struct hub *h, struct stream *s)
{
	hub_flush(h); /* what is noted already it has had */
	if (s->state == STREAM_CLOSING)
		return;
	if (s->from != ring_head(h->feed.ring)) {
		hub_enqueue(h, s);
		return;
	}
	free(s->resume);
	s->resume = NULL;
	stream_set_state(s, STREAM_CURRENT);
	LIST_INSERT_HEAD(
	    s->own == NULL ? &s->filter->current : &s->filter->apart, s,
	    in_filter);
	hub_say_live(h, s);
	if (s->state ==
	    STREAM_CLOSING) /* the peer was gone: so is the filter */
		return;
	if (s->filter->shape.brief && (s->delivered || s->at_once))
		hub_end(h, s, s->full ? "full" : "poll");
}

void
hub_handle(struct hub *h, struct stream *s, enum stream_result result)
{
	if (s->state == STREAM_CLOSING)
		return;
	if (!watch(h, s, result == STREAM_BLOCKED))
		result = STREAM_FAILED;
	switch (result) {
	case STREAM_MORE:
		hub_enqueue(h, s);
		break;
	case STREAM_CAUGHT_UP:
		if (s->state == STREAM_FOLLOWING)
			hub_make_current(h, s);
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

/* It has had n more events from the table: is that enough for one stream? */
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

void
hub_on_run(evutil_socket_t fd, short what, void *arg)
{
	struct hub *h = arg;
	struct stream *s;
	int64_t until = now_ms() + RUN_MS;

	while ((s = TAILQ_FIRST(&h->runnable)) != NULL && now_ms() < until) {
		TAILQ_REMOVE(&h->runnable, s, in_queue);
		s->queued = false;
		if (s->room != NULL)
			continue;
		if (s->state == STREAM_OPENING)
			hub_open(h, s);
		else if (s->state != STREAM_CURRENT)
			hub_run_stream(h, s);
	}
	if (s != NULL)
		hub_later(h->run_later);
}

void
hub_on_page_ready(struct waiter *w, void *arg)
{
	hub_enqueue(arg, container_of(w, struct stream, waiter));
}

void
hub_on_room(evutil_socket_t fd, short what, void *arg)
{
	struct stream *s = arg;

	hub_run_stream(s->hub, s);
}

/* Its request is read: nothing is expected but the end. */
void
hub_on_stir(struct stream *s, void *arg)
{
	char junk[512];
	ssize_t n = recv(s->fd, junk, sizeof(junk), MSG_DONTWAIT);

	if (n > 0)
		hub_close(arg, s, "the web server sent more");
	else if (n == 0 || (errno != EAGAIN && errno != EINTR))
		hub_close(arg, s, "the browser left");
}
