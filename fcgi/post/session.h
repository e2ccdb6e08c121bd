/*
 * session.h - pgfeed-post's one connection to the database.
 *
 * It connects by itself and again after a loss, with growing pauses, and takes
 * one batch at a time. Everything happens in the thread that calls
 * session_turn(); nothing blocks, except the lookup of a host name, which
 * libpq does inside (hostaddr avoids it).
 */
#ifndef PGFEED_SESSION_H
#define PGFEED_SESSION_H

#include <libpq-fe.h>
#include <poll.h>

#include "config.h"

struct session;

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

enum session_result {
	SESSION_COMMITTED, /* res has a row of pgfeed.ingest for each */
	SESSION_REFUSED,   /* nothing stored; sqlstate and res tell why */
	SESSION_LOST,      /* whether it is stored is unknown; res is NULL */
};

/*
 * The batch in flight has ended; called from session_turn(). sqlstate is ""
 * unless refused. May call session_send() again.
 */
typedef void (*session_cb)(
    enum session_result, const PGresult *res, const char *sqlstate, void *arg);

/* Begins to connect at the first turn. Exits when there is no memory. */
struct session *session_new(const struct config *, session_cb, void *arg);
void session_free(struct session *);

/* Connected, prepared, and no batch in flight. */
bool session_ready(const struct session *);

/* Nothing is on its way to or from the database, the bell included. */
bool session_idle(const struct session *);

/* Since when there has been no connection (now_ms()), 0 while there is one. */
int64_t session_down_since(const struct session *);

/* Stores the rows, which are copied, and rings the bell after the commit. */
void session_send(struct session *, const struct row *const *rows, unsigned n);

/* Drops the connection, to begin with a fresh one. */
void session_reset(struct session *);

/* Fills in what to poll for; returns the time until a turn is due in ms. */
int session_poll(struct session *, struct pollfd *);

/* Does what can be done now. */
void session_turn(struct session *, short revents);

#endif
