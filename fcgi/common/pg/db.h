/*
 * db.h - connections to PostgreSQL as pgfeed wants them. All of this blocks.
 */
#ifndef PGFEED_DB_H
#define PGFEED_DB_H

#include <libpq-fe.h>

#include "base/buf.h"

/*
 * The migration that the programs of this version need at least; a script in
 * tests/unit compares it with migrations/.
 */
#define DB_SCHEMA_VERSION 6

/*
 * Exits with a message when a connection string is malformed: this is start-up.
 * libpq's own message would show it with the password that may be in it.
 */
void db_check_conninfo(const char *conninfo);

/*
 * Adds a connection string as it may be shown: as it is if there is no secret
 * in it, else by keywords, with "***" for its passwords.
 */
void db_add_conninfo(struct buf *, const char *conninfo);

/*
 * Connects with a libpq connection string ("" leaves all to PGHOST, PGSERVICE
 * and the like) within 10 s per host. The session's settings are those that
 * db.c pins, whatever the role or the database has: a search_path of
 * pg_catalog, time limits, and none on being idle, which would end a LISTEN.
 * role shows in application_name as "pgfeed/role". Returns the connection, to
 * be ended with PQfinish(); or NULL with the reason in err.
 */
PGconn *db_connect(const char *conninfo, const char *role, struct buf *err);

/*
 * Runs a statement with n parameters as text. Returns its result, rows or not,
 * to be freed with PQclear(); or NULL with the reason in err.
 */
PGresult *db_query(PGconn *, const char *sql, int n, const char *const *values,
    struct buf *err);

/* As db_query(), for a prepared statement. */
PGresult *db_execute(PGconn *, const char *name, int n,
    const char *const *values, struct buf *err);

/* db_query() without parameters, for statements without rows. */
bool db_exec(PGconn *, const char *sql, struct buf *err) MUSTCHECK;

/* Prepares a statement; the types of its parameters are in its text. */
bool db_prepare(
    PGconn *, const char *name, const char *sql, struct buf *err) MUSTCHECK;

/*
 * Writes what the server says about a failed result, or with NULL about the
 * connection: its message and behind it, in parentheses, the remedy that pgfeed
 * knows or else the server's hint. One line.
 */
void db_error(const PGconn *, const PGresult *, struct buf *err);

/*
 * The last migration that was applied, 0 when there is no pgfeed schema, or
 * -1 with the reason in err.
 */
int db_schema_version(PGconn *, struct buf *err) MUSTCHECK;

/* Adds s as one element of a text array's literal: "it\"s". */
void db_add_element(struct buf *, const char *s);

#endif
