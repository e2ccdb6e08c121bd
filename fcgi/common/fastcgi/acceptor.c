/*
 * acceptor.c - thread pool that makes requests of accepted connections.
 *
 *     accept --> wait for the request --> queue --> worker: request --> cb
 *     (loop)     (loop)                             (threads)
 *
 * The loop peeks at the bytes that have arrived (request_check.h) and leaves
 * them in the socket until the parameters, and a short body too, are there
 * whole and well-formed. Then request.c parses them. A watchdog shuts a
 * connection down when its request has not arrived within request_timeout.
 *
 * Owner:  the loop owns a waiting connection. A worker owns the request that it
 *         parses, until the callback takes it over.
 */
#include <sys/socket.h>
#include <sys/queue.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event_struct.h>

#include "fastcgi/acceptor.h"
#include "base/log.h"
#include "fastcgi/peer_check.h"
#include "fastcgi/request_private.h"

#define ACCEPTS_PER_TURN 64
#define WORKER_STACK     (256 * 1024)
#define BODY_WAIT_BYTES  32768 /* bytes of a request, with its head */

static const struct timeval body_pause = { .tv_usec = 100000 };

/* A connection whose request has not arrived yet. */
struct waiting {
	TAILQ_ENTRY(waiting) entry;
	struct acceptor *acceptor;
	struct event event;
	int64_t since_ms;
	struct fcgi_head head;   /* valid once the head has arrived */
	bool body_lacks;         /* only body bytes are still to come */
	enum acceptor_loss loss; /* reported if w is dropped now */
	int fd;
};

/* The next step for a waiting connection. */
enum next_step {
	STEP_WAIT,
	STEP_SERVE, /* parse in the loop, at once */
	STEP_QUEUE, /* parse in a worker */
	STEP_DROP,
};

struct acceptor {
	struct event_base *base;
	int listen_fd;
	const struct config *config;
	acceptor_cb cb;
	acceptor_loss_cb on_loss;
	void *arg;
	struct event *on_connect;
	struct event *on_tick; /* watchdog, once a second */
	TAILQ_HEAD(, waiting) silent;
	struct peer_check *peers;
	bool in_loop;       /* set by acceptor_serve_in_loop() */
	struct inlet inlet; /* used by the loop */

	/* Members shared with the workers, under mutex. */
	pthread_mutex_t mutex;
	pthread_cond_t work;
	TAILQ_HEAD(, waiting) ready;
	LIST_HEAD(, arrival) parsing;
	bool stopping;
	unsigned n_busy; /* number of threads inside serve() */
	pthread_t *thread;
	unsigned n_threads;
};

/*
 * Takes a request off the watchdog's list, which holds the requests whose bytes
 * are still to come. Afterwards the descriptor may be closed and its number
 * used again.
 */
static void
unwatch(struct arrival *r)
{
	pthread_mutex_lock(&r->acceptor->mutex);
	LIST_REMOVE(r, entry);
	pthread_mutex_unlock(&r->acceptor->mutex);
}

static void
report_loss(struct acceptor *a, enum acceptor_loss loss)
{
	if (loss != LOSS_NONE)
		a->on_loss(loss, a->arg);
}

/*
 * Parses the request of one connection and calls cb. Closes the connection when
 * parsing fails.
 */
static void
serve(struct acceptor *a, struct inlet *inlet, const struct waiting *w)
{
	struct request *r = request_new(w->fd);
	struct arrival *arrival;

	if (r == NULL) {
		report_loss(a, LOSS_MEMORY);
		close(w->fd);
		return;
	}
	arrival = request_arrival(r);
	arrival->deadline_ms = w->since_ms + a->config->request_timeout;
	arrival->done = unwatch;
	arrival->acceptor = a;
	pthread_mutex_lock(&a->mutex);
	LIST_INSERT_HEAD(&a->parsing, arrival, entry);
	pthread_mutex_unlock(&a->mutex);

	if (request_parse(r, inlet, &w->head) == 0)
		a->cb(r, a->arg);
	else {
		log_debug("connection dropped: its request is incomplete");
		report_loss(a, request_late(r) ? LOSS_LATE : LOSS_BROKEN);
		request_drop(r);
	}
}

static void *
worker(void *arg)
{
	struct acceptor *a = arg;
	struct inlet inlet;

	inlet_init(&inlet);
	pthread_mutex_lock(&a->mutex);
	for (;;) {
		struct waiting *w = TAILQ_FIRST(&a->ready);

		if (w == NULL && a->stopping)
			break;
		if (w == NULL) {
			pthread_cond_wait(&a->work, &a->mutex);
			continue;
		}
		TAILQ_REMOVE(&a->ready, w, entry);
		a->n_busy++;
		pthread_mutex_unlock(&a->mutex);
		serve(a, &inlet, w);
		free(w);
		pthread_mutex_lock(&a->mutex);
		a->n_busy--;
	}
	pthread_mutex_unlock(&a->mutex);
	inlet_fini(&inlet);
	return NULL;
}

