/*
 * ingest.h - storing events for many requests at once.
 *
 * A thread of its own commits in batches that clock themselves: while one
 * batch is being committed the next one gathers, and goes out as soon as the
 * first has been answered. So one event alone waits for nothing, and a crowd
 * shares its fsyncs.
 */
#ifndef PGFEED_INGEST_H
#define PGFEED_INGEST_H

#include <sys/queue.h>

#include "config/config.h"
#include "post/ingest_connection.h"

struct ingest;

enum ingest_status {
	INGEST_STORED = 0, /* committed; id is the event's */
	INGEST_DUPLICATE, /* the key was used before; id is the first event's */
	INGEST_CONFLICT,  /* ... for another event */
	INGEST_REFUSED,   /* the database does not take this event */
	INGEST_FORBIDDEN, /* ... from this user, or from this role */
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
	void (*done)(struct ingest_job *); /* in the ingest thread, once */

	enum ingest_status status;
	int64_t id;
	char sqlstate[6]; /* why it was refused */
};

/*
 * Starts the thread. patience_ms is for how long after a loss of the
 * connection (and after the start) events wait for it to come back; later they
 * are refused at once. Exits when there are no means: this is start-up.
 */
struct ingest *ingest_new(const struct config *, int64_t patience_ms);

/*
 * Takes a job with row and done filled in, from any thread. False, and nothing
 * happens, when too much waits already. A job does not wait much longer than
 * the time limit of a batch (session.c).
 */
MUSTCHECK bool ingest_put(struct ingest *, struct ingest_job *);

/* Finishes all jobs, lets the last bell ring, ends the thread and frees. */
void ingest_free(struct ingest *);

#endif
