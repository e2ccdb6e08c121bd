/*
 * migrate.c - "pgfeed migrate": applies migrations, or takes them back.
 *
 * Migrations are files NNNN_name.up.sql and NNNN_name.down.sql. Each runs in
 * one transaction together with its row in pgfeed.migration, so a failure
 * changes nothing, and of two sessions only one applies a migration.
 *
 * An advisory lock is for order only: a second session waits for the first and
 * then finds nothing to do. Any stranger may hold that lock, so a session goes
 * on without the lock at once when no holder may create a schema, and after a
 * minute otherwise.
 *
 * Always: the applied migrations are a prefix of the files. The command refuses
 *         a file that changed after it was applied: the database has the old
 *         text.
 */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "ctl/ctl.h"
#include "ctl/migration_list.h"
#include "pg/db.h"

#define LOCK_CLASS "1885824613"
#define LOCK_KEY   LOCK_CLASS ", 0"
#define LOCK_WAIT  "60s"
#define COUNT_ALL  9999

/* Returns the line of the character'th (from 1) character of UTF-8 text. */
static int
line_of(const char *text, long character)
{
	int line = 1;

	for (; *text != '\0' && character > 1; text++) {
		if (*text == '\n')
			line++;
		if (((unsigned char)text[1] & 0xc0) != 0x80)
			character--;
	}
	return line;
}

static int
report(PGconn *db, PGresult *r, const char *path, const char *sql)
{
	const char *position = NULL;
	char where[4200];

	if (r != NULL)
		position = PQresultErrorField(r, PG_DIAG_STATEMENT_POSITION);
	if (position != NULL)
		snprintf(where, sizeof(where), "%s:%d", path,
		    line_of(sql, atol(position)));
	else
		snprintf(where, sizeof(where), "%s", path);
	ctl_fail_db(db, r, where);
	if (PQstatus(db) == CONNECTION_OK)
		PQclear(PQexec(db, "ROLLBACK"));
	ctl_fail("nothing of this migration was kept");
	return -1;
}

/* Runs one file, and adds or removes its row, in one transaction. */
static int
apply(
    PGconn *db, const struct migrations *ms, const struct migration *m, bool up)
{
	static const char note[] =
	    "INSERT INTO pgfeed.migration (version, name, checksum)"
	    " VALUES ($1, $2, $3)";
	static const char unnote[] =
	    "DELETE FROM pgfeed.migration WHERE version = $1";
	struct buf sql = BUF_INIT;
	const char *values[3];
	char path[4096], version[16];
	int64_t began = now_ms();
	PGresult *r;
	int rc = -1;

	if (migrations_read_sql(ms, m->name, up ? "up" : "down", path,
		sizeof(path), &sql) == -1)
		goto out;
	snprintf(version, sizeof(version), "%d", m->version);
	values[0] = version;
	values[1] = m->name;
	values[2] = m->checksum;

	r = PQexec(db, "BEGIN");
	if (PQresultStatus(r) != PGRES_COMMAND_OK) {
		report(db, r, path, sql.data);
		goto out;
	}
	PQclear(r);
	if (!up) { /* before the file, which may drop the table */
		r = PQexecParams(db, unnote, 1, NULL, values, NULL, NULL, 0);
		if (PQresultStatus(r) != PGRES_COMMAND_OK) {
			report(db, r, path, sql.data);
			goto out;
		}
		PQclear(r);
	}
	r = PQexec(db, sql.data);
	if (PQresultStatus(r) != PGRES_COMMAND_OK &&
	    PQresultStatus(r) != PGRES_TUPLES_OK) {
		report(db, r, path, sql.data);
		goto out;
	}
	PQclear(r);
	if (PQtransactionStatus(db) != PQTRANS_INTRANS) {
		ctl_fail(
		    "%s: ended its transaction itself, which leaves half of it",
		    path);
		goto out;
	}
	if (up) {
		r = PQexecParams(db, note, 3, NULL, values, NULL, NULL, 0);
		if (PQresultStatus(r) != PGRES_COMMAND_OK) {
			report(db, r, path, sql.data);
			goto out;
		}
		PQclear(r);
	}
	r = PQexec(db, "COMMIT");
	if (PQresultStatus(r) != PGRES_COMMAND_OK) {
		report(db, r, path, sql.data);
		goto out;
	}
	PQclear(r);
	printf("%-5s %s (%lld ms)\n", up ? "up" : "down", m->name,
	    (long long)(now_ms() - began));
	fflush(stdout);
	rc = 0;
out:
	buf_fini(&sql);
	return rc;
}

/*
 * Checks that the applied migrations are a prefix of the files, and unchanged.
 */
