/*
 * hub_private.h - what the hub's files share: hub.c (news and time), admit.c (who
 * is let in), join.c (how a stream begins), life.c (what becomes of it).
 */
#ifndef PGFEED_HUB_PRIVATE_H
#define PGFEED_HUB_PRIVATE_H

#include "stream/admission/permission.h"
#include "stream/admission/subscribe.h"
#include "stream/hub/hub.h"
#include "stream/hub/stream_set.h"
#include "stream/admission/stream_limits.h"
#include "stream/admission/waiting_list.h"
#include "base/timer_wheel.h"

TAILQ_HEAD(stream_queue, stream);

struct hub {
	struct event_base *base;
	const struct config *config;
	struct listener *listener;
	struct filters *filters;
	struct feed feed;
	struct stream_set streams;
	int64_t look_again_ms;    /* at all of them, before a refusal */
	struct timer_wheel wheel; /* every stream, by when its time comes */
	struct event *tick;

	struct filter_list turn; /* filters with fresh entries */
	size_t turn_bytes;
	struct batch batch;
	const char *lost; /* why the feed began anew in this turn, or NULL */

	struct stream_queue runnable;
	struct stream_queue closed;
	struct event *run_later;
	struct event *reap_later;

	int64_t since_ms;
	struct permissions *permissions;
	struct hash_table addresses, users; /* tallies, if they are counted */
	size_t n_full; /* short responses, which take no place */
	size_t n_cgi;  /* streams that take a place of cgi_streams */
	struct waiting_list waiting, waiting_cgi;
	uint64_t next_number;
	struct buf text; /* control frames; of the function at work */

	void (*shut_down_done)(void *);
	void *shut_down_arg;
	int64_t shut_down_ms; /* since when; 0: not */
};

/* --- hub.c */

/* Writes what is noted in this turn to all who are current. */
void hub_flush(struct hub *);

/* --- admit.c */

extern const struct permission_calls hub_permission_calls;

/* It may read: begins the response and, if the feed is known, the stream. */
void hub_admit(struct hub *, struct stream *);

/*
 * It may not read, or no longer: 401 or 403 if nothing of it is out, else
 * a goodbye with that reason, or none if it is slow to take what was before.
 */
void hub_forbid(struct hub *, struct stream *, const char *reason);

/*
 * Ends a stream of which nothing is out, as its permission is not known yet; the
 * client comes back. False when it is not such a stream.
 */
bool hub_put_off(struct hub *, struct stream *, const char *reason) MUSTCHECK;

/* Those it was counted with, each perhaps NULL, have one stream less. */
void hub_uncount(struct hub *, struct stream_limit *address, struct stream_limit *user);

/* --- join.c */

/*
 * Begins a stream where it wants to. h->text is empty or has the head of the
 * response, which then goes out together with the first event.
 */
void hub_begin(struct hub *, struct stream *);

/*
 * Goes on with a stream that waited for its permission, the feed's position or a
 * page.
 */
void hub_open(struct hub *, struct stream *);

/* From now on, at the feed's position; s is at a boundary. */
void hub_begin_now(struct hub *, struct stream *);

/* With the oldest event that there is; s is at a boundary. */
void hub_begin_at_oldest(struct hub *, struct stream *);

/* --- life.c */

/* Runs s, or begins it, in a later turn. */
void hub_enqueue(struct hub *, struct stream *);

/* Writes the next chunk now, and does what follows from it. */
void hub_run_stream(struct hub *, struct stream *);

/* What follows from a result; s may be closed afterwards. */
void hub_handle(struct hub *, struct stream *, enum stream_result);

/* It has had everything, or nearly: it gets what is new from here on. */
void hub_make_current(struct hub *, struct stream *);
void hub_leave_filter(struct stream *);

/*
 * Writes h->text to a stream at a boundary; last: then the end of the request.
 */
void hub_write(struct hub *, struct stream *, bool last);
void hub_say_live(struct hub *, struct stream *);
void hub_say_gap(struct hub *, struct stream *, const char *reason);

/*
 * Adds the end of a short response to h->text: the position, if the stream has
 * begun, and pgfeed.bye.
 */
void hub_add_full(struct hub *, struct stream *);

/* Ends a stream as planned, at once or when its chunk is out. */
void hub_end(struct hub *, struct stream *, const char *reason);

/*
 * Closes a stream. Its memory goes at the end of the turn, as others may be
 * walking the list it is in.
 */
void hub_close(struct hub *, struct stream *, const char *why);

/* When the wheel has to look at it next. */
int64_t hub_next_look(struct hub *, const struct stream *);

/* Lets a timer fire in the next turn. */
void hub_later(struct event *);

/* Callbacks. */
void hub_on_run(evutil_socket_t, short, void *);
void hub_on_reap(evutil_socket_t, short, void *);
void hub_on_room(evutil_socket_t, short, void *);
void hub_on_stir(struct stream *, void *);
void hub_on_page_ready(struct waiter *, void *);

#endif
