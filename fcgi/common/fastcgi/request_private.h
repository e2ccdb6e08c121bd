/*
 * request_private.h - functions of request.c for the acceptor.
 */
#ifndef PGFEED_REQUEST_PRIVATE_H
#define PGFEED_REQUEST_PRIVATE_H

#include <sys/queue.h>

#include "fastcgi/request_check.h"
#include "fastcgi/request.h"

struct acceptor;

/* The watchdog's entry for a request. */
struct arrival {
	LIST_ENTRY(arrival) entry;
	struct acceptor *acceptor;
	int fd;
	int64_t deadline_ms;
	bool late; /* the watchdog has shut the connection down */
	void (*done)(
	    struct arrival *); /* called before fd is closed or given away */
};

/* The pair of sockets to libfcgi, one for each thread. */
struct inlet {
	int fd[2];
};

/* Opens the pair. After a failure, the next request tries again. */
void inlet_init(struct inlet *);
void inlet_fini(struct inlet *);

/*
 * Initialises libfcgi; call it once, before all other functions. Returns -1
 * without memory. libfcgi installs handlers of SIGTERM, SIGUSR1 and SIGPIPE
 * here, so the program blocks these signals until it has installed its own.
 */
int request_start(void) MUSTCHECK;

/* Returns a request that is to be parsed from fd, or NULL without memory. */
struct request *request_new(int fd);

/*
 * Returns the watchdog's entry. The acceptor fills it in before
 * request_parse(); fd is set already.
 */
struct arrival *request_arrival(struct request *);

/*
 * Makes libfcgi parse the parameters, which have arrived and are well-formed.
 * Returns 0, or -1; the caller then drops the request.
 */
int request_parse(
    struct request *, struct inlet *, const struct fcgi_head *) MUSTCHECK;

/* Closes the connection without an answer and frees the request. */
void request_drop(struct request *);

#endif
