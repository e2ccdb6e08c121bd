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

#include "config.h"
#include "session.h"

struct ingest;

enum ingest_status {
	INGEST_STORED = 0, /* committed; id is the event's */
	INGEST_DUPLICATE, /* the key was used before; id is the first event's */
	INGEST_CONFLICT,  /* ... for another event */
	INGEST_REFUSED,   /* the database does not take this event */
	INGEST_FORBIDDEN, /* ... from this role */
	INGEST_UNAVAILABLE, /* not stored: there is no database now */
	INGEST_UNKNOWN, /* stored or not: the connection was lost meanwhile */
};

struct ingest_outcome {
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
 * Stores one event and waits for its commit. From any thread; the row and what
 * it points to are the caller's. Never waits much longer than the time limit
 * of a batch (session.c).
 */
void ingest_put(struct ingest *, const struct row *, struct ingest_outcome *);

/*
 * Lets the bell of the last batch ring, then ends the thread and frees. Nobody
 * may be inside ingest_put().
 */
void ingest_free(struct ingest *);

#endif
