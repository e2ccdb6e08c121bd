/*
 * db.c - connections to PostgreSQL as pgfeed wants them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "db.h"
#include "log.h"

#define SERVER_VERSION_MIN 140000

void
db_error(const PGconn *conn, const PGresult *r, struct buf *err)
{
	const char *message = NULL, *hint = NULL;

	if (r != NULL) {
		message = PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY);
		hint = PQresultErrorField(r, PG_DIAG_MESSAGE_HINT);
		if (message == NULL)
			message = PQresultErrorMessage(r);
	}
	if (message == NULL || *message == '\0')
		message = PQerrorMessage(conn);
	buf_clear(err);
	buf_addstr(err, message);
	while (err->len > 0 && err->data[err->len - 1] == '\n')
		err->data[--err->len] = '\0';
	if (hint != NULL)
		buf_addf(err, " (%s)", hint);
	for (size_t i = 0; i < err->len; i++) {
		if (err->data[i] == '\n' || err->data[i] == '\t')
			err->data[i] = ' ';
	}
}

PGresult *
db_query(PGconn *conn, const char *sql, int n, const char *const *values,
    struct buf *err)
{
	PGresult *r;

	r = PQexecParams(conn, sql, n, NULL, values, NULL, NULL, 0);
	if (PQresultStatus(r) == PGRES_TUPLES_OK ||
	    PQresultStatus(r) == PGRES_COMMAND_OK)
		return r;
	db_error(conn, r, err);
	PQclear(r);
	return NULL;
}

bool
db_exec(PGconn *conn, const char *sql, struct buf *err)
{
	PGresult *r = db_query(conn, sql, 0, NULL, err);

	PQclear(r);
	return r != NULL;
}

bool
db_prepare(PGconn *conn, const char *name, const char *sql, struct buf *err)
{
	PGresult *r = PQprepare(conn, name, sql, 0, NULL);
	bool ok = PQresultStatus(r) == PGRES_COMMAND_OK;

	if (!ok)
		db_error(conn, r, err);
	PQclear(r);
	return ok;
}

void
db_check_conninfo(const char *conninfo)
{
	PQconninfoOption *options;

	/* What has no "=" is the name of a database, unless it is a URI. */
	if (strchr(conninfo, '=') == NULL && strstr(conninfo, "://") == NULL)
		return;
	options = PQconninfoParse(conninfo, NULL);
	if (options == NULL)
		log_fatal("the database's connection string is malformed; it "
			  "is not shown here, as a password may be in it");
	PQconninfoFree(options);
}

PGconn *
db_connect(const char *conninfo, const char *role, struct buf *err)
{
	static const char *const settings[] = {
		"SET idle_session_timeout = 0",
		"SET statement_timeout = '15s'",
		"SET lock_timeout = '5s'",
		"SET idle_in_transaction_session_timeout = '10s'",
		"SET default_transaction_isolation = 'read committed'",
		"SET jit = off",
		/* A plan made while a partition was empty would go on to scan
		 * it when it is full; pgfeed's queries all have an index. */
		"SET enable_seqscan = off",
		/* A plan for each fetch would take longer than the fetch. */
		"SET plan_cache_mode = force_generic_plan",
	};
	char name[64];
	/* What stands before dbname is a default, what stands behind counts. */
	const char *const keys[] = { "connect_timeout", "keepalives_idle",
		"keepalives_interval", "keepalives_count", "tcp_user_timeout",
		"dbname", "client_encoding", "application_name", NULL };
	const char *const values[] = { "10", "10", "5", "3", "20000", conninfo,
		"UTF8", name, NULL };
	PGconn *conn;

	snprintf(name, sizeof(name), "pgfeed/%s", role);
	conn = PQconnectdbParams(keys, values, 1);
	if (PQstatus(conn) != CONNECTION_OK) {
		db_error(conn, NULL, err);
		PQfinish(conn);
		return NULL;
	}
	if (PQserverVersion(conn) < SERVER_VERSION_MIN) {
		buf_clear(err);
		buf_addf(err, "PostgreSQL 14 or later is needed, this is %s",
		    PQparameterStatus(conn, "server_version"));
		PQfinish(conn);
		return NULL;
	}
	for (size_t i = 0; i < ARRAY_LEN(settings); i++) {
		if (!db_exec(conn, settings[i], err)) {
			PQfinish(conn);
			return NULL;
		}
	}
	return conn;
}

int
db_schema_version(PGconn *conn, struct buf *err)
{
	PGresult *r;
	bool there;
	int version;

	r = db_query(
	    conn, "SELECT to_regclass('pgfeed.migration')", 0, NULL, err);
	if (r == NULL)
		return -1;
	there = !PQgetisnull(r, 0, 0);
	PQclear(r);
	if (!there)
		return 0;
	r = db_query(conn,
	    "SELECT coalesce(max(version), 0) FROM pgfeed.migration", 0, NULL,
	    err);
	if (r == NULL)
		return -1;
	version = atoi(PQgetvalue(r, 0, 0));
	PQclear(r);
	return version;
}

void
db_add_element(struct buf *b, const char *s)
{
	buf_addc(b, '"');
	for (; *s != '\0'; s++) {
		if (*s == '"' || *s == '\\')
			buf_addc(b, '\\');
		buf_addc(b, *s);
	}
	buf_addc(b, '"');
}

void
db_add_holes(struct buf *low, struct buf *high, const struct cursor *c)
{
	buf_addc(low, '{');
	buf_addc(high, '{');
	for (unsigned i = 0; i < c->n; i++) {
		buf_addf(low, "%s%lld", i > 0 ? "," : "",
		    (long long)c->hole[i].low);
		buf_addf(high, "%s%lld", i > 0 ? "," : "",
		    (long long)c->hole[i].high);
	}
	buf_addc(low, '}');
	buf_addc(high, '}');
}
