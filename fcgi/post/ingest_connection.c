/*
 * ingest_connection.c - pgfeed-post's one connection to the database.
 *
 *     DOWN --pause over--> CONNECTING --> PREPARING --> UP
 *       ^                      |              |          |
 *       +----------------------+--------------+----------+  loss, time limit
 *
 * In libpq's pipeline mode a batch goes out in one piece: pgfeed.ingest, Sync,
 * bell, Sync. The first Sync is the commit. The bell is a transaction of its
 * own behind it, because a NOTIFY holds one lock for all of the server while
 * it commits, and that must not last as long as the batch's fsync. Should the
 * bell be lost, pgfeed-stream's own look every second finds the events.
 *
 * Each Sync that is still to be answered is in the list of syncs, so results
 * need no other bookkeeping: they belong to the first of them.
 *
 * The settings of db_setting() go out first, so that no statement runs with
 * another search_path.
 */
#include <stdlib.h>
#include <string.h>

#include "pg/db.h"
#include "post/ingest_arrays.h"
#include "base/log.h"
#include "post/ingest_connection.h"

#define CONNECT_LIMIT_MS 5000
#define PREPARE_LIMIT_MS 10000
#define BATCH_LIMIT_MS   15000 /* above statement_timeout below */
#define PAUSE_MIN_MS     100
#define PAUSE_MAX_MS     5000
#define NOTICE_PAUSE_MS  1000
#define SYNCS_MAX        4 /* bell, batch, bell; or the preparations */

/* What differs from the settings of all connections (pg/db.c). */
static const char *const own_settings[] = {
	"SET pgfeed.bell = off",
	"SET client_min_messages = 'warning'",
	"SET statement_timeout = '10s'",
};
static const char sql_ingest[] = "SELECT n, id, duplicate, conflict, forbidden"
				 " FROM pgfeed.ingest($1, $2, $3, $4, $5, $6)";
static const char sql_bell[] = "SELECT pgfeed.ring()";

enum state {
	STATE_DOWN = 0,
	STATE_CONNECTING,
	STATE_PREPARING,
	STATE_UP,
};

enum sync { SYNC_PREPARED, SYNC_BATCH, SYNC_BELL };

struct ingest_connection {
	const struct config *config;
	ingest_connection_cb cb;
	void *arg;

	enum state state;
	PGconn *conn;                   /* NULL while down */
	PostgresPollingStatusType want; /* while connecting */
	int64_t deadline_ms; /* next attempt, or the limit; 0: none */
	int64_t down_since;
	unsigned attempts;
	uint32_t pause_ms;
	char told[512];     /* what was last said about this outage */
	int64_t noticed_ms; /* when a notice of the server was last told */

	enum sync sync[SYNCS_MAX];
	unsigned n_syncs;
	PGresult *kept; /* rows or error of what the first sync ends */
	struct buf array[BATCH_ARRAYS];
};

/* The first line of what libpq has to say. */
static const char *
reason(const char *message, char *line, size_t size)
{
	size_t n = strcspn(message, "\n");

	n = MIN(n, size - 1);
	memcpy(line, message, n);
	line[n] = '\0';
	return line[0] != '\0' ? line : "no reason given";
}

static bool
batch_in_flight(const struct ingest_connection *s)
{
	for (unsigned i = 0; i < s->n_syncs; i++) {
		if (s->sync[i] == SYNC_BATCH)
			return true;
	}
	return false;
}

/* Back to DOWN. The callback comes last: it may look at the session. */
static void
drop(struct ingest_connection *s)
{
	bool lost = batch_in_flight(s);

	PQfinish(s->conn);
	s->conn = NULL;
	PQclear(s->kept);
	s->kept = NULL;
	s->n_syncs = 0;
	s->state = STATE_DOWN;
	if (s->down_since == 0)
		s->down_since = now_ms();
	s->deadline_ms =
	    now_ms() + random_between(s->pause_ms / 2, s->pause_ms);
	s->pause_ms = MIN(2 * s->pause_ms, PAUSE_MAX_MS);
	if (lost)
		s->cb(SESSION_LOST, NULL, "", s->arg);
}