static int
check_prefix(const struct migrations *ms)
{
	for (size_t i = 0; i < ms->n; i++) {
		const struct migration *m = &ms->item[i];

		if (m->changed)
			return ctl_fail(
			    "%s was changed after it was applied on %s: put the file back, and make the change in a migration of its own",
			    m->name, m->applied_at);
		if (migration_is_applied(m) && i > 0 &&
		    !migration_is_applied(m - 1))
			return ctl_fail(
			    "%s is applied, but %s before it is not", m->name,
			    (m - 1)->name);
	}
	return 0;
}

/*
 * Grants the groups the rights that a dump restored without privileges lacks.
 */
static int
restore_grants(PGconn *db)
{
	PGresult *r = PQexec(db,
	    "DO $$ BEGIN"
	    " IF to_regprocedure('pgfeed.grant_roles(boolean)') IS NOT NULL"
	    " THEN PERFORM pgfeed.grant_roles(); END IF; END $$");

	if (PQresultStatus(r) != PGRES_COMMAND_OK)
		return ctl_fail_db(db, r, "could not grant what roles lack");
	PQclear(r);
	return 0;
}

static int
migrate_up(PGconn *db, const struct migrations *ms, long count)
{
	long done = 0;

	if (check_prefix(ms) != 0)
		return 1;
	for (size_t i = 0; i < ms->n && done < count; i++) {
		if (migration_is_applied(&ms->item[i]))
			continue;
		if (apply(db, ms, &ms->item[i], true) == -1)
			return 1;
		done++;
	}
	if (done == 0)
		printf("nothing to do, database \"%s\" is at %s\n", PQdb(db),
		    ms->item[ms->n - 1].name);
	return restore_grants(db);
}

/*
 * Prints the data that taking a migration back loses: its file's first comment.
 */
static int
print_loss(const struct migrations *ms, const struct migration *m)
{
	struct buf sql = BUF_INIT;
	char path[4096];
	int rc;

	rc = migrations_read_sql(ms, m->name, "down", path, sizeof(path), &sql);
	fprintf(stderr, "%s:\n", m->name);
	for (const char *s = sql.data; rc == 0 && strncmp(s, "-- ", 3) == 0;) {
		size_t n = strcspn(s, "\n");

		fprintf(stderr, "  %.*s\n", (int)n - 3, s + 3);
		s += n + (s[n] == '\n');
	}
	buf_fini(&sql);
	return rc;
}

static int
migrate_down(PGconn *db, const struct migrations *ms, long count, bool yes)
{
	long done = 0;

	for (size_t i = ms->n; i-- > 0 && done < count;) {
		const struct migration *m = &ms->item[i];

		if (!migration_is_applied(m))
			continue;
		if ((yes ? apply(db, ms, m, false) : print_loss(ms, m)) == -1)
			return 1;
		done++;
	}
	if (done == 0)
		printf("nothing to do, database \"%s\" has no pgfeed schema\n",
		    PQdb(db));
	else if (!yes)
		return ctl_fail(
		    "nothing was taken back: say --yes if database \"%s\" may lose that for good",
		    PQdb(db));
	return 0;
}

static int
migrate_status(const struct migrations *ms)
{
	int rc = 0;

	for (size_t i = 0; i < ms->n; i++) {
		const struct migration *m = &ms->item[i];

		if (!migration_is_applied(m)) {
			printf("pending  %s\n", m->name);
			rc = EXIT_NO;
		} else if (!m->known) {
			printf("unknown  %-16s applied %s, no such file here\n",
			    m->name, m->applied_at);
			rc = EXIT_NO;
		} else if (m->changed) {
			printf("changed  %-16s since it was applied %s\n",
			    m->name, m->applied_at);
			rc = EXIT_NO;
		} else
			printf("applied  %-16s %s\n", m->name, m->applied_at);
	}
	return rc;
}

static const char *
migrations_dir(void)
{
	const char *dir = getenv("PGFEED_MIGRATIONS");

	return dir != NULL ? dir : MIGRATIONSDIR;
}

/* Asks the server a question of yes or no; -1, with a message, when it fails. */
static int
ask(PGconn *db, const char *sql)
{
	PGresult *r = PQexec(db, sql);
	int yes;

	if (PQresultStatus(r) != PGRES_TUPLES_OK) {
		ctl_fail_db(db, r, "could not take the lock");
		return -1;
	}
	yes = PQgetvalue(r, 0, 0)[0] == 't';
	PQclear(r);
	return yes;
}

static const char sql_held[] =
    "SELECT EXISTS (SELECT FROM pg_locks l"
    "  JOIN pg_stat_activity a ON a.pid = l.pid AND a.datid = l.database"
    " WHERE l.locktype = 'advisory' AND l.classid = " LOCK_CLASS
    "   AND l.objid = 0 AND l.objsubid = 2 AND l.granted"
    "   AND a.datname = current_database()"
    "   AND has_database_privilege(a.usesysid, l.database, 'CREATE'))";

