/*
 * pg_connection.c - a connection to PostgreSQL inside the event loop.
 *
 *     CLOSED --pause over--> OPENING --thread--> UP --error--> CLOSED
 *
 * The pause grows from 0.1 to 5 s, with jitter, and starts anew after success.
 * A query that takes longer than QUERY_LIMIT_MS counts as a lost connection,
 * since a peer that vanished looks like one that is silent.
 */
#include <sys/eventfd.h>
#include <event2/event_struct.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "pg/pg_connection.h"

#define PAUSE_MIN_MS   100
#define PAUSE_MAX_MS   5000
#define QUERY_LIMIT_MS 15000

struct pg_connection {
	struct event_base *base;
	const char *name;
	int priority;
	struct pg_connection_calls calls;
	void *arg;

	PGconn *conn; /* NULL unless up */
	bool busy;
	bool failed; /* the query under way has met an error */
	struct event on_socket;
	bool on_socket_added;
	short waits_for;
	/* timer: the pause before opening, or the query's limit */
	struct event *on_time;
	uint32_t pause_ms;

	/* The thread's result, passed on by a write to opened_fd. */
	bool opening;
	_Atomic(PGconn *) opened;
	int opened_fd;
	struct buf last_error; /* the thread's: the reason of its last failure */
	struct log_limit notices;
	struct event *on_opened;
};

static void on_socket(evutil_socket_t, short, void *);

static void
wait_ms(struct pg_connection *c, uint32_t ms)
{
	struct timeval tv = { .tv_sec = ms / 1000,
		.tv_usec = ms % 1000 * 1000 };

	event_add(c->on_time, &tv);
}

/* Registers the socket with the loop: for reading, perhaps for writing too. */
static void
watch(struct pg_connection *c, bool also_write)
{
	short what = EV_READ | EV_PERSIST | (also_write ? EV_WRITE : 0);

	if (c->on_socket_added && c->waits_for == what)
		return;
	if (c->on_socket_added)
		event_del(&c->on_socket);
	event_assign(
	    &c->on_socket, c->base, PQsocket(c->conn), what, on_socket, c);
	event_priority_set(&c->on_socket, c->priority);
	event_add(&c->on_socket, NULL);
	c->on_socket_added = true;
	c->waits_for = what;
}

/* Number of threads that are opening a connection, of all pg_connections. */
static atomic_uint opening_threads;

bool
pg_connection_some_open(void)
{
	return opening_threads > 0;
}

/* Logs a notice, such as one that a site's may_read raises for each query. */
static void
on_notice(void *arg, const char *message)
{
	struct pg_connection *c = arg;

	if (log_limit_take(&c->notices, 1, now_ms()) > 0)
		log_warning("%s: %.*s", c->name, (int)strcspn(message, "\n"),
		    message);
}

/* Logs why the database is out of reach, once for attempts that fail alike. */
static void
log_reason(const struct pg_connection *c, const struct buf *err)
{
	const char *reason = err->data != NULL ? err->data : "out of memory";

	if (c->last_error.data != NULL &&
	    strcmp(c->last_error.data, reason) == 0)
		return;
	if (c->calls.log_as_info)
		log_info("%s: could not use the database: %s", c->name, reason);
	else
		log_error("%s: could not use the database: %s", c->name, reason);
}

static void *
open_in_thread(void *arg)
{
	struct pg_connection *c = arg;
	struct buf err = BUF_INIT;
	uint64_t one = 1;
	PGconn *conn;

	conn = c->calls.open(c->arg, &err);
	if (conn == NULL)
		log_reason(c, &err);
	else
		PQsetNoticeProcessor(conn, on_notice, c);
	buf_fini(&c->last_error);
	c->last_error = err;
	c->opened = conn;
	if (write(c->opened_fd, &one, sizeof(one)) == -1)
		log_sys("%s: could not wake the loop", c->name);
	opening_threads--;
	return NULL;
}

static void
start_opening(struct pg_connection *c)
{
	pthread_t thread;

	c->opening = true;
	opening_threads++;
	if (pthread_create(&thread, NULL, open_in_thread, c) == 0) {
		pthread_detach(thread);
		return;
	}
	c->opening = false;
	opening_threads--;
	wait_ms(c, PAUSE_MAX_MS);
}

static void
pause_then_open(struct pg_connection *c)
{
	c->pause_ms = MIN(MAX(c->pause_ms * 2, PAUSE_MIN_MS), PAUSE_MAX_MS);
	wait_ms(c, random_between(c->pause_ms / 2, c->pause_ms));
}

void
pg_connection_drop(struct pg_connection *c, const char *why)
{
	if (c->conn == NULL)
		return;
	log_warning("%s: lost the database: %s", c->name, why);
	event_del(&c->on_socket);
	c->on_socket_added = false;
	event_del(c->on_time);
	PQfinish(c->conn);
	c->conn = NULL;
	c->busy = false;
	c->calls.down(c->arg);
	pause_then_open(c);
}

static void
drain_notifies(struct pg_connection *c)
{
	PGnotify *n;

	while (c->conn != NULL && (n = PQnotifies(c->conn)) != NULL) {
		if (c->calls.notify != NULL)
			c->calls.notify(n, c->arg);
		PQfreemem(n);
	}
}

