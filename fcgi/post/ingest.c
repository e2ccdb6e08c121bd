/*
 * ingest.c - storing events for many requests at once.
 *
 *     ingest_put() --> waiting --> batch in flight --> finished --> done()
 *     (any thread)                 (one)
 *
 * An event that comes while nothing is under way is sent by whoever puts it, so
 * that one alone does not wait for the thread to wake up; the thread sees to
 * all that follows.
 *
 * Answers are written while the next batch is being committed: when a batch
 * has ended, the next one goes out first, and then the finished jobs get their
 * done(), a share of them in each turn. So no thread sleeps for an event, and
 * a crowd of requests costs few switches between threads.
 *
 * A batch is one statement, so one event that the database refuses takes all
 * of them down. It is then cut in halves, and those again, until the culprit
 * is alone; the others are stored. The parts still to do are on a little stack,
 * the first part on top, so order is kept.
 *
 * Always: a job is in waiting, in the batch, or in finished.
 * Owner:  the session and the batch are whose who holds driving: the thread,
 *         but while it sleeps; finished is the thread's.
 */
#include <sys/eventfd.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "post/ingest.h"
#include "base/log.h"

#define BATCH_ROWS     1000
#define BATCH_BYTES    (1024 * 1024)
#define WAITING_ROWS   10000
#define WAITING_BYTES  (64 * 1024 * 1024)
#define PARTS_MAX      16 /* more than log2(BATCH_ROWS) + 1 */
#define DONES_PER_TURN 32
#define FAREWELL_MS    1000
#define COMPLAINT_MS   1000 /* from one line in the log to the next */
#define LOOK_MS        1000 /* at the time limits of who else sends */

TAILQ_HEAD(jobs, ingest_job);

struct part {
	unsigned from, n;
};

struct ingest {
	int64_t patience_ms;
	pthread_t thread;
	int wake_fd;

	pthread_mutex_t mutex; /* for these */
	struct jobs waiting;
	size_t waiting_rows, waiting_bytes;
	bool listening; /* the thread sleeps: somebody new has to see to it */
	bool stopping;

	struct jobs finished;
	int64_t complained_ms;
	uint64_t n_untold; /* events not stored since then */

	pthread_mutex_t driving; /* for these; before mutex */
	struct ingest_connection *session;
	struct ingest_job *batch[BATCH_ROWS];
	const struct row *row[BATCH_ROWS];
	unsigned n_batch;
	struct part part[PARTS_MAX]; /* the last is in flight */
	unsigned n_parts;
};