/* What is wrong is told once in an outage, repetitions are counted. */
static void
fail(struct ingest_connection *s, const char *what, const char *message)
{
	char line[512];

	reason(message, line, sizeof(line));
	if (strcmp(line, s->told) != 0)
		log_error("database: %s: %s", what, line);
	strcpy(s->told, line);
	drop(s);
}

/* Such as of a may_write that fails with each batch: one a second. */
static void
on_notice(void *arg, const char *message)
{
	struct ingest_connection *s = arg;
	int64_t now = now_ms();
	char line[512];

	if (s->noticed_ms != 0 && now - s->noticed_ms < NOTICE_PAUSE_MS)
		return;
	s->noticed_ms = now;
	log_warning("database: %s", reason(message, line, sizeof(line)));
}

static void
connect_start(struct ingest_connection *s)
{
	const char *database =
	    config_database(s->config, s->config->post_database);
	/* Those before dbname are defaults, those behind it have to be so. */
	const char *const keywords[] = { "application_name", "keepalives_idle",
		"keepalives_interval", "keepalives_count", "tcp_user_timeout",
		*database != '\0' ? "dbname" : NULL, NULL };
	const char *const values[] = { "pgfeed/post", "10", "5", "3", "20000",
		database, NULL };

	s->attempts++;
	s->state = STATE_CONNECTING;
	s->deadline_ms = now_ms() + CONNECT_LIMIT_MS;
	s->want = PGRES_POLLING_WRITING;
	s->conn = PQconnectStartParams(keywords, values, 1);
	if (s->conn == NULL)
		fail(s, "could not connect", "out of memory");
	else if (PQstatus(s->conn) == CONNECTION_BAD)
		fail(s, "could not connect", PQerrorMessage(s->conn));
}

static bool
add_sync(struct ingest_connection *s, enum sync sync)
{
	if (s->n_syncs == SYNCS_MAX || PQpipelineSync(s->conn) == 0)
		return false;
	s->sync[s->n_syncs++] = sync;
	return true;
}

static bool
send_arrays(struct ingest_connection *s)
{
	static const int binary[BATCH_ARRAYS] = { 1, 1, 1, 1, 1, 1 };
	const char *values[BATCH_ARRAYS];
	int lengths[BATCH_ARRAYS];

	for (int i = 0; i < BATCH_ARRAYS; i++) {
		values[i] = s->array[i].data;
		lengths[i] = (int)s->array[i].len;
	}
	return PQsendQueryPrepared(s->conn, "ingest", BATCH_ARRAYS, values,
		   lengths, binary, 0) == 1;
}

static bool
send_settings(PGconn *conn)
{
	const char *sql;

	for (size_t i = 0; (sql = db_setting(conn, i)) != NULL; i++) {
		if (!PQsendQueryParams(
			conn, sql, 0, NULL, NULL, NULL, NULL, 0))
			return false;
	}
	for (size_t i = 0; i < ARRAY_LEN(own_settings); i++) {
		if (!PQsendQueryParams(conn, own_settings[i], 0, NULL, NULL,
			NULL, NULL, 0))
			return false;
	}
	return true;
}

/*
 * Settings, statements, and a batch of nothing: it shows whether the function
 * is there, we may call it, and the server takes writes.
 */
static void
prepare(struct ingest_connection *s)
{
	static const Oid types[BATCH_ARRAYS] = { OID_TEXT_ARRAY, OID_TEXT_ARRAY,
		OID_TEXT_ARRAY, OID_TEXT_ARRAY, OID_TEXT_ARRAY,
		OID_TEXT_ARRAY };

	s->state = STATE_PREPARING;
	s->deadline_ms = now_ms() + PREPARE_LIMIT_MS;
	PQsetNoticeProcessor(s->conn, on_notice, s);
	if (PQsetnonblocking(s->conn, 1) == -1 ||
	    PQenterPipelineMode(s->conn) == 0 ||
	    !send_settings(s->conn) ||
	    PQsendPrepare(s->conn, "ingest", sql_ingest, BATCH_ARRAYS, types) ==
		0 ||
	    PQsendPrepare(s->conn, "bell", sql_bell, 0, NULL) == 0 ||
	    !batch_encode(s->array, NULL, 0) || !send_arrays(s) ||
	    !add_sync(s, SYNC_PREPARED))
		fail(s, "could not prepare", PQerrorMessage(s->conn));
}

