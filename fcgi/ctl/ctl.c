/*
 * ctl.c - helpers that the commands of pgfeed share.
 */
#include <math.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/buf.h"
#include "ctl/ctl.h"
#include "pg/db.h"

void
ctl_help(const struct command *c)
{
	printf("usage: pgfeed [-c FILE] %s%s%s\n\n%s\n", c->name,
	    c->args[0] != '\0' ? " " : "", c->args, c->help);
}

int
ctl_misuse(const struct command *c, const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "pgfeed %s: ", c->name);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fprintf(stderr, "\ntry: pgfeed %s --help\n", c->name);
	return EXIT_USAGE;
}

int
ctl_fail(const char *fmt, ...)
{
	va_list ap;

	fflush(stdout);
	fputs("pgfeed: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	return 1;
}

int
ctl_fail_db(const PGconn *db, PGresult *r, const char *what)
{
	struct buf err = BUF_INIT;

	db_error(db, r, &err);
	PQclear(r);
	ctl_fail("%s: %s", what, err.data);
	buf_fini(&err);
	return 1;
}

static void
on_notice(void *arg, const PGresult *r)
{
	struct buf text = BUF_INIT;

	db_error(arg, r, &text);
	fprintf(stderr, "pgfeed: notice: %s\n", text.data);
	buf_fini(&text);
}

PGconn *
ctl_connect_any(const char *conninfo, const char *name, struct buf *err)
{
	PGconn *db = db_connect(conninfo, "ctl", err);
	struct buf second = BUF_INIT;
	const struct passwd *pw;

	if (db != NULL || geteuid() != 0 || name == NULL)
		return db;
	pw = getpwnam(name);
	if (pw == NULL || seteuid(pw->pw_uid) == -1)
		return NULL;
	db = db_connect(conninfo, "ctl", &second);
	buf_fini(&second);
	if (seteuid(0) == -1)
		exit(ctl_fail("could not become root again"));
	return db;
}

const char *
ctl_heartbeat_warning(const struct config *c)
{
	/* timeout=90 in conf/apache, fastcgi_read_timeout 90s in conf/nginx */
	if (c->heartbeat < 90000)
		return NULL;
	return "heartbeat is 90s or more: Apache and nginx end a stream that is silent for 90 s, unless their timeouts are raised too";
}

PGconn *
ctl_connect(const struct ctl *ctl)
{
	struct buf err = BUF_INIT;
	PGconn *db;

	db = ctl_connect_any(ctl->config.database, CTL_OWNER, &err);
	if (db != NULL &&
	    (!db_exec(db, "SET statement_timeout = 0", &err) ||
		!db_exec(
		    db, "SET idle_in_transaction_session_timeout = 0", &err))) {
		PQfinish(db);
		db = NULL;
	}
	if (db == NULL)
		ctl_fail("could not connect to the database: %s", err.data);
	else
		PQsetNoticeReceiver(db, on_notice, db);
	buf_fini(&err);
	return db;
}

PGconn *
ctl_connect_schema(const struct ctl *ctl)
{
	PGconn *db = ctl_connect(ctl);
	struct buf err = BUF_INIT;
	int version;

	if (db == NULL)
		return NULL;
	version = db_schema_version(db, &err);
	if (version >= DB_SCHEMA_VERSION)
		return db;
	if (version == -1)
		ctl_fail("could not read the schema's version: %s", err.data);
	else if (version == 0)
		ctl_fail("database \"%s\" has no pgfeed schema yet: run \"pgfeed migrate\"",
		    PQdb(db));
	else
		ctl_fail("the schema of database \"%s\" is at version %d, this program needs %d: run \"pgfeed migrate\"",
		    PQdb(db), version, DB_SCHEMA_VERSION);
	buf_fini(&err);
	PQfinish(db);
	return NULL;
}

int
ctl_parse_age(const char *s, double *seconds)
{
	static const struct {
		const char *unit;
		double factor;
	} units[] = { { "", 1 }, { "ms", 0.001 }, { "s", 1 }, { "min", 60 },
		{ "h", 3600 }, { "d", 86400 } };
	char *end;
	double n = strtod(s, &end);

	if (end == s || !isfinite(n) || n < 0)
		return -1;
	while (*end == ' ')
		end++;
	for (size_t i = 0; i < ARRAY_LEN(units); i++) {
		if (strcasecmp(end, units[i].unit) == 0) {
			*seconds = n * units[i].factor;
			return 0;
		}
	}
	return -1;
}
