/*
 * ingest.c - group commit: stores the events of many requests in few commits.
 *
 *     ingest_put() --> waiting --> batch in flight --> finished --> done()
 *     (any thread)                 (one)
 *
 * The event loop runs everything but ingest_put(), in turns. It serves most
 * requests itself (fastcgi/acceptor.h). A turn follows the requests that the
 * loop has just read, so that their events become one batch. A thread that has
 * read a slow body wakes the loop.
 *
 * Answers are written while the next batch commits: at the end of a batch the
 * loop sends the next one first, and then calls done() for DONES_PER_TURN
 * finished jobs in each turn.
 *
 * A batch is one statement, so the database refuses the whole batch for the
 * sake of one event. ingest.c then halves the batch, again and again, until
 * that event is alone and the others are stored. A stack holds the parts still
 * to do, the first part on top, which keeps the order.
 *
 * Always: a job is in waiting, in the batch, or in finished.
 * Owner:  the loop owns everything but waiting, which the mutex protects.
 */
#include <sys/eventfd.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "post/ingest.h"
#include "post/ingest_connection.h"

#define BATCH_ROWS     1000
#define BATCH_BYTES    (1024 * 1024)
#define WAITING_ROWS   10000
#define WAITING_BYTES  (64 * 1024 * 1024)
#define PARTS_MAX      16 /* more than log2(BATCH_ROWS) + 1 */
#define DONES_PER_TURN 32
#define FAREWELL_MS    1000
#define FINISH_TURN_MS 50   /* maximum per turn, at the end of the program */

TAILQ_HEAD(jobs, ingest_job);

struct part {
	unsigned from, n;
};

struct ingest {
	struct event_base *base;
	pthread_t loop;
	int64_t patience_ms;
	struct ingest_connection *connection;
	struct event *turn; /* activated by the loop, woken by other threads */
	int wake_fd;
	struct event *timer; /* timer for a turn that no other event causes */
	bool finishing;

	pthread_mutex_t mutex; /* protects the next two lines */
	struct jobs waiting;
	size_t waiting_rows, waiting_bytes;

	struct ingest_job *batch[BATCH_ROWS];
	const struct row *row[BATCH_ROWS];
	unsigned n_batch;
	struct part part[PARTS_MAX]; /* the last part is in flight */
	unsigned n_parts;
	struct jobs finished;
	struct log_limit complaint; /* counts events that were not stored */
};

static void
finish(struct ingest *in, struct ingest_job *job, enum ingest_status status,
    const char *sqlstate)
{
	job->status = status;
	snprintf(job->sqlstate, sizeof(job->sqlstate), "%s", sqlstate);
	TAILQ_INSERT_TAIL(&in->finished, job, entry);
}

static void
part_done(struct ingest *in, struct part part, enum ingest_status status,
    const char *sqlstate)
{
	for (unsigned i = part.from; i < part.from + part.n; i++)
		finish(in, in->batch[i], status, sqlstate);
}

static bool
is_true(const PGresult *res, int row, int column)
{
	return PQgetvalue(res, row, column)[0] == 't';
}

static void
part_committed(struct ingest *in, struct part part, const PGresult *res)
{
	if (PQntuples(res) != (int)part.n || PQnfields(res) != 5) {
		log_error("pgfeed.ingest answered %d rows of %d columns for %u events: is it this version's?",
		    PQntuples(res), PQnfields(res), part.n);
		part_done(in, part, INGEST_UNKNOWN, "");
		return;
	}
	for (int i = 0; i < (int)part.n; i++) {
		struct ingest_job *job = in->batch[part.from + (unsigned)i];

		job->id = strtoll(PQgetvalue(res, i, 1), NULL, 10);
		if (strcmp(PQgetvalue(res, i, 4), "revoked") == 0)
			finish(in, job, INGEST_REVOKED, "");
		else if (strncmp(PQgetvalue(res, i, 4), "failed: ", 8) == 0)
			finish(in, job, INGEST_POLICY, "");
		else if (!PQgetisnull(res, i, 4))
			finish(in, job, INGEST_FORBIDDEN, "");
		else if (is_true(res, i, 3))
			finish(in, job, INGEST_CONFLICT, "");
		else if (is_true(res, i, 2))
			finish(in, job, INGEST_DUPLICATE, "");
		else
			finish(in, job, INGEST_STORED, "");
	}
}

static void
push(struct ingest *in, unsigned from, unsigned n)
{
	if (n > 0)
		in->part[in->n_parts++] = (struct part){ from, n };
}

/* Sends the part on top of the stack, if none is in flight. */
static void
send_next(struct ingest *in)
{
	struct part *p;

	if (in->n_parts == 0 || !ingest_connection_ready(in->connection))
		return;
	p = &in->part[in->n_parts - 1];
	ingest_connection_send(in->connection, &in->row[p->from], p->n);
}

/*
 * Finishes the jobs that have a key after the connection waited for a lock
 * until lock_timeout. Only a key that an unfinished transaction has used too
 * makes a batch wait, so the events without a key are tried again. Returns the
 * number of finished jobs.
 */
