/*
 * request_private.h - how the acceptor makes a request of a connection.
 */
#ifndef PGFEED_REQUEST_PRIVATE_H
#define PGFEED_REQUEST_PRIVATE_H

#include <sys/queue.h>

#include "fastcgi/request_check.h"
#include "fastcgi/request.h"

struct acceptor;

/* What the acceptor's watchdog knows of a request. */
struct arrival {
	LIST_ENTRY(arrival) entry;
	struct acceptor *acceptor;
	int fd;
	int64_t deadline_ms;
	bool late;                      /* the watchdog shut it down */
	void (*done)(struct arrival *); /* before fd is closed or given away */
};

/* The way to libfcgi, one for each thread. */
struct inlet {
	int fd[2];
};

/* Opens it; what fails is tried again with the next request. */
void inlet_init(struct inlet *);
void inlet_fini(struct inlet *);

/*
 * Once, before all others. Returns -1 without memory. libfcgi takes SIGTERM,
 * SIGUSR1 and SIGPIPE for itself here, so signals that are to end the program
 * are blocked until it has its own handlers.
 */
int request_start(void) MUSTCHECK;

/* A request that is to be parsed from fd; NULL without memory. */
struct request *request_new(int fd);

/* Filled by the acceptor before request_parse(), but for fd. */
struct arrival *request_arrival(struct request *);

/*
 * Lets libfcgi parse the parameters, which have arrived and are well-formed.
 * Returns 0; or -1, and the request is to be dropped.
 */
int request_parse(
    struct request *, struct inlet *, const struct fcgi_head *) MUSTCHECK;

/* Closes the connection without a word, and frees. */
void request_drop(struct request *);

#endif
