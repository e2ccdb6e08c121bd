/*
 * ingest_connection.c - the ingest connection: pgfeed-post's one to PostgreSQL.
 *
 * In libpq's pipeline mode a batch is sent in one piece: pgfeed.ingest, Sync,
 * doorbell, Sync. The first Sync is the commit. The doorbell is a transaction
 * of its own behind the commit: a NOTIFY holds one lock of the whole server
 * while its transaction commits, and the lock must not last as long as the
 * batch's fsync. If the doorbell is lost, pgfeed-stream finds the events with
 * its fetch of every second.
 *
 * Always: sync[] has each Sync that the server has not answered yet, in the
 *         order of sending. A result belongs to the first of them.
 */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "pg/db.h"
#include "pg/pg_connection.h"
#include "post/ingest_connection.h"

/* minimum time between two notices of the server in the log */
#define SYNCS_MAX       3 /* a doorbell, the next batch, its doorbell */

/*
 * Settings that differ from those of all connections (pg/db.c). The doorbell's
 * trigger is off, since the doorbell follows the commit. The statement timeout
 * is shorter than pg_connection's time limit, so a slow batch costs no
 * connection.
 */
static const char *const own_settings[] = {
	"SET pgfeed.bell = off",
	"SET client_min_messages = 'warning'",
	"SET statement_timeout = '10s'",
};
static const char sql_ingest[] = "SELECT n, id, duplicate, conflict, reason"
				 " FROM pgfeed.ingest($1, $2, $3, $4, $5, $6)";
static const char sql_bell[] = "SELECT pgfeed.ring()";

enum sync { SYNC_BATCH, SYNC_DOORBELL };

struct ingest_connection {
	const struct config *config;
	struct ingest_connection_calls calls;
	void *arg;

	struct pg_connection *pg;
	int64_t down_since_ms; /* 0 while the connection is up */

	enum sync sync[SYNCS_MAX];
	unsigned n_syncs;
	/* rows, or the error, of the statements before sync[0] */
	PGresult *kept;
	struct buf array[BATCH_ARRAYS];
};

static bool
batch_in_flight(const struct ingest_connection *s)
{
	for (unsigned i = 0; i < s->n_syncs; i++) {
		if (s->sync[i] == SYNC_BATCH)
			return true;
	}
	return false;
}

/* Points values and lengths to the arrays, as a statement's parameters. */
static void
set_parameters(const struct ingest_connection *s,
    const char *values[BATCH_ARRAYS], int lengths[BATCH_ARRAYS])
{
	for (int i = 0; i < BATCH_ARRAYS; i++) {
		values[i] = s->array[i].data;
		lengths[i] = (int)s->array[i].len;
	}
}

static const int binary[BATCH_ARRAYS] = { 1, 1, 1, 1, 1, 1 };

/*
 * Executes pgfeed.ingest() for no events. The call fails when the function is
 * missing, the role may not call the function, or the server is read-only.
 */
static bool
try_ingest(struct ingest_connection *s, PGconn *conn, struct buf *err)
{
	const char *values[BATCH_ARRAYS];
	int lengths[BATCH_ARRAYS];
	PGresult *res;
	bool ok;

	if (!batch_encode(s->array, NULL, 0)) {
		buf_clear(err);
		buf_addstr(err, "out of memory");
		return false;
	}
	set_parameters(s, values, lengths);
	res = PQexecPrepared(
	    conn, "ingest", BATCH_ARRAYS, values, lengths, binary, 0);
	ok = PQresultStatus(res) == PGRES_TUPLES_OK;
	if (!ok)
		db_error(conn, res, err);
	PQclear(res);
	return ok;
}

static bool
prepare_session(struct ingest_connection *s, PGconn *conn, struct buf *err)
{
	for (size_t i = 0; i < ARRAY_LEN(own_settings); i++) {
		if (!db_exec(conn, own_settings[i], err))
			return false;
	}
	return db_prepare(conn, "ingest", sql_ingest, err) &&
	       db_prepare(conn, "bell", sql_bell, err) &&
	       try_ingest(s, conn, err) && PQenterPipelineMode(conn) == 1;
}

/*
 * Returns a connection in pipeline mode, or NULL. Runs in the opening thread.
 */
static PGconn *
open_session(void *arg, struct buf *err)
{
	struct ingest_connection *s = arg;
	PGconn *conn = db_connect(
	    config_database(s->config, s->config->post_database), "post", err);

	if (conn != NULL && !prepare_session(s, conn, err)) {
		PQfinish(conn);
		conn = NULL;
	}
	return conn;
}

static void
on_up(void *arg)
{
	struct ingest_connection *s = arg;

	log_info("ingest: connected to the database after %.1f s",
	    (double)(now_ms() - s->down_since_ms) / 1000);
	s->down_since_ms = 0;
	s->calls.up(s->arg);
}

/* The callback comes last, since it may query the state. */
static void
on_down(void *arg)
{
	struct ingest_connection *s = arg;
	bool lost = batch_in_flight(s);

	PQclear(s->kept);
	s->kept = NULL;
	s->n_syncs = 0;
	s->down_since_ms = now_ms();
	if (lost)
		s->calls.ended(BATCH_LOST, NULL, "", s->arg);
}

/*
 * Reports the end of a batch. When the server's error ends the connection, or
 * the connection ends without an error, the batch may have been committed or
 * not.
 */