static void
wake_thread(struct ingest *in)
{
	static const uint64_t one = 1;

	if (write(in->wake_fd, &one, sizeof(one)) != sizeof(one))
		log_sys("could not wake the ingest thread");
}

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
		log_error("pgfeed.ingest answered %d rows of %d columns for "
			  "%u events: is it this version's?",
		    PQntuples(res), PQnfields(res), part.n);
		part_done(in, part, INGEST_UNKNOWN, "");
		return;
	}
	for (int i = 0; i < (int)part.n; i++) {
		struct ingest_job *job = in->batch[part.from + (unsigned)i];

		job->id = strtoll(PQgetvalue(res, i, 1), NULL, 10);
		if (is_true(res, i, 4))
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

/* The part on top of the stack, if none is in flight. */
static void
send_next(struct ingest *in)
{
	struct part *p;

	if (in->n_parts == 0 || !ingest_connection_ready(in->session))
		return;
	p = &in->part[in->n_parts - 1];
	ingest_connection_send(in->session, &in->row[p->from], p->n);
}

/*
 * The session waited for a lock until it was told to give up. Only a key that
 * an unfinished transaction elsewhere has used too can do that, so those
 * without a key get another chance. Returns how many those are.
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

/* Anybody can make events that are refused, so one line a second. */
static void
complain(struct ingest *in, unsigned n, const char *why, const char *sqlstate)
{
	int64_t now = now_ms();

	if (in->complained_ms != 0 && now - in->complained_ms < COMPLAINT_MS) {
		in->n_untold += n;
		return;
	}
	if (in->n_untold > 0)
		log_warning("%llu more events not stored",
		    (unsigned long long)in->n_untold);
	log_warning("%u event%s not stored: %s (SQLSTATE %s)", n,
	    n == 1 ? "" : "s", why, sqlstate);
	in->complained_ms = now;
	in->n_untold = 0;
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

	/* Data, constraints, limits, RAISE, permissions: about one event. */
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
	/* The server went read-only, the function is gone...: begin afresh. */
	part_done(in, part, INGEST_UNAVAILABLE, sqlstate);
	ingest_connection_reset(in->session);
}

static void
on_batch_end(enum ingest_connection_result result, const PGresult *res,
    const char *sqlstate, void *arg)
{
	struct ingest *in = arg;
	struct part part = in->part[--in->n_parts];

	switch (result) {
	case SESSION_COMMITTED:
		part_committed(in, part, res);
		break;
	case SESSION_REFUSED:
		part_refused(in, part, res, sqlstate);
		break;
	case SESSION_LOST:
		part_done(in, part, INGEST_UNKNOWN, "");
		break;
	}
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
 * If nothing is under way, all that waits becomes the batch, up to the limits;
 * at least one job. Under the mutex.
 */
static void
gather(struct ingest *in)
{
	struct ingest_job *job;
	size_t bytes = 0;

	if (in->n_parts > 0 || !ingest_connection_ready(in->session))
		return;
	in->n_batch = 0;
	while (in->n_batch < BATCH_ROWS &&
	       (job = TAILQ_FIRST(&in->waiting)) != NULL) {
		bytes += job->row.data_len;
		if (in->n_batch > 0 && bytes > BATCH_BYTES)
			break;
		in->batch[in->n_batch] = take_waiting(in);
		in->row[in->n_batch++] = &job->row;
	}
	push(in, 0, in->n_batch);
}

/*
 * Without a connection: how long those who wait have still to wait, -1 when
 * there is nothing to wait for. Refuses them when it is over. Under the mutex.
 */
static int
be_patient(struct ingest *in)
{
	int64_t since = ingest_connection_down_since(in->session), left;

	if (since == 0 || TAILQ_EMPTY(&in->waiting))
		return -1;
	left = since + in->patience_ms - now_ms();
	if (left > 0)
		return (int)left;
	while (!TAILQ_EMPTY(&in->waiting))
		finish(in, take_waiting(in), INGEST_UNAVAILABLE, "");
	return -1;
}

/* A share of the answers; the others come next turn. */
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

/* Everything is done and told; or the bell has had its time. */
static bool
may_end(struct ingest *in, int64_t *farewell)
{
	if (in->n_parts > 0 || !TAILQ_EMPTY(&in->finished))
		return false;
	if (*farewell == 0)
		*farewell = now_ms() + FAREWELL_MS;
	return ingest_connection_idle(in->session) || now_ms() >= *farewell;
}

static int
sooner(int a_ms, int b_ms)
{
	if (a_ms < 0 || b_ms < 0)
		return MAX(a_ms, b_ms);
	return MIN(a_ms, b_ms);
}

/* In the thread of who puts an event: false when the thread is to be woken. */
static bool
send_for_thread(struct ingest *in)
{
	struct pollfd p;
	bool sent;

	if (pthread_mutex_trylock(&in->driving) != 0)
		return false;
	pthread_mutex_lock(&in->mutex);
	gather(in);
	pthread_mutex_unlock(&in->mutex);
	send_next(in);
	sent = in->n_parts > 0 &&
	       ingest_connection_poll(in->session, &p) != 0 &&
	       !(p.events & POLLOUT);
	pthread_mutex_unlock(&in->driving);
	return sent;
}

static void *
run(void *arg)
{
	struct ingest *in = arg;
	int64_t farewell = 0;
	bool last;

	pthread_mutex_lock(&in->driving);
	for (;;) {
		struct pollfd p[2];
		uint64_t count;
		int wait, timeout;

		/* Without a session what is left of a batch was not sent. */
		while (in->n_parts > 0 &&
		       ingest_connection_down_since(in->session) != 0)
			part_done(in, in->part[--in->n_parts],
			    INGEST_UNAVAILABLE, "");
		pthread_mutex_lock(&in->mutex);
		gather(in);
		wait = be_patient(in);
		last = in->stopping && TAILQ_EMPTY(&in->waiting);
		in->listening = in->n_parts == 0;
		pthread_mutex_unlock(&in->mutex);

		send_next(in);
		timeout =
		    ingest_connection_poll(in->session, &p[1]); /* and flush */
		call_done(in);
		if (last && may_end(in, &farewell))
			break;
		if (!TAILQ_EMPTY(&in->finished))
			wait = 0;
		else if (last)
			wait = FAREWELL_MS;

		p[0].fd = in->wake_fd;
		p[0].events = POLLIN;
		p[0].revents = 0;
		pthread_mutex_unlock(&in->driving);
		if (poll(p, 2, sooner(sooner(wait, timeout), LOOK_MS)) == -1)
			p[0].revents = p[1].revents = 0; /* a signal */
		pthread_mutex_lock(&in->driving);
		if (p[0].revents != 0 &&
		    read(in->wake_fd, &count, sizeof(count)) == -1)
			log_sys("could not read the ingest thread's eventfd");
		ingest_connection_turn(in->session, p[1].revents);
	}
	pthread_mutex_unlock(&in->driving);
	return NULL;
}

struct ingest *
ingest_new(const struct config *config, int64_t patience_ms)
{
	struct ingest *in = calloc(1, sizeof(*in));

	if (in == NULL)
		log_fatal("could not start: out of memory");
	in->patience_ms = patience_ms;
	TAILQ_INIT(&in->waiting);
	TAILQ_INIT(&in->finished);
	pthread_mutex_init(&in->mutex, NULL);
	pthread_mutex_init(&in->driving, NULL);
	in->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (in->wake_fd == -1)
		log_fatal("could not start: no eventfd");
	in->session = ingest_connection_new(config, on_batch_end, in);
	if (pthread_create(&in->thread, NULL, run, in) != 0)
		log_fatal("could not start the ingest thread");
	return in;
}

bool
ingest_put(struct ingest *in, struct ingest_job *job)
{
	bool taken, wake = false;

	pthread_mutex_lock(&in->mutex);
	taken = in->waiting_rows < WAITING_ROWS &&
		in->waiting_bytes < WAITING_BYTES;
	if (taken) {
		TAILQ_INSERT_TAIL(&in->waiting, job, entry);
		in->waiting_rows++;
		in->waiting_bytes += job->row.data_len;
		wake = in->listening;
		in->listening = false;
	}
	pthread_mutex_unlock(&in->mutex);
	if (wake && !send_for_thread(in))
		wake_thread(in);
	return taken;
}

void
ingest_free(struct ingest *in)
{
	pthread_mutex_lock(&in->mutex);
	in->stopping = true;
	pthread_mutex_unlock(&in->mutex);
	wake_thread(in);
	pthread_join(in->thread, NULL);
	ingest_connection_free(in->session);
	pthread_mutex_destroy(&in->mutex);
	pthread_mutex_destroy(&in->driving);
	close(in->wake_fd);
	free(in);
}
