/*
 * ingest.h - group commit: stores the events of many requests in few commits.
 *
 * While one batch commits, the events of the next one gather. They are sent as
 * soon as the server has answered the first. So a lone event never waits, and
 * many share one fsync.
 */
#ifndef PGFEED_INGEST_H
#define PGFEED_INGEST_H

#include <sys/queue.h>
#include <event2/event.h>

#include "config/config.h"
#include "post/ingest_arrays.h"

struct ingest;

enum ingest_status {
	INGEST_STORED = 0, /* committed; id is the id of the event */
	/* the key was used before; id is that of the first event */
	INGEST_DUPLICATE,
	INGEST_CONFLICT, /* the key was used before, for another event */
	INGEST_REFUSED,  /* the database refuses this event */
	/* this user, or pgfeed's role, may not store this event */
	INGEST_FORBIDDEN,
	INGEST_POLICY,      /* pgfeed.may_write failed */
	INGEST_REVOKED,     /* the token has been revoked */
	INGEST_UNAVAILABLE, /* not stored: the database is unreachable */
	INGEST_UNKNOWN, /* unknown: the connection was lost during the commit */
};

/*
 * An event to store. The caller owns the job and the memory that row points to,
 * and may free them in done().
 */
struct ingest_job {
	TAILQ_ENTRY(ingest_job) entry;
	struct row row;
	/* called once, in the loop's thread */
	void (*done)(struct ingest_job *);

	enum ingest_status status;
	int64_t id;
	char sqlstate[6]; /* SQLSTATE of a refusal */
};

/*
 * Returns an ingest; call it in the loop's thread. For patience_ms after the
 * start, and after a loss of the connection, events wait for a connection; then
 * they are refused at once. Exits without memory. For start-up only.
 */
struct ingest *ingest_new(
    struct event_base *, const struct config *, int64_t patience_ms);

/*
 * Takes a job with row and done filled in, from any thread. The loop calls
 * done() later. Returns false, and does nothing, when WAITING_ROWS or
 * WAITING_BYTES (ingest.c) are waiting.
 */
MUSTCHECK bool ingest_put(struct ingest *, struct ingest_job *);

/*
 * Runs the loop until all jobs are done and the last doorbell has rung, for
 * FAREWELL_MS at most. No other thread may put jobs any more.
 */
void ingest_finish(struct ingest *);

/*
 * Frees an ingest after ingest_finish(), but not while
 * pg_connection_some_open().
 */
void ingest_free(struct ingest *);

#endif
