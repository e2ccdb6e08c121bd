/*
 * pgconn.h - a connection to PostgreSQL inside the event loop, which comes
 * back by itself.
 *
 * Opening blocks (name lookup, TLS, the first statements), so it happens in a
 * thread of its own; what is handed over is ready for queries. One query runs
 * at a time and its rows come one by one, so a large result needs no memory.
 */
#ifndef PGFEED_PGCONN_H
#define PGFEED_PGCONN_H

#include <event2/event.h>
#include <libpq-fe.h>

#include "util.h"

struct pgconn;

/* All are called from the loop with arg, but open, which is called in a thread. */
struct pgconn_calls {
	/*
	 * Returns a connection ready for use, or NULL after logging why (err
	 * has been logged before: say it only once). May block.
	 */
	PGconn *(*open)(void *arg);
	void (*up)(void *arg);   /* what open() prepared is ready */
	void (*down)(void *arg); /* lost; a query under way will not end */
	void (*row)(const PGresult *, void *arg);   /* one row, row number 0 */
	void (*done)(bool ok, void *arg);           /* the query has ended */
	void (*notify)(const PGnotify *, void *arg);
};

/*
 * Starts connecting at once. priority is libevent's: 0 is served first.
 * Exits without memory.
 */
struct pgconn *pgconn_new(struct event_base *, int priority, const char *name,
    const struct pgconn_calls *, void *arg);

bool pgconn_is_up(const struct pgconn *);

/* Whether a query is under way. */
bool pgconn_is_busy(const struct pgconn *);

/*
 * Sends a statement prepared by open(), with n parameters as text. Not while
 * another runs. A failure to send shows as down().
 */
void pgconn_send(
    struct pgconn *, const char *statement, int n, const char *const *values);

/* Gives the connection up; it is opened again after a pause. */
void pgconn_drop(struct pgconn *, const char *why);

void pgconn_free(struct pgconn *);

/*
 * Whether a thread is at open() for some connection: it may wait there for ten
 * seconds, and uses the argument meanwhile, so that must not be freed.
 */
bool pgconn_some_open(void);

#endif
