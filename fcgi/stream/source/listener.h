/*
 * listener.h - follows the feed: delivers each event that becomes visible,
 * once.
 *
 * The listener owns the feed's position. It waits for the doorbell, fetches new
 * events and delivers each one together with the position behind it.
 * docs/ordering.md explains why ids alone are not enough.
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
	 * The position is known, for the first time (lost is NULL) or anew.
	 * Anew means that the database has another history, and all delivered
	 * events have to be forgotten; lost is the reason for clients,
	 * "timeline" or "history". Events of recent history follow through
	 * event().
	 */
	void (*start)(const struct cursor *base, const char *lost, void *arg);
	/* The next event. The callee owns it. */
	void (*event)(struct feed_event *, void *arg);
	/* The fetch is complete: write the events. */
	void (*flush)(void *arg);
	/*
	 * LISTEN is in force and all events before it are fetched; or is no
	 * longer.
	 */
	void (*live)(bool, void *arg);
	/* The highest id ever drawn, after listener_want_high(). */
	void (*high)(int64_t id, void *arg);
	/* A notification on pgfeed_revoke, with its payload. */
	void (*revoked)(const char *payload, void *arg);
};

/* Starts to connect at once. config and arg must outlive the listener. */
struct listener *listener_new(struct event_base *, const struct config *,
    const struct listener_calls *, void *arg);
void listener_free(struct listener *);

/* Returns the feed's position. Valid after start(). */
const struct cursor *listener_position(const struct listener *);

bool listener_is_live(const struct listener *);

/* Returns whether writers have to ring, see doorbell.h. */
bool listener_is_asleep(const struct listener *);

/* Returns 0 while live, else the milliseconds since the last fetch. */
int64_t listener_lag_ms(const struct listener *);

/* Returns whether start() has been called. */
bool listener_has_position(const struct listener *);

/* Returns the oldest id in the table, as last read. */
int64_t listener_oldest(const struct listener *);

/* Makes the listener call high() soon. */
void listener_want_high(struct listener *);

/*
 * Makes the listener check soon which history the database has, because a
 * client sent a position of another one.
 */
void listener_check_history(struct listener *);

/*
 * Moves a position from an older timeline to the present one. Returns false if
 * its ids may mean other events there.
 */
bool listener_translate(const struct listener *, struct cursor *) MUSTCHECK;

#endif