static void
batch_ended(struct ingest_connection *s, const PGresult *res)
{
	const char *sqlstate = "";

	pg_connection_answered(s->pg);
	if (res != NULL && PQresultStatus(res) == PGRES_TUPLES_OK) {
		s->calls.ended(BATCH_COMMITTED, res, "", s->arg);
		return;
	}
	if (res != NULL)
		sqlstate = PQresultErrorField(res, PG_DIAG_SQLSTATE);
	if (sqlstate == NULL || *sqlstate == '\0' ||
	    strncmp(sqlstate, "57P", 3) == 0 || strncmp(sqlstate, "08", 2) == 0)
		s->calls.ended(BATCH_LOST, NULL, "", s->arg);
	else
		s->calls.ended(BATCH_REFUSED, res, sqlstate, s->arg);
}

static void
on_sync(struct ingest_connection *s)
{
	enum sync sync = s->sync[0];
	PGresult *res = s->kept;

	s->kept = NULL;
	s->n_syncs--;
	memmove(&s->sync[0], &s->sync[1], s->n_syncs * sizeof(s->sync[0]));
	if (sync == SYNC_BATCH)
		batch_ended(s, res);
	else if (PQresultStatus(res) == PGRES_FATAL_ERROR)
		log_warning("ingest: could not ring the doorbell: %s",
		    PQresultErrorMessage(res));
	PQclear(res);
}

/* Keeps the first error of the statements before a Sync, else the last rows. */
static void
keep_result(struct ingest_connection *s, PGresult *res)
{
	if (s->kept != NULL && PQresultStatus(s->kept) == PGRES_FATAL_ERROR) {
		PQclear(res);
		return;
	}
	PQclear(s->kept);
	s->kept = res;
}

static void
on_input(PGconn *conn, void *arg)
{
	struct ingest_connection *s = arg;
	unsigned nulls = 0;

	/* libpq returns one NULL between two statements, two at the end. */
	while (s->n_syncs > 0 && nulls < 2 && PQisBusy(conn) == 0) {
		PGresult *res = PQgetResult(conn);

		if (res == NULL) {
			nulls++;
			continue;
		}
		nulls = 0;
		if (PQresultStatus(res) != PGRES_PIPELINE_SYNC) {
			keep_result(s, res);
			continue;
		}
		PQclear(res);
		on_sync(s);
		if (!pg_connection_is_up(s->pg))
			return; /* the callback has dropped the connection */
	}
	/*
	 * The server's last error says more about the loss than libpq's
	 * message.
	 */
	if (PQstatus(conn) != CONNECTION_OK && s->kept != NULL)
		pg_connection_drop(s->pg, PQresultErrorMessage(s->kept));
}

struct ingest_connection *
ingest_connection_new(struct event_base *base, const struct config *config,
    const struct ingest_connection_calls *calls, void *arg)
{
	static const struct pg_connection_calls pg_calls = {
		.open = open_session,
		.up = on_up,
		.down = on_down,
		.input = on_input,
	};
	struct ingest_connection *s = calloc(1, sizeof(*s));

	if (s == NULL)
		log_fatal("could not start: out of memory");
	s->config = config;
	s->calls = *calls;
	s->arg = arg;
	s->down_since_ms = now_ms();
	s->pg = pg_connection_new(base, 0, "ingest", &pg_calls, s);
	return s;
}

void
ingest_connection_free(struct ingest_connection *s)
{
	pg_connection_free(s->pg);
	PQclear(s->kept);
	for (int i = 0; i < BATCH_ARRAYS; i++)
		buf_fini(&s->array[i]);
	free(s);
}

bool
ingest_connection_ready(const struct ingest_connection *s)
{
	return pg_connection_is_up(s->pg) && !batch_in_flight(s);
}

bool
ingest_connection_idle(const struct ingest_connection *s)
{
	return s->n_syncs == 0;
}

int64_t
ingest_connection_down_since(const struct ingest_connection *s)
{
	return s->down_since_ms;
}

static bool
send_with_sync(struct ingest_connection *s, PGconn *conn, enum sync sync)
{
	const char *values[BATCH_ARRAYS];
	int lengths[BATCH_ARRAYS];

	set_parameters(s, values, lengths);
	if (PQsendQueryPrepared(conn, sync == SYNC_BATCH ? "ingest" : "bell",
		sync == SYNC_BATCH ? BATCH_ARRAYS : 0, values, lengths, binary,
		0) == 0 ||
	    PQpipelineSync(conn) == 0)
		return false;
	s->sync[s->n_syncs++] = sync;
	return true;
}

void
ingest_connection_send(
    struct ingest_connection *s, const struct row *const *rows, unsigned n)
{
	PGconn *conn = pg_connection_pipeline(s->pg);

	if (batch_encode(s->array, rows, n) &&
	    send_with_sync(s, conn, SYNC_BATCH) &&
	    send_with_sync(s, conn, SYNC_DOORBELL)) {
		pg_connection_sent(s->pg);
		return;
	}
	if (!batch_in_flight(s)) /* on_down() reports this batch as well */
		s->sync[s->n_syncs++] = SYNC_BATCH;
	pg_connection_drop(s->pg, "could not send a batch");
}

void
ingest_connection_reset(struct ingest_connection *s)
{
	pg_connection_drop(s->pg, "begins anew after an error");
}
