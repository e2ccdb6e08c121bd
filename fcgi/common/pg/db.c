/*
 * db.c - connections to PostgreSQL as pgfeed wants them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pg/db.h"
#include "base/log.h"

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

#define MALFORMED                                                         \
	"the database's connection string is malformed; it is not shown " \
	"here, "                                                          \
	"as a password may be in it"

/*
 * Whether a password in a URI has an "@" or "/" in it as it stands: libpq takes
 * what is behind that for the host, the port or the database, and says so.
 */
static bool
is_torn_uri(const char *uri)
{
	const char *s = strstr(uri, "://"), *at;

	if (s == NULL)
		return false;
	s += strlen("://");
	at = memchr(s, '@', strcspn(s, "?"));
	return at != NULL &&
	       (at > s + strcspn(s, "/") ||
		   memchr(at + 1, '@', strcspn(at + 1, "?")) != NULL);
}

/*
 * Parses it into *options, NULL if it is only the name of a database, which has
 * no "=" and is no URI. Returns false when it is malformed.
 */
static bool
parse_conninfo(const char *conninfo, PQconninfoOption **options)
{
	*options = NULL;
	if (strchr(conninfo, '=') == NULL && strstr(conninfo, "://") == NULL)
		return strchr(conninfo, '@') == NULL; /* user:password@host */
	if (strncmp(conninfo, "postgres", 8) == 0 && is_torn_uri(conninfo))
		return false;
	*options = PQconninfoParse(conninfo, NULL);
	return *options != NULL;
}

static bool
conninfo_valid(const char *conninfo)
{
	PQconninfoOption *options;
	bool valid = parse_conninfo(conninfo, &options);

	if (valid)
		PQconninfoFree(options);
	return valid;
}

void
db_check_conninfo(const char *conninfo)
{
	if (!conninfo_valid(conninfo))
		log_fatal(MALFORMED);
}

/* libpq marks what a dialog should not show, but for the newest of them. */
static bool
is_secret(const PQconninfoOption *o)
{
	return o->dispchar[0] == '*' ||
	       strstr(o->keyword, "password") != NULL ||
	       strstr(o->keyword, "secret") != NULL ||
	       strncmp(o->keyword, "scram_", 6) == 0;
}

/* In quotes if it has to be (libpq manual, Keyword/Value Strings). */
static void
add_value(struct buf *b, const char *s)
{
	bool quoted = *s == '\0' || strpbrk(s, " \t'\\") != NULL;

	if (quoted)
		buf_addc(b, '\'');
	for (; *s != '\0'; s++) {
		if (*s == '\'' || *s == '\\')
			buf_addc(b, '\\');
		buf_addc(b, *s);
	}
	if (quoted)
		buf_addc(b, '\'');
}

void
db_add_conninfo(struct buf *b, const char *conninfo)
{
	PQconninfoOption *options;
	bool secret = false;
	const char *blank = "";

	if (!parse_conninfo(conninfo, &options)) {
		buf_addstr(b, "(malformed, not shown)");
		return;
	}
	for (const PQconninfoOption *o = options;
	     o != NULL && o->keyword != NULL; o++)
		secret |= o->val != NULL && is_secret(o);
	if (!secret)
		buf_addstr(b, conninfo);
	for (const PQconninfoOption *o = options; secret && o->keyword != NULL;
	     o++) {
		if (o->val == NULL)
			continue;
		buf_addf(b, "%s%s=", blank, o->keyword);
		add_value(b, is_secret(o) ? "***" : o->val);
		blank = " ";
	}
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

	if (!conninfo_valid(conninfo)) { /* libpq would show it */
		buf_clear(err);
		buf_addstr(err, MALFORMED);
		return NULL;
	}
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
