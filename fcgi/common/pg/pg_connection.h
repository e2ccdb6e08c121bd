/*
 * pg_connection.h - a connection to PostgreSQL inside the event loop, which
 * reopens itself after a loss.
 *
 * Opening blocks (name lookup, TLS, the first statements), so a thread does it
 * and passes the connection to the loop, ready for queries. One query runs at a
 * time. Its rows arrive one by one, so a large result needs no memory. Notices
 * of the server are logged, at most one a second.
 */
#ifndef PGFEED_PG_CONNECTION_H
#define PGFEED_PG_CONNECTION_H

#include <event2/event.h>
#include <libpq-fe.h>

#include "base/buf.h"

struct pg_connection;

/* Callbacks with arg. A thread calls open; the loop calls the others. */
struct pg_connection_calls {
	/*
	 * Returns a connection ready for use, or NULL after adding the reason
	 * to err, which is empty. The reason is logged, unless it is that of the
	 * last attempt. May block.
	 */
	PGconn *(*open)(void *arg, struct buf *err);
	/* another connection of the process logs the reason at level error */
	bool log_as_info;
	/* the connection that open() prepared is ready */
	void (*up)(void *arg);
	/* the connection is lost; the query under way has no end */
	void (*down)(void *arg);
	/* one row, as row number 0 of the result */
	void (*row)(const PGresult *, void *arg);
	void (*done)(bool ok, void *arg); /* the query has ended */
	/* For pipeline mode, instead of row and done: reads the results. */
	void (*input)(PGconn *, void *arg);
	void (*notify)(const PGnotify *, void *arg);
};

/*
 * Starts connecting at once. priority is libevent's: 0 runs first. Exits
 * without memory.
 */
struct pg_connection *pg_connection_new(struct event_base *, int priority,
    const char *name, const struct pg_connection_calls *, void *arg);

bool pg_connection_is_up(const struct pg_connection *);

/* Returns whether a query is under way. */
bool pg_connection_is_busy(const struct pg_connection *);

/*
 * Sends a statement that open() prepared, with n parameters as text. No other
 * may be under way. A failure to send is reported by down().
 */
void pg_connection_send(struct pg_connection *, const char *statement, int n,
    const char *const *values);

/*
 * For pipeline mode. pg_connection_pipeline() returns the connection to send
 * statements on, or NULL while there is none. pg_connection_sent() flushes them
 * and starts the query's time limit; pg_connection_answered() ends the limit.
 */
PGconn *pg_connection_pipeline(const struct pg_connection *);
void pg_connection_sent(struct pg_connection *);
void pg_connection_answered(struct pg_connection *);

/* Closes the connection and reopens it after a pause. The reason is logged. */
void pg_connection_drop(struct pg_connection *, const char *why);

void pg_connection_free(struct pg_connection *);

/*
 * Returns whether a thread is inside open() for any connection. open() may
 * block for ten seconds and uses arg, which must not be freed meanwhile.
 */
bool pg_connection_some_open(void);

#endif