static void
take_result(struct pg_connection *c, PGresult *r)
{
	switch (PQresultStatus(r)) {
	case PGRES_SINGLE_TUPLE:
		c->calls.row(r, c->arg);
		break;
	case PGRES_TUPLES_OK: /* the end of the rows */
	case PGRES_COMMAND_OK:
		break;
	default:
		log_error("%s: %s", c->name, PQresultErrorMessage(r));
		c->failed = true;
	}
}

/*
 * Passes the results to the callback. Results that arrived before a loss count.
 */
static void
read_pipeline(struct pg_connection *c)
{
	bool alive = PQconsumeInput(c->conn) == 1;

	drain_notifies(c);
	c->calls.input(c->conn, c->arg);
	if (c->conn != NULL && (!alive || PQstatus(c->conn) != CONNECTION_OK))
		pg_connection_drop(c, PQerrorMessage(c->conn));
}

/*
 * Processes all input. A callback may send the next query, so the loop ends
 * when libpq needs more input.
 */
static void
read_all(struct pg_connection *c)
{
	if (c->calls.input != NULL) {
		read_pipeline(c);
		return;
	}
	if (!PQconsumeInput(c->conn)) {
		pg_connection_drop(c, PQerrorMessage(c->conn));
		return;
	}
	drain_notifies(c);
	while (c->conn != NULL && c->busy && !PQisBusy(c->conn)) {
		PGresult *r = PQgetResult(c->conn);
		bool ok = !c->failed;

		if (r != NULL) {
			take_result(c, r);
			PQclear(r);
			continue;
		}
		c->busy = false;
		event_del(c->on_time);
		if (PQstatus(c->conn) != CONNECTION_OK) {
			pg_connection_drop(c, PQerrorMessage(c->conn));
			return;
		}
		c->calls.done(ok, c->arg);
	}
	if (c->conn != NULL)
		drain_notifies(c);
}

static void
flush(struct pg_connection *c)
{
	int rc = PQflush(c->conn);

	if (rc == -1)
		pg_connection_drop(c, PQerrorMessage(c->conn));
	else
		watch(c, rc == 1);
}

static void
on_socket(evutil_socket_t fd, short what, void *arg)
{
	struct pg_connection *c = arg;

	if (what & EV_WRITE)
		flush(c);
	if (c->conn != NULL && (what & EV_READ))
		read_all(c);
}

static void
on_time(evutil_socket_t fd, short what, void *arg)
{
	struct pg_connection *c = arg;

	if (c->conn != NULL)
		pg_connection_drop(c, "no answer");
	else if (!c->opening)
		start_opening(c);
}

static void
on_opened(evutil_socket_t fd, short what, void *arg)
{
	struct pg_connection *c = arg;
	uint64_t count;

	if (read(fd, &count, sizeof(count)) == -1)
		return;
	c->opening = false;
	c->conn = c->opened;
	if (c->conn == NULL) {
		pause_then_open(c);
		return;
	}
	c->pause_ms = 0;
	PQsetnonblocking(c->conn, 1);
	watch(c, false);
	c->calls.up(c->arg);
	if (c->conn != NULL)
		/* input that arrived while the thread had the connection */
		read_all(c);
}

struct pg_connection *
pg_connection_new(struct event_base *base, int priority, const char *name,
    const struct pg_connection_calls *calls, void *arg)
{
	struct pg_connection *c = calloc(1, sizeof(*c));

	if (c == NULL)
		log_fatal("out of memory");
	c->base = base;
	c->priority = priority;
	c->name = name;
	c->calls = *calls;
	c->arg = arg;
	c->opened_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	c->on_time = evtimer_new(base, on_time, c);
	c->on_opened =
	    event_new(base, c->opened_fd, EV_READ | EV_PERSIST, on_opened, c);
	if (c->opened_fd == -1 || c->on_time == NULL || c->on_opened == NULL)
		log_fatal("could not start: out of memory or descriptors");
	event_priority_set(c->on_opened, priority);
	event_add(c->on_opened, NULL);
	start_opening(c);
	return c;
}

bool
pg_connection_is_up(const struct pg_connection *c)
{
	return c->conn != NULL;
}

bool
pg_connection_is_busy(const struct pg_connection *c)
{
	return c->busy;
}

void
pg_connection_send(struct pg_connection *c, const char *statement, int n,
    const char *const *values)
{
	c->busy = true;
	c->failed = false;
	wait_ms(c, QUERY_LIMIT_MS);
	if (PQsendQueryPrepared(c->conn, statement, n, values, NULL, NULL, 0) !=
	    1) {
		/*
		 * Try again, as if the answer had not arrived: the caller is
		 * busy.
		 */
		wait_ms(c, 0);
		return;
	}
	PQsetSingleRowMode(c->conn);
	flush(c);
}

PGconn *
pg_connection_pipeline(const struct pg_connection *c)
{
	return c->conn;
}

void
pg_connection_sent(struct pg_connection *c)
{
	c->busy = true;
	wait_ms(c, QUERY_LIMIT_MS);
	flush(c);
}

void
pg_connection_answered(struct pg_connection *c)
{
	c->busy = false;
	event_del(c->on_time);
}

void
pg_connection_free(struct pg_connection *c)
{
	if (c->conn != NULL) {
		event_del(&c->on_socket);
		PQfinish(c->conn);
	}
	event_free(c->on_time);
	event_free(c->on_opened);
	if (c->opening)
		return; /* The thread still uses c, and the process is ending. */
	close(c->opened_fd);
	buf_fini(&c->last_error);
	free(c);
}
