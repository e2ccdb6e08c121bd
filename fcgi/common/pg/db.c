/*
 * db.c - connections to PostgreSQL as pgfeed wants them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pg/db.h"
#include "base/log.h"

#define SERVER_VERSION_MIN 140000

/* Returns the remedy for errors whose cause is pgfeed's set-up, or NULL. */
static const char *
remedy(const PGresult *r, const char *message)
{
	static const struct {
		const char *sqlstate, *remedy;
	} remedies[] = {
		{ "3F000",
		    "has \"pgfeed migrate\" been run on this database?" },
		{ "42P01",
		    "has \"pgfeed migrate\" been run on this database?" },
		{ "42883",
		    "has \"pgfeed migrate\" been run on this database?" },
		{ "55P03", "another transaction holds a lock on it, see "
			   "pg_blocking_pids(); nothing is lost, try again" },
	};
	const char *state =
	    r != NULL ? PQresultErrorField(r, PG_DIAG_SQLSTATE) : NULL;

	for (size_t i = 0; state != NULL && i < ARRAY_LEN(remedies); i++) {
		if (strcmp(state, remedies[i].sqlstate) == 0)
			return remedies[i].remedy;
	}
	if (state != NULL && strcmp(state, "42501") == 0 &&
	    strstr(message, "pgfeed") != NULL)
		return "is this role a member of pgfeed_stream or pgfeed_post, as its program needs?";
	return NULL;
}

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
	if (remedy(r, message) != NULL)
		hint = remedy(r, message);
	if (hint != NULL)
		buf_addf(err, " (%s)", hint);
	for (size_t i = 0; i < err->len; i++) {
		if (err->data[i] == '\n' || err->data[i] == '\t')
			err->data[i] = ' ';
	}
}

/* Returns r if it is a success; else NULL with the reason in err. */
static PGresult *
checked(PGconn *conn, PGresult *r, struct buf *err)
{
	if (PQresultStatus(r) == PGRES_TUPLES_OK ||
	    PQresultStatus(r) == PGRES_COMMAND_OK)
		return r;
	db_error(conn, r, err);
	PQclear(r);
	return NULL;
}

PGresult *
db_query(PGconn *conn, const char *sql, int n, const char *const *values,
    struct buf *err)
{
	return checked(
	    conn, PQexecParams(conn, sql, n, NULL, values, NULL, NULL, 0), err);
}

PGresult *
db_execute(PGconn *conn, const char *name, int n, const char *const *values,
    struct buf *err)
{
	return checked(
	    conn, PQexecPrepared(conn, name, n, values, NULL, NULL, 0), err);
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
	PGresult *r = checked(conn, PQprepare(conn, name, sql, 0, NULL), err);

	PQclear(r);
	return r != NULL;
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

/*
 * The settings that pgfeed's statements and functions depend on. A role, a
 * database or a connection string may have set any of them otherwise. They go
 * out as SQL after connecting and not in the connection string, where the
 * administrator's own "options" would replace them. search_path comes first:
 * SET calls no function and no operator, all others may come after it.
 *
 * Left alone are TimeZone, which only changes how times are printed, and
 * synchronous_commit, which the bell trigger raises where it is off.
 */
static const struct {
	int since; /* PQserverVersion() of the first server that has it */
	const char *sql;
} settings[] = {
	{ 0, "SET search_path = pg_catalog, pg_temp" },
	{ 0, "SET client_encoding = 'UTF8'" },
	{ 0, "SET standard_conforming_strings = on" },
	/* Off, NULL in the text of an array would be a name. */
	{ 0, "SET array_nulls = on" },
	{ 0, "SET transform_null_equals = off" },
	{ 0, "SET quote_all_identifiers = off" },
	{ 0, "SET DateStyle = 'ISO, YMD'" },
	{ 0, "SET IntervalStyle = 'postgres'" },
	{ 0, "SET extra_float_digits = 1" },
	{ 0, "SET bytea_output = 'hex'" },
	/* For the functions of a site: off, its policies would be errors. */
	{ 0, "SET row_security = on" },
	{ 0, "SET check_function_bodies = on" },
	{ 0, "SET client_min_messages = 'notice'" },
	{ 0, "SET default_transaction_read_only = off" },
	{ 0, "SET default_transaction_deferrable = off" },
	{ 0, "SET default_transaction_isolation = 'read committed'" },
	{ 0, "SET statement_timeout = '15s'" },
	{ 0, "SET lock_timeout = '5s'" },
	{ 0, "SET idle_session_timeout = 0" },
	{ 0, "SET idle_in_transaction_session_timeout = '10s'" },
	{ 170000, "SET transaction_timeout = 0" },
	{ 0, "SET jit = off" },
	/* A plan made while a partition was empty would go on to scan it when
	 * it is full; pgfeed's queries all have an index. */
	{ 0, "SET enable_seqscan = off" },
	/* A plan for each fetch would take longer than the fetch. */
	{ 0, "SET plan_cache_mode = force_generic_plan" },
};

/* Sends all settings at once, which is one round trip. */
static bool
pin_settings(PGconn *conn, struct buf *err)
{
	struct buf sql = BUF_INIT;
	PGresult *r = NULL;
	bool ok;

	for (size_t i = 0; i < ARRAY_LEN(settings); i++) {
		if (settings[i].since <= PQserverVersion(conn))
			buf_addf(&sql, "%s;", settings[i].sql);
	}
	if (!buf_failed(&sql))
		r = PQexec(conn, sql.data);
	ok = PQresultStatus(r) == PGRES_COMMAND_OK;
	if (!ok)
		db_error(conn, r, err);
	PQclear(r);
	buf_fini(&sql);
	return ok;
}

PGconn *
db_connect(const char *conninfo, const char *role, struct buf *err)
{
	char name[64];
	/* What stands before dbname is a default, what stands behind counts. */
	const char *const keys[] = { "connect_timeout", "keepalives_idle",
		"keepalives_interval", "keepalives_count", "tcp_user_timeout",
		"dbname", "application_name", NULL };
	const char *const values[] = { "10", "10", "5", "3", "20000", conninfo,
		name, NULL };
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
	if (!pin_settings(conn, err)) {
		PQfinish(conn);
		return NULL;
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