static unsigned
keep_those_without_key(struct ingest *in, struct part part)
{
	unsigned kept = 0;

	for (unsigned i = part.from; i < part.from + part.n; i++) {
		struct ingest_job *job = in->batch[i];

		if (job->row.key != NULL) {
			finish(in, job, INGEST_UNAVAILABLE, "55P03");
			continue;
		}
		in->batch[part.from + kept] = job;
		in->row[part.from + kept] = &job->row;
		kept++;
	}
	return kept;
}

/* Logs a refusal, at most once a second, since any client can cause one. */
static void
complain(struct ingest *in, unsigned n, const char *why, const char *sqlstate)
{
	uint64_t all = log_limit_take(&in->complaint, n, now_ms());

	if (all == 0)
		return;
	if (all > n)
		log_warning("%llu more events not stored",
		    (unsigned long long)all - n);
	log_warning("%u event%s not stored: %s (SQLSTATE %s)", n,
	    n == 1 ? "" : "s", why, sqlstate);
}

static bool
is_class(const char *sqlstate, const char *class)
{
	return strncmp(sqlstate, class, 2) == 0;
}

static void
part_refused(struct ingest *in, struct part part, const PGresult *res,
    const char *sqlstate)
{
	const char *told = PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY);
	const char *why = told != NULL ? told : "no reason given";
	bool forbidden = strcmp(sqlstate, "42501") == 0;
	unsigned kept;

	/*
	 * The event causes errors of data, constraints, limits, RAISE and
	 * permissions.
	 */
	if (is_class(sqlstate, "22") || is_class(sqlstate, "23") ||
	    is_class(sqlstate, "44") || is_class(sqlstate, "54") ||
	    is_class(sqlstate, "P0") || forbidden) {
		if (part.n > 1) {
			push(in, part.from + part.n / 2, part.n - part.n / 2);
			push(in, part.from, part.n / 2);
			return;
		}
		complain(in, part.n, why, sqlstate);
		part_done(in, part,
		    forbidden ? INGEST_FORBIDDEN : INGEST_REFUSED, sqlstate);
		return;
	}
	complain(in, part.n, why, sqlstate);
	if (strcmp(sqlstate, "55P03") == 0 || strcmp(sqlstate, "57014") == 0 ||
	    strcmp(sqlstate, "40P01") == 0) {
		kept = keep_those_without_key(in, part);
		if (kept < part.n)
			push(in, part.from, kept);
		else
			part_done(in, part, INGEST_UNAVAILABLE, sqlstate);
		return;
	}
	/*
	 * Other errors (the server is read-only, a function is missing) need a
	 * new connection.
	 */
	part_done(in, part, INGEST_UNAVAILABLE, sqlstate);
	ingest_connection_reset(in->connection);
}

/* Schedules a turn behind the callbacks that are due already. */
static void
take_turn(struct ingest *in)
{
	event_active(in->turn, EV_TIMEOUT, 0);
}

static void
on_batch_end(enum batch_result result, const PGresult *res,
    const char *sqlstate, void *arg)
{
	struct ingest *in = arg;
	struct part part = in->part[--in->n_parts];

	switch (result) {
	case BATCH_COMMITTED:
		part_committed(in, part, res);
		break;
	case BATCH_REFUSED:
		part_refused(in, part, res, sqlstate);
		break;
	case BATCH_LOST:
		part_done(in, part, INGEST_UNKNOWN, "");
		break;
	}
	take_turn(in);
}

static void
on_up(void *arg)
{
	take_turn(arg);
}

static struct ingest_job *
take_waiting(struct ingest *in)
{
	struct ingest_job *job = TAILQ_FIRST(&in->waiting);

	TAILQ_REMOVE(&in->waiting, job, entry);
	in->waiting_rows--;
	in->waiting_bytes -= job->row.data_len;
	return job;
}

/*
 * Makes a batch of the waiting jobs, up to the limits but of one job at least,
 * if no batch is in flight.
 */
static void
gather(struct ingest *in)
{
	struct ingest_job *job;
	size_t bytes = 0;

	if (in->n_parts > 0 || !ingest_connection_ready(in->connection))
		return;
	in->n_batch = 0;
	pthread_mutex_lock(&in->mutex);
	while (in->n_batch < BATCH_ROWS &&
	       (job = TAILQ_FIRST(&in->waiting)) != NULL) {
		bytes += job->row.data_len;
		if (in->n_batch > 0 && bytes > BATCH_BYTES)
			break;
		in->batch[in->n_batch] = take_waiting(in);
		in->row[in->n_batch++] = &job->row;
	}
	pthread_mutex_unlock(&in->mutex);
	push(in, 0, in->n_batch);
}

/*
 * Without a connection: finishes the unsent rest of a batch, and all waiting
 * jobs once patience_ms have passed. Returns the time until then in ms, or -1
 * when no job waits or there is a connection.
 */
