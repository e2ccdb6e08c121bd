/*
 * status.c - "pgfeed status": prints the state of the feed in the database.
 */
#include <stdlib.h>
#include <string.h>

#include "ctl/ctl.h"

/*
 * One line each: a title and SQL that gives one text. The newest event is the
 * one with the highest id, since no index has the time.
 */
static const struct {
	const char *title, *sql;
} lines[] = {
	{ "database",
	    "SELECT format('%s on PostgreSQL %s%s', current_database(),"
	    " current_setting('server_version'),"
	    " CASE WHEN pg_is_in_recovery() THEN ', a standby' ELSE '' END)" },
	{ "schema",
	    "SELECT format('%s, applied %s', name, date_trunc('second', at))"
	    " FROM pgfeed.migration ORDER BY version DESC LIMIT 1" },
	{ "ids", "SELECT format('%s drawn, kept from %s on, finished up to %s',"
		 " CASE WHEN is_called THEN last_value ELSE 0 END, oldest, low)"
		 " FROM pgfeed.event_id_seq, pgfeed.mark" },
	{ "newest",
	    "SELECT coalesce((SELECT format('id %s, %s ago, topic %s', id,"
	    " date_trunc('second', clock_timestamp() - at), topic)"
	    " FROM pgfeed.event ORDER BY id DESC LIMIT 1), 'no event yet')" },
	{ "oldest",
	    "SELECT coalesce((SELECT format('id %s, %s ago', id,"
	    " date_trunc('second', clock_timestamp() - at))"
	    " FROM pgfeed.event WHERE id >= (SELECT oldest FROM pgfeed.mark)"
	    " ORDER BY id LIMIT 1), 'no event')" },
	{ "partitions",
	    "SELECT format('%s, %s ids before the last one, %s on disk',"
	    " count(*), max(p.low) - max(s.last_value),"
	    " pg_size_pretty(sum(pg_total_relation_size(p.rel))))"
	    " FROM pgfeed.partition p, pgfeed.event_id_seq s" },
	{ "keys", "SELECT format('about %s', greatest(reltuples, 0)::bigint)"
		  " FROM pg_class WHERE oid = 'pgfeed.key'::regclass" },
	{ "timelines",
	    "SELECT coalesce(string_agg(format('%s from id %s', tli, first_id),"
	    " ', ' ORDER BY tli), 'none recorded') FROM pgfeed.epoch" },
	{ "queue", "SELECT format('%s %% full', round(100 *"
		   " pg_notification_queue_usage()::numeric, 2))" },
	{ "gateways",
	    "SELECT format('%s listening', count(*)) FROM pg_stat_activity"
	    " WHERE application_name = 'pgfeed/stream'"
	    " AND datname = current_database()" },
};

/* Transactions that hold unseen ids, the longest first. */
static const char holders[] =
    "SELECT coalesce('pid ' || h.pid, 'prepared transaction'),"
    " coalesce(a.usename, '?'), coalesce(nullif(a.application_name, ''), '?'),"
    " coalesce(a.state, '?'),"
    " coalesce(date_trunc('second', clock_timestamp() - a.xact_start)::text,"
    "  'unknown time')"
    " FROM pgfeed.holder h LEFT JOIN pg_stat_activity a USING (pid)"
    " ORDER BY a.xact_start LIMIT 20";

/*
 * Prints text as one line, without control characters that a topic's name may
 * have.
 */
static void
print_line(const char *title, const char *text)
{
	char plain[8192];

	text_escape(plain, sizeof(plain), text, strlen(text));
	printf("%-11s %s\n", title, plain);
}

static void
print_holder(const PGresult *r, int i)
{
	char text[1024];

	snprintf(text, sizeof(text), "%s, user %s, %s, %s, for %s",
	    PQgetvalue(r, i, 0), PQgetvalue(r, i, 1), PQgetvalue(r, i, 2),
	    PQgetvalue(r, i, 3), PQgetvalue(r, i, 4));
	print_line("", text);
}

static int
run(const struct command *self, struct ctl *ctl, int argc, char **argv)
{
	PGconn *db;
	PGresult *r;

	if (argc > 1)
		return ctl_misuse(self, "it takes no argument");
	db = ctl_connect_schema(ctl);
	if (db == NULL)
		return 1;
	for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
		r = PQexec(db, lines[i].sql);
		if (PQresultStatus(r) != PGRES_TUPLES_OK || PQntuples(r) != 1) {
			int rc = ctl_fail_db(db, r, lines[i].title);

			PQfinish(db);
			return rc;
		}
		print_line(lines[i].title, PQgetvalue(r, 0, 0));
		PQclear(r);
	}
	r = PQexec(db, holders);
	if (PQresultStatus(r) != PGRES_TUPLES_OK) {
		int rc = ctl_fail_db(db, r, "writers");

		PQfinish(db);
		return rc;
	}
	printf("%-11s %d in a transaction\n", "writers", PQntuples(r));
	for (int i = 0; i < PQntuples(r); i++)
		print_holder(r, i);
	PQclear(r);
	PQfinish(db);
	return 0;
}

const struct command status_command = {
	.name = "status",
	.args = "",
	.summary = "print how the feed stands",
	.help = "Prints the schema's version, the ids, how old the history is, "
		"the partitions,\n"
		"how full the server's notification queue is, and which "
		"transactions are\n"
		"writing events right now.\n"
		"\n"
		"  ids         the highest id drawn; the oldest one kept; and "
		"up to where a\n"
		"              gateway has found every id committed or dead\n"
		"  queue       PostgreSQL fails every NOTIFY at 100 %: a "
		"session that listens\n"
		"              and stays in a transaction holds it up",
	.run = run,
};
