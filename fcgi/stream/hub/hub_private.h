/*
 * hub_private.h - what the hub's files share: hub.c (news, and how a stream goes
 * on), begin.c (where a stream begins), schedule.c (queue, timers, memory).
 */
#ifndef PGFEED_HUB_PRIVATE_H
#define PGFEED_HUB_PRIVATE_H

#include "base/timer_wheel.h"
#include "stream/hub/fanout.h"
#include "stream/hub/hub.h"

TAILQ_HEAD(stream_queue, stream);

struct hub {
	struct event_base *base;
	const struct config *config;
	struct listener *listener;
	struct hub_calls calls;
	void *calls_arg;
	struct filters *filters;
	struct feed feed;
	struct fanout fanout;
	struct stream_set streams;
	size_t n_full; /* short responses among them */
	int64_t since_ms;
	uint64_t next_number;
	const char *lost; /* why the feed began anew in this turn, or NULL */

	struct timer_wheel wheel; /* every stream, by when its time comes */
	struct event *tick;
	struct stream_queue runnable;
	struct stream_queue closed;
	struct event *run_later;
	struct event *reap_later;

	void (*shut_down_done)(void *);
	void *shut_down_arg;
	int64_t shut_down_ms; /* since when; 0: not */
};

/* --- hub.c */

/* Writes the next chunk now and handles the result. */
void hub_run_stream(struct hub *, struct stream *);

/* Acts on a result; it may close the stream. */
void hub_handle(struct hub *, struct stream *, enum stream_result);

/* Moves a stream at the head of the ring to its filter's live streams. */
void hub_make_live(struct hub *, struct stream *);

void hub_say_live(struct hub *, struct stream *);
void hub_say_gap(struct hub *, struct stream *, const char *reason);

/* --- begin.c */

/* Begins now, at the feed's position; s is at a boundary. */
void hub_begin_now(struct hub *, struct stream *);

/* Begins with the oldest event; s is at a boundary. */
void hub_begin_at_oldest(struct hub *, struct stream *);

/*
 * Adds the end of a short response: the position, if the stream has begun, and
 * pgfeed.bye.
 */
void hub_add_full(struct hub *, struct stream *, struct buf *);

/* --- schedule.c */

/* Adds a new stream to the timer wheel. */
void hub_schedule(struct hub *, struct stream *);

/*
 * Watches the socket while there is a rest to write, and only then; see
 * stream_set.h. False without memory.
 */
bool hub_watch(struct hub *, struct stream *, bool blocked) MUSTCHECK;

/* Lets a timer fire in the next turn. */
void hub_later(struct event *);

/* Callbacks. */
void hub_on_run(evutil_socket_t, short, void *);
void hub_on_reap(evutil_socket_t, short, void *);
void hub_on_tick(evutil_socket_t, short, void *);
void hub_on_stir(struct stream *, void *hub);
void hub_on_page_ready(struct waiter *, void *);

#endif
