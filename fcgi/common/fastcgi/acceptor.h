/*
 * acceptor.h - thread pool that makes requests of accepted connections.
 *
 * The event loop accepts a connection, checks the user of its peer, and waits
 * until the parameters and a short body have arrived and are well-formed. Only
 * then does a thread parse the request. A peer that sends nothing, nonsense or
 * half a request therefore occupies a descriptor and no thread.
 */
#ifndef PGFEED_ACCEPTOR_H
#define PGFEED_ACCEPTOR_H

#include <event2/event.h>

#include "config/config.h"
#include "fastcgi/request.h"

struct acceptor;

/*
 * Called in a worker thread, or in the loop after acceptor_serve_in_loop(), for
 * each request. The callee owns the request.
 */
typedef void (*acceptor_cb)(struct request *, void *arg);

/* Reasons why a connection was closed before its request was parsed. */
enum acceptor_loss {
	LOSS_NONE =
	    0, /* the peer sent nothing, or the program ends: not reported */
	LOSS_LATE,   /* the request was not whole within request_timeout */
	LOSS_HEAD,   /* the parameters are longer than FCGI_CHECK_MAX_BYTES */
	LOSS_BROKEN, /* the bytes are not FastCGI, or end too early */
	LOSS_PEER,   /* the peer's user is not one of peer_users */
	LOSS_MEMORY,
};

/* Called in the loop or in a worker thread. */
typedef void (*acceptor_loss_cb)(enum acceptor_loss, void *arg);

/*
 * Serves listen_fd (from socket_listen()) with the given number of threads.
 * Calls cb for each request, and on_loss for each connection that sends none.
 * The base and arg must outlive the acceptor. Exits with a message when the
 * threads cannot be created. For start-up only.
 */
struct acceptor *acceptor_new(struct event_base *, int listen_fd,
    unsigned threads, const struct config *, acceptor_cb cb,
    acceptor_loss_cb on_loss, void *arg);

/*
 * Makes the loop call cb by itself for a request whose body has arrived whole,
 * which saves waking a thread. cb must not block then.
 */
void acceptor_serve_in_loop(struct acceptor *);

/*
 * Stops accepting. Connections in the backlog stay there for the next process.
 * cb is still called for requests that are being parsed.
 */
void acceptor_stop(struct acceptor *);

/*
 * Returns whether no request is being received or parsed. After acceptor_stop()
 * an idle acceptor stays idle.
 */
bool acceptor_idle(struct acceptor *);

/* Waits until the threads have finished their requests, then frees. */
void acceptor_free(struct acceptor *);

/*
 * Returns a listening socket, non-blocking and close-on-exec, or -1 after
 * logging the reason. In this order of preference:
 *
 *	- a socket inherited from systemd (LISTEN_FDS): the one with that name,
 *	  or the only one
 *	- descriptor 0, if it is a listening socket (lighttpd's bin-path,
 *	  spawn-fcgi)
 *	- a new Unix socket at path, with the configured mode and group. It
 *	  replaces a socket file that no process serves, but never a live one.
 *
 * *made is set to whether the socket is new; the caller then unlinks it at its
 * end.
 */
int socket_listen(
    const struct config *, const char *path, const char *name, bool *made);

#endif