static int64_t
wait_for_connection(struct ingest *in)
{
	int64_t since = ingest_connection_down_since(in->connection);
	int64_t left = since + in->patience_ms - now_ms();

	if (since == 0)
		return -1;
	while (in->n_parts > 0)
		part_done(in, in->part[--in->n_parts], INGEST_UNAVAILABLE, "");
	pthread_mutex_lock(&in->mutex);
	while (left <= 0 && !TAILQ_EMPTY(&in->waiting))
		finish(in, take_waiting(in), INGEST_UNAVAILABLE, "");
	if (TAILQ_EMPTY(&in->waiting))
		left = -1;
	pthread_mutex_unlock(&in->mutex);
	return left;
}

/* Calls done() for some of the finished jobs. The next turn does the others. */
static void
call_done(struct ingest *in)
{
	for (int i = 0; i < DONES_PER_TURN && !TAILQ_EMPTY(&in->finished);
	     i++) {
		struct ingest_job *job = TAILQ_FIRST(&in->finished);

		TAILQ_REMOVE(&in->finished, job, entry);
		job->done(job);
	}
}

static void
on_turn(evutil_socket_t fd, short what, void *arg)
{
	struct ingest *in = arg;
	struct timeval tv;
	int64_t wait_ms;
	uint64_t count;

	if (what & EV_READ && read(in->wake_fd, &count, sizeof(count)) == -1)
		log_sys("ingest: could not read the eventfd");
	wait_ms = wait_for_connection(in);
	gather(in);
	send_next(in);
	call_done(in);
	if (!TAILQ_EMPTY(&in->finished))
		/* take a turn of the loop first, which reads the sockets */
		wait_ms = 0;
	else if (in->finishing && (wait_ms < 0 || wait_ms > FINISH_TURN_MS))
		wait_ms = FINISH_TURN_MS;
	if (wait_ms < 0) {
		event_del(in->timer);
		return;
	}
	tv.tv_sec = wait_ms / 1000;
	tv.tv_usec = wait_ms % 1000 * 1000;
	event_add(in->timer, &tv);
}

struct ingest *
ingest_new(
    struct event_base *base, const struct config *config, int64_t patience_ms)
{
	static const struct ingest_connection_calls calls = {
		.up = on_up,
		.ended = on_batch_end,
	};
	struct ingest *in = calloc(1, sizeof(*in));

	if (in == NULL)
		log_fatal("could not start: out of memory");
	in->base = base;
	in->loop = pthread_self();
	in->patience_ms = patience_ms;
	TAILQ_INIT(&in->waiting);
	TAILQ_INIT(&in->finished);
	pthread_mutex_init(&in->mutex, NULL);
	in->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	in->turn =
	    event_new(base, in->wake_fd, EV_READ | EV_PERSIST, on_turn, in);
	in->timer = evtimer_new(base, on_turn, in);
	if (in->wake_fd == -1 || in->turn == NULL || in->timer == NULL ||
	    event_add(in->turn, NULL) == -1)
		log_fatal("could not start: out of memory or descriptors");
	in->connection = ingest_connection_new(base, config, &calls, in);
	return in;
}

bool
ingest_put(struct ingest *in, struct ingest_job *job)
{
	static const uint64_t one = 1;
	bool taken;

	pthread_mutex_lock(&in->mutex);
	taken = in->waiting_rows < WAITING_ROWS &&
		in->waiting_bytes < WAITING_BYTES;
	if (taken) {
		TAILQ_INSERT_TAIL(&in->waiting, job, entry);
		in->waiting_rows++;
		in->waiting_bytes += job->row.data_len;
	}
	pthread_mutex_unlock(&in->mutex);
	if (!taken)
		return false;
	if (!pthread_equal(pthread_self(), in->loop)) {
		if (write(in->wake_fd, &one, sizeof(one)) != sizeof(one))
			log_sys("ingest: could not wake the loop");
	/* otherwise the end of the batch causes a turn */
	} else if (in->n_parts == 0)
		take_turn(in);
	return true;
}

static bool
has_jobs(struct ingest *in)
{
	bool waiting;

	pthread_mutex_lock(&in->mutex);
	waiting = !TAILQ_EMPTY(&in->waiting);
	pthread_mutex_unlock(&in->mutex);
	return waiting || in->n_parts > 0 || !TAILQ_EMPTY(&in->finished);
}

void
ingest_finish(struct ingest *in)
{
	int64_t farewell_ms = 0;

	in->finishing = true;
	take_turn(in);
	for (;;) {
		bool idle = ingest_connection_idle(in->connection);

		if (!has_jobs(in)) {
			if (farewell_ms == 0)
				farewell_ms = now_ms() + FAREWELL_MS;
			if (idle || now_ms() >= farewell_ms)
				break;
		}
		event_base_loop(in->base, EVLOOP_ONCE);
	}
}

void
ingest_free(struct ingest *in)
{
	ingest_connection_free(in->connection);
	event_free(in->turn);
	event_free(in->timer);
	pthread_mutex_destroy(&in->mutex);
	close(in->wake_fd);
	free(in);
}
