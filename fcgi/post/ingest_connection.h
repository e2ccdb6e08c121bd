/*
 * ingest_connection.h - the ingest connection: pgfeed-post's one to PostgreSQL.
 *
 * The connection reopens itself after a loss, with growing pauses
 * (pg/pg_connection.h), and stores one batch of events at a time. All functions
 * and callbacks run in the thread of the event loop, and none of them blocks.
 */
#ifndef PGFEED_INGEST_CONNECTION_H
#define PGFEED_INGEST_CONNECTION_H

#include <event2/event.h>
#include <libpq-fe.h>

#include "config/config.h"
#include "post/ingest_arrays.h"

struct ingest_connection;

enum batch_result {
	BATCH_COMMITTED, /* res has a row of pgfeed.ingest() for each event */
	BATCH_REFUSED, /* no event is stored; sqlstate and res have the error */
	BATCH_LOST,    /* whether the events are stored is unknown */
};

struct ingest_connection_calls {
	/*
	 * The connection, new or the same after a lost batch, is ready for a
	 * batch.
	 */
	void (*up)(void *arg);
	/*
	 * The batch in flight has ended. res is NULL if the batch is lost;
	 * sqlstate is "" unless the batch was refused. ingest_connection_send()
	 * and ingest_connection_reset() may call this function, which must not
	 * call the former.
	 */
	void (*ended)(enum batch_result, const PGresult *res,
	    const char *sqlstate, void *arg);
};

/* Starts connecting at once. Exits without memory. */
struct ingest_connection *ingest_connection_new(struct event_base *,
    const struct config *, const struct ingest_connection_calls *, void *arg);

/*
 * Frees the connection, but not while pg_connection_some_open(): that thread
 * uses the memory.
 */
void ingest_connection_free(struct ingest_connection *);

/* Returns whether the connection is up and no batch is in flight. */
bool ingest_connection_ready(const struct ingest_connection *);

/* Returns whether all answers have arrived, those to doorbells included. */
bool ingest_connection_idle(const struct ingest_connection *);

/*
 * Returns the time (now_ms()) of the loss of the connection, 0 while it is up.
 */
int64_t ingest_connection_down_since(const struct ingest_connection *);

/*
 * Stores copies of n rows and rings the doorbell after the commit. Call it only
 * while ingest_connection_ready().
 */
void ingest_connection_send(
    struct ingest_connection *, const struct row *const *rows, unsigned n);

/* Drops the connection. A new one is opened. */
void ingest_connection_reset(struct ingest_connection *);

#endif