/*
 * Returns the next step for w. The bytes that have arrived stay in the socket,
 * where libfcgi or request_read() reads them.
 *
 * The loop waits for a body too, up to BODY_WAIT_BYTES. Unread bytes fill the
 * socket, and a peer that waits for POLLOUT (Apache) sends no more when a
 * quarter of the socket's buffer is full; a longer body therefore goes to a
 * worker. pgfeed-post, which serves in the loop, gets whole requests and has
 * many threads for bodies that pause. pgfeed-stream has a few threads, and a
 * few such peers would occupy all of them.
 */
static enum next_step
peek(struct waiting *w)
{
	static char seen[FCGI_CHECK_MAX_BYTES];
	ssize_t n = recv(w->fd, seen, sizeof(seen), MSG_PEEK | MSG_DONTWAIT);

	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return STEP_WAIT;
	if (n <= 0)
		return STEP_DROP;
	w->loss = LOSS_BROKEN;
	switch (fcgi_check(seen, (size_t)n, &w->head)) {
	case FCGI_CHECK_MORE:
		return STEP_WAIT;
	case FCGI_CHECK_LARGE:
		w->loss = LOSS_HEAD;
		return STEP_DROP;
	case FCGI_CHECK_BAD:
		return STEP_DROP;
	case FCGI_CHECK_OK:
		break;
	}
	switch (request_check_body(&w->head, seen, (size_t)n)) {
	case FCGI_CHECK_BAD:
	case FCGI_CHECK_LARGE:
		return STEP_DROP;
	case FCGI_CHECK_OK:
		return w->acceptor->in_loop ? STEP_SERVE : STEP_QUEUE;
	case FCGI_CHECK_MORE:
		break;
	}
	w->body_lacks = true;
	return n < BODY_WAIT_BYTES ? STEP_WAIT : STEP_QUEUE;
}

/*
 * Limits how long a worker waits for the socket. The loop needs no limit: a
 * request that it serves has arrived, and its answer fits into the socket's
 * buffer. An accepted socket does not inherit these options from the listening
 * one.
 */
static void
set_timeouts(const struct waiting *w)
{
	int64_t ms = w->acceptor->config->request_timeout;
	struct timeval limit = { .tv_sec = ms / 1000,
		.tv_usec = ms % 1000 * 1000 };

	setsockopt(w->fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	setsockopt(w->fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
}

/* Takes the next step with w, which is not waiting any more, and frees w. */
static void
dispatch(struct waiting *w, enum next_step step)
{
	struct acceptor *a = w->acceptor;

	switch (step) {
	case STEP_SERVE:
		serve(a, &a->inlet, w);
		free(w);
		break;
	case STEP_QUEUE:
		set_timeouts(w);
		pthread_mutex_lock(&a->mutex);
		TAILQ_INSERT_TAIL(&a->ready, w, entry);
		pthread_mutex_unlock(&a->mutex);
		pthread_cond_signal(&a->work);
		break;
	case STEP_WAIT:
	case STEP_DROP:
		log_debug("connection dropped: not a FastCGI request");
		report_loss(a, w->loss);
		close(w->fd);
		free(w);
		break;
	}
}

static void
stop_waiting(struct waiting *w)
{
	TAILQ_REMOVE(&w->acceptor->silent, w, entry);
	event_del(&w->event);
}

/*
 * Handles new bytes. The event is edge-triggered, since unread bytes would
 * trigger a level-triggered one again and again. A peer that has closed
 * (EV_CLOSED) sends no more, so its request is not awaited.
 */
static void
on_bytes(evutil_socket_t fd, short what, void *arg)
{
	struct waiting *w = arg;
	enum next_step step = peek(w);

	if (step == STEP_WAIT && what & EV_TIMEOUT)
		step = STEP_QUEUE;
	if (step == STEP_WAIT && !(what & EV_CLOSED)) {
		if (w->body_lacks && w->acceptor->in_loop)
			event_add(&w->event, &body_pause);
		return;
	}
	stop_waiting(w);
	dispatch(w, step);
}

/*
 * Ends waits that have lasted request_timeout. The list is in order of arrival.
 */
static void
end_long_waits(struct acceptor *a, int64_t now)
{
	struct waiting *w;

	while ((w = TAILQ_FIRST(&a->silent)) != NULL &&
	       now - w->since_ms >= a->config->request_timeout) {
		stop_waiting(w);
		w->loss = LOSS_LATE;
		/*
		 * A worker that is still reading gets EOF: the watchdog shuts
		 * the socket down.
		 */
		dispatch(w, w->body_lacks ? STEP_QUEUE : STEP_DROP);
	}
}

static void
add_connection(struct acceptor *a, int fd)
{
	struct waiting *w = calloc(1, sizeof(*w));
	enum next_step step;

	if (w == NULL || !peer_check_allow(a->peers, fd)) {
		report_loss(a, w == NULL ? LOSS_MEMORY : LOSS_PEER);
		free(w);
		close(fd);
		return;
	}
	w->acceptor = a;
	w->fd = fd;
	w->since_ms = now_ms();
	event_assign(&w->event, a->base, fd,
	    EV_READ | EV_CLOSED | EV_ET | EV_PERSIST, on_bytes, w);
	/*
	 * A web server sends the request right after connecting, so it has
	 * mostly arrived.
	 */
	step = peek(w);
	if (step != STEP_WAIT) {
		dispatch(w, step);
		return;
	}
	TAILQ_INSERT_TAIL(&a->silent, w, entry);
	event_add(&w->event, w->body_lacks && a->in_loop ? &body_pause : NULL);
}

static void
on_connect(evutil_socket_t listen_fd, short what, void *arg)
{
	struct acceptor *a = arg;

	for (int i = 0; i < ACCEPTS_PER_TURN; i++) {
		int fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC);

		if (fd != -1) {
			add_connection(a, fd);
			continue;
		}
		if (errno == EINTR || errno == ECONNABORTED)
			continue;
		if (errno != EAGAIN && errno != EWOULDBLOCK) {
			/*
			 * No descriptors or no memory: on_tick() adds the event
			 * again.
			 */
			log_sys("could not accept a connection");
			event_del(a->on_connect);
		}
		break;
	}
}

static void
on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct acceptor *a = arg;
	struct arrival *r;
	int64_t now = now_ms();

	if (!a->stopping && !event_pending(a->on_connect, EV_READ, NULL))
		event_add(a->on_connect, NULL);
	end_long_waits(a, now);
	pthread_mutex_lock(&a->mutex);
	LIST_FOREACH (r, &a->parsing, entry) {
		if (r->deadline_ms < now && !r->late) {
			r->late = true;
			shutdown(r->fd, SHUT_RD);
		}
	}
	pthread_mutex_unlock(&a->mutex);
}