/* Waits for a session that migrates, if there is one. */
static int
take_lock(PGconn *db)
{
	const char *sqlstate;
	PGresult *r;
	int got, held = 0;

	got = ask(db, "SELECT pg_try_advisory_lock(" LOCK_KEY ")");
	if (got == 0)
		held = ask(db, sql_held);
	if (got == -1 || held == -1)
		return 1;
	if (got)
		return 0;
	if (held) {
		fputs("waiting for another \"pgfeed migrate\" to finish\n",
		    stderr);
		r = PQexec(db,
		    "SET LOCAL lock_timeout = '" LOCK_WAIT
		    "'; SELECT pg_advisory_lock(" LOCK_KEY ")");
		sqlstate = PQresultErrorField(r, PG_DIAG_SQLSTATE);
		if (sqlstate == NULL || strcmp(sqlstate, "55P03") != 0) {
			if (PQresultStatus(r) != PGRES_TUPLES_OK)
				return ctl_fail_db(
				    db, r, "could not take the lock");
			PQclear(r);
			return 0;
		}
		PQclear(r);
	}
	fputs("going on without the advisory lock " LOCK_KEY
	      ", which another session holds\n",
	    stderr);
	return 0;
}

int
ctl_migrate_up(PGconn *db)
{
	struct migrations ms = { .dir = migrations_dir() };
	int rc = 1;

	if (migrations_list_files(&ms) == 0 && take_lock(db) == 0 &&
	    migrations_compute_checksums(db, &ms) == 0 &&
	    migrations_read_applied(db, &ms) == 0)
		rc = migrate_up(db, &ms, COUNT_ALL);
	free(ms.item);
	return rc;
}

static int
run(const struct command *self, struct ctl *ctl, int argc, char **argv)
{
	static const struct option options[] = {
		{ "dir", required_argument, NULL, 'd' },
		{ "yes", no_argument, NULL, 'y' },
		{ NULL, 0, NULL, 0 },
	};
	struct migrations ms = { .dir = migrations_dir() };
	const char *way = "up";
	bool yes = false;
	long count = 0;
	PGconn *db = NULL;
	int opt, rc = 1;

	while ((opt = getopt_long(argc, argv, "d:y", options, NULL)) != -1) {
		if (opt == 'y')
			yes = true;
		else if (opt == 'd')
			ms.dir = optarg;
		else
			return ctl_misuse(self, "wrong option");
	}
	argc -= optind;
	argv += optind;
	if (argc > 0)
		way = argv[0];
	if (strcmp(way, "up") != 0 && strcmp(way, "down") != 0 &&
	    strcmp(way, "status") != 0)
		return ctl_misuse(
		    self, "\"%s\" is not up, down or status", way);
	count = strcmp(way, "down") == 0 ? 1 : COUNT_ALL;
	if (argc > 1 && strcmp(argv[1], "all") == 0)
		count = COUNT_ALL;
	else if (argc > 1) {
		char *end;

		count = strtol(argv[1], &end, 10);
		if (*end != '\0' || count < 1 || count > COUNT_ALL)
			return ctl_misuse(self,
			    "\"%s\" is not a number of migrations or \"all\"",
			    argv[1]);
	}
	if (argc > 2 || (argc > 1 && strcmp(way, "status") == 0))
		return ctl_misuse(self, "too many arguments");

	if (migrations_list_files(&ms) == -1)
		goto out;
	db = ctl_connect(ctl);
	if (db == NULL)
		goto out;
	if (strcmp(way, "status") != 0 && take_lock(db) != 0)
		goto out;
	if (migrations_compute_checksums(db, &ms) == -1 ||
	    migrations_read_applied(db, &ms) == -1)
		goto out;
	if (strcmp(way, "up") == 0)
		rc = migrate_up(db, &ms, count);
	else if (strcmp(way, "down") == 0)
		rc = migrate_down(db, &ms, count, yes);
	else
		rc = migrate_status(&ms);
out:
	PQfinish(db); /* ends the lock as well */
	free(ms.item);
	return rc;
}

const struct command migrate_command = {
	.name = "migrate",
	.args = "[--dir DIR] [up [N] | down [N|all] [--yes] | status]",
	.summary = "bring the database's schema up to date, or take it back",
	.help = "Applies the migrations that the database does not have yet, "
		"each in one\n"
		"transaction.\n"
		"\n"
		"  up [N]        the next N, by default all\n"
		"  down [N|all]  take back the last N, by default 1: says what "
		"is lost for good,\n"
		"                and does it only with --yes\n"
		"  -y, --yes     lose it\n"
		"  status        list them; exits with 3 when something is "
		"pending\n"
		"  -d, --dir DIR where the files are (default: "
		"$PGFEED_MIGRATIONS, else\n"
		"                " MIGRATIONSDIR ")\n"
		"\n"
		"Run it as a role that may create a schema in the database. If "
		"that role may\n"
		"also create roles, the groups pgfeed_stream and pgfeed_post "
		"are made.",
	.run = run,
};
