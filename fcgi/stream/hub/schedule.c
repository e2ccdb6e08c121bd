/*
 * schedule.c - when each stream runs, is looked at, and is freed.
 *
 * Streams that are not live run from a queue, a chunk per stream, and only for
 * RUN_MS a turn: a thousand that come back do not delay the next event. The
 * timer wheel finds the streams that need a heartbeat or whose time is over.
 */
#include <sys/socket.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#include "stream/hub/hub_private.h"
#include "base/log.h"
#include "http/control_event.h"
#include "http/sse.h"
#include "stream/source/stats.h"

#define RUN_MS    5
#define LINGER_MS 1000
#define ASKING_MS 5000

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
	if (s->queued || s->state == STREAM_CLOSED)
		return;
	s->queued = true;
	TAILQ_INSERT_TAIL(&h->runnable, s, in_queue);
	hub_later(h->run_later);
}

void
hub_close(struct hub *h, struct stream *s, const char *why)
{
	if (s->state == STREAM_CLOSED)
		return;
	log_debug("stream %" PRIu64 ": closed, %s", s->number, why);
	stream_set_state(s, STREAM_CLOSED);
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
	h->calls.closed(s, h->calls_arg);
	free(s->own);
	free(s->resume);
	free(s->rest);
	stream_set_remove(&h->streams, s);
	if (s->full)
		h->n_full--;
	else
		stats.closed++;
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

void
hub_on_run(evutil_socket_t fd, short what, void *arg)
{
	struct hub *h = arg;
	struct stream *s;
	int64_t until = now_ms() + RUN_MS;

	hub_flush(h);
	while ((s = TAILQ_FIRST(&h->runnable)) != NULL && now_ms() < until) {
		TAILQ_REMOVE(&h->runnable, s, in_queue);
		s->queued = false;
		if (s->room != NULL)
			continue;
		if (s->state == STREAM_OPENING)
			h->calls.resume(s, h->calls_arg);
		else if (s->state != STREAM_LIVE && s->state != STREAM_ASKING)
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

static void
on_room(evutil_socket_t fd, short what, void *arg)
{
	struct stream *s = arg;

	hub_flush(s->hub);
	if (s->state != STREAM_CLOSED)
		hub_run_stream(s->hub, s);
}

bool
hub_watch(struct hub *h, struct stream *s, bool blocked)
{
	if (blocked == (s->room != NULL))
		return true;
	if (!blocked) {
		event_free(s->room);
		s->room = NULL;
		return true;
	}
	s->room = event_new(h->base, s->fd, EV_WRITE | EV_PERSIST, on_room, s);
	if (s->room == NULL)
		return false;
	event_priority_set(s->room, 1);
	return event_add(s->room, NULL) == 0;
}

/* The request has been read: the web server sends nothing more but the end. */
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

static int64_t
next_look(struct hub *h, const struct stream *s)
{
	int64_t beat = s->wrote_ms + (s->room != NULL ? h->config->lag_limit
						      : h->config->heartbeat);

	return MIN(beat, s->ends_ms);
}

void
hub_schedule(struct hub *h, struct stream *s)
{
	timer_wheel_add(&h->wheel, &s->timer, next_look(h, s));
}

static void
heartbeat(struct hub *h, struct stream *s)
{
	const struct cursor *g = listener_position(h->listener);
	struct buf b = BUF_INIT;
	char text[CURSOR_TEXT_MAX];
	bool moved =
	    s->state == STREAM_LIVE && s->own == NULL && s->told != g->last;

	if (moved) {
		s->told = g->last;
		cursor_print(g, text, sizeof(text));
	}
	if (s->heartbeat_event)
		sse_add_event(&b, moved ? text : NULL, "pgfeed.hb", "{}", 2);
	else {
		sse_add_comment(&b, "hb");
		if (moved)
			sse_add_id(&b, text);
	}
	hub_write(h, s, &b, false);
	buf_fini(&b);
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
	if ((s->state == STREAM_ASKING ||
		(s->state == STREAM_OPENING && s->queued)) &&
	    h->shut_down_ms == 0 && now - s->wrote_ms < ASKING_MS)
		return;
	if (now >= s->ends_ms && s->end_reason == NULL) {
		s->ends_ms = now + LINGER_MS; /* at the latest */
		if (h->shut_down_ms != 0)
			hub_end(h, s, "shutdown");
		else
			hub_end(h, s,
			    s->expires                   ? "expired"
			    : s->state == STREAM_ASKING ? BYE_DATABASE
			    : s->full                   ? "full"
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

/* Closes the blocked streams that are more than lag_size behind. */
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

void
hub_on_tick(evutil_socket_t fd, short what, void *arg)
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
		int64_t when = next_look(h, s);

		timer_wheel_move(&h->wheel, t, when);
		if (when <= now) /* else it wrote meanwhile */
			look_at(h, s, now);
	}
}
