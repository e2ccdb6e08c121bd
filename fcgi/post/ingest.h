/*
 * ingest.h - stores the events of many requests in few commits (group commit).
 *
 * While one batch is being committed, the next one gathers; it is sent as soon
 * as the server has answered the first. So one event alone waits for nothing,
 * and a crowd shares its fsyncs.
 */
#ifndef PGFEED_INGEST_H
#define PGFEED_INGEST_H

#include <sys/queue.h>
#include <event2/event.h>

#include "config/config.h"
#include "post/ingest_arrays.h"

struct ingest;

enum ingest_status {
	INGEST_STORED = 0, /* committed; id is the event's */
	INGEST_DUPLICATE, /* the key was used before; id is the first event's */
	INGEST_CONFLICT,  /* ... for another event */
	INGEST_REFUSED,   /* the database does not take this event */
	INGEST_FORBIDDEN, /* ... from this user, or from this role */
	INGEST_REVOKED,   /* ... with this token, which has been revoked */
	INGEST_UNAVAILABLE, /* not stored: there is no database now */
	INGEST_UNKNOWN, /* stored or not: the connection was lost meanwhile */
};

/*
 * An event on its way. Its memory, and what the row points to, are the
 * caller's until done() has been called; it may free them there.
 */
struct ingest_job {
	TAILQ_ENTRY(ingest_job) entry;
	struct row row;
	void (*done)(struct ingest_job *); /* in the loop's thread, once */

	enum ingest_status status;
	int64_t id;
	char sqlstate[6]; /* why it was refused */
};

/*
 * To be called in the loop's thread. For patience_ms after a loss of the
 * connection, and after the start, events wait for a connection; after that
 * they are refused at once. Exits without memory: this is start-up.
 */
struct ingest *ingest_new(
    struct event_base *, const struct config *, int64_t patience_ms);

/*
 * Takes a job with row and done filled in, from any thread. done() is called
 * later, from the loop. Returns false, and does nothing, when WAITING_ROWS or
 * WAITING_BYTES are waiting (ingest.c).
 */
MUSTCHECK bool ingest_put(struct ingest *, struct ingest_job *);

/*
 * Runs the loop until all jobs are done and the last bell has rung, for which
 * it waits FAREWELL_MS at most. No other thread may put jobs any more.
 */
void ingest_finish(struct ingest *);

/* Behind ingest_finish(), and not while pg_connection_some_open(). */
void ingest_free(struct ingest *);

#endif
