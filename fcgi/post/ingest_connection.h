/*
 * ingest_connection.h - pgfeed-post's one connection to PostgreSQL.
 *
 * Connects by itself, and again after a loss, with growing pauses
 * (pg/pg_connection.h). Stores one batch of events at a time. All functions and
 * callbacks run in the thread of the event loop, and none of them blocks.
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
	BATCH_REFUSED, /* nothing is stored; sqlstate and res have the error */
	BATCH_LOST,    /* whether the events are stored is unknown */
};

struct ingest_connection_calls {
	/* The connection is ready for a batch: a new one, or behind a loss. */
	void (*up)(void *arg);
	/*
	 * The batch in flight has ended. res is NULL when it is lost; sqlstate
	 * is "" unless it is refused. May be called by ingest_connection_send()
	 * and ingest_connection_reset(); may not call the former.
	 */
	void (*ended)(enum batch_result, const PGresult *res,
	    const char *sqlstate, void *arg);
};

/* Begins to connect at once. Exits when there is no memory. */
struct ingest_connection *ingest_connection_new(struct event_base *,
    const struct config *, const struct ingest_connection_calls *, void *arg);

/* Not while pg_connection_some_open(): that thread uses the memory. */
void ingest_connection_free(struct ingest_connection *);

/* Whether the connection is up and no batch is in flight. */
bool ingest_connection_ready(const struct ingest_connection *);

/* Whether no answer of the server is awaited, that to the bell included. */
bool ingest_connection_idle(const struct ingest_connection *);

/* Since when (now_ms()) there has been no connection; 0 while there is one. */
int64_t ingest_connection_down_since(const struct ingest_connection *);

/*
 * Stores n rows, which are copied, and rings the doorbell after the commit.
 * Only while ingest_connection_ready().
 */
void ingest_connection_send(
    struct ingest_connection *, const struct row *const *rows, unsigned n);

/* Drops the connection, so that a new one is opened. */
void ingest_connection_reset(struct ingest_connection *);

#endif
