/*
 * db.c - connections to PostgreSQL as pgfeed wants them.
 */
#include <stdio.h>
#include <string.h>

#include "db.h"

/* Behind an error of libpq's there is a line feed. */
static void
set_error(struct buf *err, const char *message)
{
	buf_clear(err);
	buf_addstr(err, message);
	while (err->len > 0 && err->data[err->len - 1] == '\n')
		err->data[--err->len] = '\0';
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
	set_error(err, PQresultErrorMessage(r));
	if (err->len == 0)
		set_error(err, PQerrorMessage(conn));
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
		set_error(err, PQerrorMessage(conn));
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