static void
connect_continue(struct ingest_connection *s)
{
	s->want = PQconnectPoll(s->conn);
	if (s->want == PGRES_POLLING_FAILED)
		fail(s, "could not connect", PQerrorMessage(s->conn));
	else if (s->want == PGRES_POLLING_OK)
		prepare(s);
}

static void
prepared(struct ingest_connection *s)
{
	if (s->kept != NULL && PQresultStatus(s->kept) == PGRES_FATAL_ERROR) {
		struct buf err = BUF_INIT;

		db_error(s->conn, s->kept, &err);
		fail(s, "not ready for events",
		    buf_failed(&err) ? "out of memory" : err.data);
		buf_fini(&err);
		return;
	}
	s->state = STATE_UP;
	s->deadline_ms = 0;
	if (s->attempts > 1)
		log_info("database: connected, after %.1f s and %u attempts",
		    (double)(now_ms() - s->down_since) / 1000, s->attempts);
	else
		log_info("database: connected");
	s->attempts = 0;
	s->down_since = 0;
	s->told[0] = '\0';
}

/*
 * The end of a batch. An error with which the server ends the session, or
 * none of the server's at all, leaves it open whether it came before the
 * commit or after.
 */
static void
batch_ended(struct ingest_connection *s, PGresult *res)
{
	const char *sqlstate = "";

	s->deadline_ms = 0;
	if (res != NULL && PQresultStatus(res) == PGRES_TUPLES_OK) {
		s->pause_ms = PAUSE_MIN_MS;
		s->cb(SESSION_COMMITTED, res, "", s->arg);
		return;
	}
	if (res != NULL)
		sqlstate = PQresultErrorField(res, PG_DIAG_SQLSTATE);
	if (sqlstate == NULL || *sqlstate == '\0' ||
	    strncmp(sqlstate, "57P", 3) == 0 || strncmp(sqlstate, "08", 2) == 0)
		s->cb(SESSION_LOST, NULL, "", s->arg);
	else
		s->cb(SESSION_REFUSED, res, sqlstate, s->arg);
}

static void
on_sync(struct ingest_connection *s)
{
	enum sync sync = s->sync[0];
	PGresult *res = s->kept;
	char line[512];

	s->kept = NULL;
	s->n_syncs--;
	memmove(&s->sync[0], &s->sync[1], s->n_syncs * sizeof(s->sync[0]));
	switch (sync) {
	case SYNC_PREPARED:
		s->kept = res;
		res = NULL;
		prepared(s);
		break;
	case SYNC_BATCH:
		batch_ended(s, res);
		break;
	case SYNC_BELL:
		if (res != NULL && PQresultStatus(res) == PGRES_FATAL_ERROR)
			log_warning("database: could not ring the bell: %s",
			    reason(
				PQresultErrorMessage(res), line, sizeof(line)));
		break;
	}
	PQclear(res);
}

/* Of what comes before a sync, the first error is kept, else the last rows. */
static void
on_result(struct ingest_connection *s, PGresult *res)
{
	if (s->kept != NULL && PQresultStatus(s->kept) == PGRES_FATAL_ERROR) {
		PQclear(res);
		return;
	}
	PQclear(s->kept);
	s->kept = res;
}

