/*
 * follow.h - the feed read straight from the table, without a gateway.
 *
 * Exactly what pgfeed-stream delivers, by the same rule: ids become visible
 * out of order, so a position is a set, and an id that was stepped over stays
 * open until everybody who may own it has ended their transaction (who holds
 * the lock on the sequence). It blocks, and follows for one reader.
 */
#ifndef PGFEED_FOLLOW_H
#define PGFEED_FOLLOW_H

#include <libpq-fe.h>

#include "base/buf.h"
#include "feed/cursor.h"

struct follow {
	PGconn *db; /* the caller's */
	struct cursor at;
	struct cursor known;  /* all that was finished when we came */
	struct cursor frozen; /* holes that wait for the holders to end */
	struct buf holders;   /* array literal; only while frozen.n > 0 */
	struct buf err;
};

/* One row; the strings are valid inside the callback. kind and by may be NULL. */
struct follow_event {
	const char *id, *topic, *at, *kind, *data, *by;
};

/*
 * FOLLOW_COLUMNS are what a SELECT from pgfeed.event has to begin with for
 * follow_row() to read a row of its result.
 */
#define FOLLOW_COLUMNS                              \
	"id, topic, to_char(at AT TIME ZONE 'UTC'," \
	" 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') AS at_text, kind, data, by"

struct follow_event follow_row(const PGresult *, int row);

/* Returns false to stop; the event counts as read all the same. */
typedef bool (*follow_cb)(const struct follow_event *, void *arg);

enum follow_result {
	FOLLOW_OK,
	FOLLOW_STOPPED, /* the callback said so */
	FOLLOW_FAILED,  /* err says why; the connection may be gone */
};

/*
 * Starts to listen and finds out where the feed stands: at is "now". Also for a
 * new connection after one was lost; then at stays as it was.
 */
enum follow_result follow_begin(
    struct follow *, PGconn *, bool again) MUSTCHECK;

void follow_fini(struct follow *);

/* Hands out all that is new, then looks after the holes. */
enum follow_result follow_fetch(struct follow *, follow_cb, void *) MUSTCHECK;

/* Waits for the bell: at most a second, less while there are holes. */
enum follow_result follow_wait(struct follow *) MUSTCHECK;

#endif
