/*
 * pg_connection.h - a connection to PostgreSQL inside the event loop, which comes
 * back by itself.
 *
 * Opening blocks (name lookup, TLS, the first statements), so it happens in a
 * thread of its own; what is handed over is ready for queries. One query runs
 * at a time and its rows come one by one, so a large result needs no memory.
 */
#ifndef PGFEED_PG_CONNECTION_H
#define PGFEED_PG_CONNECTION_H

#include <event2/event.h>
#include <libpq-fe.h>

#include "base/util.h"

struct pg_connection;

/* All are called from the loop with arg, but open, which is called in a thread. */
struct pg_connection_calls {
	/*
	 * Returns a connection ready for use, or NULL after logging why (err
	 * has been logged before: say it only once). May block.
	 */
	PGconn *(*open)(void *arg);
	void (*up)(void *arg);   /* what open() prepared is ready */
	void (*down)(void *arg); /* lost; a query under way will not end */
	void (*row)(const PGresult *, void *arg); /* one row, row number 0 */
	void (*done)(bool ok, void *arg);         /* the query has ended */
	/* For pipeline mode, instead of row and done: gets the results. */
	void (*input)(PGconn *, void *arg);
	void (*notify)(const PGnotify *, void *arg);
};

/*
 * Starts connecting at once. priority is libevent's: 0 is served first.
 * Exits without memory.
 */
struct pg_connection *pg_connection_new(struct event_base *, int priority,
    const char *name, const struct pg_connection_calls *, void *arg);

bool pg_connection_is_up(const struct pg_connection *);

/* Whether a query is under way. */
bool pg_connection_is_busy(const struct pg_connection *);

/*
 * Sends a statement prepared by open(), with n parameters as text. Not while
 * another runs. A failure to send shows as down().
 */
void pg_connection_send(struct pg_connection *, const char *statement, int n,
    const char *const *values);

/*
 * For pipeline mode: the connection to send statements on, NULL while there is
 * none. pg_connection_sent() flushes them and starts the query's time limit,
 * pg_connection_answered() ends it.
 */
PGconn *pg_connection_pipeline(const struct pg_connection *);
void pg_connection_sent(struct pg_connection *);
void pg_connection_answered(struct pg_connection *);

/* Gives the connection up; it is opened again after a pause. */
void pg_connection_drop(struct pg_connection *, const char *why);

void pg_connection_free(struct pg_connection *);

/*
 * Whether a thread is at open() for some connection: it may wait there for ten
 * seconds, and uses the argument meanwhile, so that must not be freed.
 */
bool pg_connection_some_open(void);

#endif