static void
read_results(struct ingest_connection *s)
{
	bool alive = PQconsumeInput(s->conn) == 1;
	unsigned nothing = 0;
	char line[512];

	/* What arrived before a loss still counts. */
	while (s->n_syncs > 0 && nothing < 2 && PQisBusy(s->conn) == 0) {
		PGresult *res = PQgetResult(s->conn);

		if (res == NULL) { /* once between two statements */
			nothing++;
			continue;
		}
		nothing = 0;
		if (PQresultStatus(res) == PGRES_PIPELINE_SYNC) {
			PQclear(res);
			on_sync(s);
			if (s->state == STATE_DOWN)
				return;
		} else
			on_result(s, res);
	}
	if (alive && PQstatus(s->conn) == CONNECTION_OK) {
		PGnotify *bell; /* none is asked for, none may pile up */

		while ((bell = PQnotifies(s->conn)) != NULL)
			PQfreemem(bell);
		return;
	}
	log_warning("database: connection lost: %s",
	    reason(s->kept != NULL ? PQresultErrorMessage(s->kept)
				   : PQerrorMessage(s->conn),
		line, sizeof(line)));
	drop(s);
}

struct ingest_connection *
ingest_connection_new(
    const struct config *config, ingest_connection_cb cb, void *arg)
{
	struct ingest_connection *s = calloc(1, sizeof(*s));

	if (s == NULL)
		log_fatal("could not start: out of memory");
	s->config = config;
	s->cb = cb;
	s->arg = arg;
	s->pause_ms = PAUSE_MIN_MS;
	s->down_since = s->deadline_ms = now_ms();
	return s;
}

void
ingest_connection_free(struct ingest_connection *s)
{
	PQclear(s->kept);
	PQfinish(s->conn);
	for (int i = 0; i < BATCH_ARRAYS; i++)
		buf_fini(&s->array[i]);
	free(s);
}

bool
ingest_connection_ready(const struct ingest_connection *s)
{
	return s->state == STATE_UP && !batch_in_flight(s);
}

bool
ingest_connection_idle(const struct ingest_connection *s)
{
	return s->n_syncs == 0;
}

int64_t
ingest_connection_down_since(const struct ingest_connection *s)
{
	return s->down_since;
}

void
ingest_connection_send(
    struct ingest_connection *s, const struct row *const *rows, unsigned n)
{
	s->deadline_ms = now_ms() + BATCH_LIMIT_MS;
	if (batch_encode(s->array, rows, n) && send_arrays(s) &&
	    add_sync(s, SYNC_BATCH) &&
	    PQsendQueryPrepared(s->conn, "bell", 0, NULL, NULL, NULL, 0) == 1 &&
	    add_sync(s, SYNC_BELL))
		return; /* ingest_connection_turn() flushes */
	log_warning("database: could not send: %s", PQerrorMessage(s->conn));
	if (!batch_in_flight(s)) /* drop() shall tell of this one as well */
		s->sync[s->n_syncs++] = SYNC_BATCH;
	s->deadline_ms = now_ms();
}

void
ingest_connection_reset(struct ingest_connection *s)
{
	if (s->state != STATE_DOWN)
		drop(s);
}

int
ingest_connection_poll(struct ingest_connection *s, struct pollfd *p)
{
	int64_t left;

	p->fd = s->conn != NULL ? PQsocket(s->conn) : -1;
	p->events = POLLIN;
	p->revents = 0;
	if (s->state == STATE_CONNECTING && s->want == PGRES_POLLING_WRITING)
		p->events = POLLOUT;
	else if (s->state >= STATE_PREPARING && PQflush(s->conn) == 1)
		p->events |= POLLOUT;
	if (s->deadline_ms == 0)
		return -1;
	left = s->deadline_ms - now_ms();
	return left < 0 ? 0 : (int)left;
}

void
ingest_connection_turn(struct ingest_connection *s, short revents)
{
	if (revents != 0 && s->state == STATE_CONNECTING)
		connect_continue(s);
	else if (revents & ~POLLOUT && s->state >= STATE_PREPARING)
		read_results(s);

	if (s->deadline_ms == 0 || now_ms() < s->deadline_ms)
		return;
	if (s->state == STATE_DOWN)
		connect_start(s);
	else
		fail(s, "connection dropped", "no answer in time");
}
