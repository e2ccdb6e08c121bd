/*
 * acceptor.h - from a listening socket to parsed requests.
 *
 * The event loop accepts, checks who is calling and waits until the parameters
 * and a short body have arrived and are well-formed; only then does one of a
 * few threads make a request of them. So a peer that connects and says nothing,
 * nonsense, or half of it costs a descriptor, not a thread.
 */
#ifndef PGFEED_ACCEPTOR_H
#define PGFEED_ACCEPTOR_H

#include <event2/event.h>

#include "config/config.h"
#include "fastcgi/request.h"

struct acceptor;

/*
 * Called in one of the worker threads for each request. The callee owns the
 * request from here on.
 */
typedef void (*acceptor_cb)(struct request *, void *arg);

/* Why a connection was closed that never became a request. */
enum acceptor_loss {
	LOSS_NONE = 0, /* it said nothing, or we are ending: not told */
	LOSS_LATE,     /* not whole within request_timeout */
	LOSS_HEAD,     /* its parameters are too large */
	LOSS_BROKEN,   /* not FastCGI, or cut short */
	LOSS_PEER,     /* not one of peer_users */
	LOSS_MEMORY,
};

/* Called in the loop or in a worker thread. */
typedef void (*acceptor_loss_cb)(enum acceptor_loss, void *arg);

/*
 * Serves listen_fd (from socket_listen()) with the given number of threads.
 * Requests come through cb, what becomes none is told to on_loss. The base and
 * arg must outlive the acceptor. Exits with a message when threads can't be
 * made: this is start-up.
 */
struct acceptor *acceptor_new(struct event_base *, int listen_fd,
    unsigned threads, const struct config *, acceptor_cb cb,
    acceptor_loss_cb on_loss, void *arg);

/*
 * Lets requests whose body has arrived whole go through cb in the loop's own
 * thread, which saves waking another: for a cb that does not block then.
 */
void acceptor_serve_in_loop(struct acceptor *);

/*
 * Stops accepting. Connections that wait in the backlog stay there for the
 * next process. Requests being parsed still come through cb.
 */
void acceptor_stop(struct acceptor *);

/* Whether no request is at hand. After acceptor_stop() it stays so. */
bool acceptor_idle(struct acceptor *);

/* Waits for the threads to finish what they have, then frees. */
void acceptor_free(struct acceptor *);

/*
 * The socket to serve: one inherited from systemd (LISTEN_FDS, the socket
 * with that name or the only one), else fd 0 when it is a listening socket
 * (lighttpd bin-path, spawn-fcgi), else a new Unix socket at path with the
 * configured mode and group; a dead socket left there is replaced, a live one
 * is not. Sets *made to whether it is ours to unlink. Returns the descriptor
 * (non-blocking, close-on-exec) or -1 after logging why.
 */
int socket_listen(
    const struct config *, const char *path, const char *name, bool *made);

#endif
