/*
 * ingest_connection.h - pgfeed-post's one connection to the database.
 *
 * It connects by itself and again after a loss, with growing pauses, and takes
 * one batch at a time. Everything happens in the thread that calls
 * ingest_connection_turn(); nothing blocks, except the lookup of a host name, which
 * libpq does inside (hostaddr avoids it).
 */
#ifndef PGFEED_INGEST_CONNECTION_H
#define PGFEED_INGEST_CONNECTION_H

#include <libpq-fe.h>
#include <poll.h>

#include "config/config.h"

struct ingest_connection;

/* One event to store, and for whom. Only data is not NUL-terminated. */
struct row {
	const char *topic;  /* a valid topic */
	const char *kind;   /* or NULL */
	const char *key;    /* or NULL */
	const char *who;    /* or NULL: anonymous */
	const char *claims; /* of the token, as JSON; or NULL */
	const char *data;
	size_t data_len;
};

enum ingest_connection_result {
	SESSION_COMMITTED, /* res has a row of pgfeed.ingest for each */
	SESSION_REFUSED,   /* nothing stored; sqlstate and res tell why */
	SESSION_LOST,      /* whether it is stored is unknown; res is NULL */
};

/*
 * The batch in flight has ended; called from ingest_connection_turn(). sqlstate is ""
 * unless refused. May call ingest_connection_send() again.
 */
typedef void (*ingest_connection_cb)(enum ingest_connection_result,
    const PGresult *res, const char *sqlstate, void *arg);

/* Begins to connect at the first turn. Exits when there is no memory. */
struct ingest_connection *ingest_connection_new(
    const struct config *, ingest_connection_cb, void *arg);
void ingest_connection_free(struct ingest_connection *);

/* Connected, prepared, and no batch in flight. */
bool ingest_connection_ready(const struct ingest_connection *);

/* Nothing is on its way to or from the database, the bell included. */
bool ingest_connection_idle(const struct ingest_connection *);

/* Since when there has been no connection (now_ms()), 0 while there is one. */
int64_t ingest_connection_down_since(const struct ingest_connection *);

/* Stores the rows, which are copied, and rings the bell after the commit. */
void ingest_connection_send(
    struct ingest_connection *, const struct row *const *rows, unsigned n);

/* Drops the connection, to begin with a fresh one. */
void ingest_connection_reset(struct ingest_connection *);

/* Fills in what to poll for; returns the time until a turn is due in ms. */
int ingest_connection_poll(struct ingest_connection *, struct pollfd *);

/* Does what can be done now. */
void ingest_connection_turn(struct ingest_connection *, short revents);

#endif