struct acceptor *
acceptor_new(struct event_base *base, int listen_fd, unsigned threads,
    const struct config *config, acceptor_cb cb, acceptor_loss_cb on_loss,
    void *arg)
{
	static const struct timeval second = { .tv_sec = 1 };
	struct acceptor *a = calloc(1, sizeof(*a));
	pthread_attr_t attr;

	if (a == NULL || request_start() == -1)
		log_fatal("could not start: out of memory");
	a->base = base;
	inlet_init(&a->inlet);
	a->listen_fd = listen_fd;
	a->config = config;
	a->cb = cb;
	a->on_loss = on_loss;
	a->arg = arg;
	TAILQ_INIT(&a->silent);
	TAILQ_INIT(&a->ready);
	LIST_INIT(&a->parsing);
	pthread_mutex_init(&a->mutex, NULL);
	pthread_cond_init(&a->work, NULL);
	a->peers = peer_check_new(&config->peer_users);

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, WORKER_STACK);
	a->thread = calloc(threads, sizeof(*a->thread));
	while (a->thread != NULL && a->n_threads < threads &&
	       pthread_create(&a->thread[a->n_threads], &attr, worker, a) == 0)
		a->n_threads++;
	pthread_attr_destroy(&attr);
	if (a->n_threads < threads)
		log_fatal("could not start %u threads", threads);

	a->on_connect =
	    event_new(base, listen_fd, EV_READ | EV_PERSIST, on_connect, a);
	a->on_tick = event_new(base, -1, EV_PERSIST, on_tick, a);
	if (a->on_connect == NULL || a->on_tick == NULL)
		log_fatal("could not start: out of memory");
	event_add(a->on_connect, NULL);
	event_add(a->on_tick, &second);
	return a;
}

void
acceptor_serve_in_loop(struct acceptor *a)
{
	a->in_loop = true;
}

/*
 * Stops accepting. A connection whose request has arrived, as a web server
 * sends it at once, is still served; the others are closed.
 */
void
acceptor_stop(struct acceptor *a)
{
	struct waiting *w;

	event_del(a->on_connect);
	while ((w = TAILQ_FIRST(&a->silent)) != NULL) {
		enum next_step step = peek(w);

		stop_waiting(w);
		if (step == STEP_WAIT)
			w->loss = LOSS_NONE;
		dispatch(
		    w, step == STEP_WAIT && w->body_lacks ? STEP_QUEUE : step);
	}
	pthread_mutex_lock(&a->mutex);
	a->stopping = true;
	pthread_cond_broadcast(&a->work);
	pthread_mutex_unlock(&a->mutex);
}

bool
acceptor_idle(struct acceptor *a)
{
	bool idle;

	pthread_mutex_lock(&a->mutex);
	idle =
	    TAILQ_EMPTY(&a->ready) && a->n_busy == 0 && LIST_EMPTY(&a->parsing);
	pthread_mutex_unlock(&a->mutex);
	return idle;
}

void
acceptor_free(struct acceptor *a)
{
	for (unsigned i = 0; i < a->n_threads; i++)
		pthread_join(a->thread[i], NULL);
	event_free(a->on_connect);
	event_free(a->on_tick);
	pthread_cond_destroy(&a->work);
	pthread_mutex_destroy(&a->mutex);
	free(a->thread);
	peer_check_free(a->peers);
	inlet_fini(&a->inlet);
	free(a);
}
