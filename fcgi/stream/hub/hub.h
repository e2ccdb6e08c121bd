/*
 * hub.h - all streams: what is new goes to them, and each goes on by itself.
 */
#ifndef PGFEED_HUB_H
#define PGFEED_HUB_H

#include <event2/event.h>

#include "config/config.h"
#include "stream/source/listener.h"
#include "stream/client/stream.h"
#include "stream/hub/stream_set.h"

struct hub;

/* What the room above, admission, does for the hub's streams. */
struct hub_calls {
	/* An OPENING stream has its turn: it goes on to hub_begin(). */
	void (*resume)(struct stream *, void *arg);
	/*
	 * Ends a stream of which nothing is out, so that the client comes back
	 * for that reason. False when it is not such a stream.
	 */
	bool (*put_off)(struct stream *, const char *reason, void *arg);
	/* The stream is closed: frees what admission keeps for it. */
	void (*closed)(struct stream *, void *arg);
	/* A notification pgfeed_revoke, see permissions_revoked(). */
	void (*revoked)(const char *payload, void *arg);
};

struct hub *hub_new(struct event_base *, const struct config *);
void hub_free(struct hub *);

/*
 * What the hub makes of the listener's news; pass these to listener_new() with
 * the hub as arg, then tell it the listener.
 */
extern const struct listener_calls hub_listener_calls;
void hub_set_listener(struct hub *, struct listener *);

/* Before the first stream. arg must outlive the hub. */
void hub_set_calls(struct hub *, const struct hub_calls *, void *arg);

/*
 * Takes over a stream on the heap, with filter and connection. False, and it is
 * still the caller's, without memory.
 */
bool hub_add(struct hub *, struct stream *) MUSTCHECK;

/*
 * Begins an OPENING stream where it wants to, if that is known already. head is
 * empty or the head of the response, which then goes out together with the
 * first event: Apache holds a head back until there is a body. The feed is
 * known and the hub has been flushed.
 */
void hub_begin(struct hub *, struct stream *, struct buf *head);

/* Writes what is new to all live streams. */
void hub_flush(struct hub *);

/* Runs a stream, or resumes it, in a later turn. */
void hub_enqueue(struct hub *, struct stream *);

/* Writes text at a boundary; last: then the end of the request. */
void hub_write(struct hub *, struct stream *, struct buf *text, bool last);

/* Ends a stream as planned, at once or when its chunk is out. */
void hub_end(struct hub *, struct stream *, const char *reason);

/*
 * Closes a stream. It is freed at the end of the turn, as callers may be
 * walking the list it is in.
 */
void hub_close(struct hub *, struct stream *, const char *why);

/* Closes the streams whose clients have left. */
void hub_look_at_all(struct hub *);

bool hub_knows_feed(const struct hub *);
bool hub_is_ending(const struct hub *);
struct stream_set *hub_stream_set(struct hub *);
struct filters *hub_filter_set(struct hub *);

/*
 * Says goodbye to all streams, spread over SPREAD_MS; done() when they are
 * gone.
 */
void hub_shut_down(struct hub *, void (*done)(void *), void *arg);

/* The time at which the hub was made, by now_ms(). */
int64_t hub_since_ms(const struct hub *);

/* The streams, and the short responses, which take no place, beside them. */
size_t hub_streams(const struct hub *);
size_t hub_short_responses(const struct hub *);

size_t hub_filters(const struct hub *);

/*
 * Returns the lag of the slowest stream, ms: the age of the oldest event that a
 * stream which was live has not been sent; 0 when there is none.
 */
int64_t hub_lag_ms(const struct hub *);
const struct ring *hub_ring(const struct hub *);

#endif
