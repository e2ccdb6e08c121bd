/*
 * listener.h - what becomes visible in the database, each event exactly once.
 *
 * The listener knows the feed's position and moves it: it waits for the bell,
 * fetches what is new and hands every event on together with the position
 * after it. docs/ordering.md tells why ids alone are not enough.
 */
#ifndef PGFEED_LISTENER_H
#define PGFEED_LISTENER_H

#include <event2/event.h>

#include "config/config.h"
#include "feed/cursor.h"
#include "stream/source/feed_event.h"

struct listener;

struct listener_calls {
	/*
	 * The position is known: for the first time (lost is NULL), or because
	 * the database's history is not the one known so far: whatever was
	 * handed on before has to be forgotten. lost is the reason that clients
	 * are told: "timeline" or "history". Events of recent history follow
	 * through event().
	 */
	void (*start)(const struct cursor *base, const char *lost, void *arg);
	/* The next event; the callee owns it. */
	void (*event)(struct feed_event *, void *arg);
	/* A batch is complete: time to write. */
	void (*flush)(void *arg);
	/* LISTEN is (or is no longer) in force, and all before it fetched. */
	void (*live)(bool, void *arg);
	/* The highest id ever handed out, asked for with listener_want_high. */
	void (*high)(int64_t id, void *arg);
	/* A notification pgfeed_revoke, see access_revoked(). */
	void (*revoked)(const char *payload, void *arg);
};

/* Starts at once. config and arg must outlive it. */
struct listener *listener_new(struct event_base *, const struct config *,
    const struct listener_calls *, void *arg);
void listener_free(struct listener *);

/* The feed's position. Meaningful after start(). */
const struct cursor *listener_position(const struct listener *);

bool listener_is_live(const struct listener *);

/* Returns whether writers have to ring: see doorbell.h. */
bool listener_is_asleep(const struct listener *);

/* 0 while it is live, else how long ago it last asked for events. */
int64_t listener_lag_ms(const struct listener *);

/* Whether start() has been called. */
bool listener_has_position(const struct listener *);

/* The oldest id still kept, as last read. */
int64_t listener_oldest(const struct listener *);

/* Asks for high() soon. */
void listener_want_high(struct listener *);

/* A position of another history was sent: checks soon which one there is. */
void listener_check_history(struct listener *);

/*
 * Brings a position from an older timeline to the present one. False when its
 * ids may mean other events there.
 */
bool listener_translate(const struct listener *, struct cursor *) MUSTCHECK;

#endif
