/*
 * follow.h - the feed read straight from the table, without a gateway.
 *
 * Exactly what pgfeed-stream delivers, with the same parts (common/feed), for one
 * reader and with calls that block. While it follows it is a gateway like any
 * other: writers ring the doorbell for it while it sleeps.
 */
#ifndef PGFEED_FOLLOW_H
#define PGFEED_FOLLOW_H

#include "feed/doorbell.h"
#include "feed/hole_probe.h"
#include "feed/start_position.h"

struct follow {
	PGconn *db; /* the caller's */
	struct cursor at;
	struct cursor known;         /* all that was finished when we came */
	struct start_position start; /* what the connection began with */
	struct known_history history;
	struct hole_probe *probe;
	struct doorbell *doorbell;
	int64_t probed_ms, checked_ms;
	struct buf err;
};

/* One row; the strings are valid inside the callback. kind and by may be NULL. */
struct follow_event {
	int64_t id, at_us;
	const char *topic, *also; /* further topics divided by LF, or "" */
	const char *kind, *data, *by;
};

/* Reads a row of FEED_EVENT_COLUMNS (feed_sql.h). */
struct follow_event follow_row(const PGresult *, int row);

/* Returns false to stop; the event counts as read all the same. */
typedef bool (*follow_cb)(const struct follow_event *, void *arg);

enum follow_result {
	FOLLOW_OK,
	FOLLOW_STOPPED, /* the callback said so */
	FOLLOW_LOST,    /* ids mean other events now; err says why */
	FOLLOW_FAILED,  /* err says why; the connection may be gone */
};

/* Exits without memory: this is start-up. */
void follow_init(struct follow *);
void follow_fini(struct follow *);

/*
 * Starts to listen and finds out where the feed stands: at is "now". Also for a
 * new connection after one was lost; then at stays as it was, unless it is
 * FOLLOW_LOST.
 */
enum follow_result follow_begin(
    struct follow *, PGconn *, bool again) MUSTCHECK;

/* Hands out all that is new, then works on the holes and the doorbell. */
enum follow_result follow_fetch(struct follow *, follow_cb, void *) MUSTCHECK;

/* Waits until a ring of the doorbell, or until follow_fetch() is due. */
enum follow_result follow_wait(struct follow *) MUSTCHECK;

#endif
