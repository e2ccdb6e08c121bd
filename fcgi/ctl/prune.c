/*
 * prune.c - "pgfeed prune": removes old events now.
 *
 * A gateway does the same every now and then; this command does all of it at
 * once.
 * Each step is a transaction of its own: the watermark must be committed before
 * rows are removed (see 0004_retention.up.sql).
 */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl/ctl.h"

#define BUSY_TRIES 30

/* Returns the row of a query with one parameter, or NULL after a message. */
static PGresult *
query(PGconn *db, const char *sql, const char *value)
{
	PGresult *r;

	r = PQexecParams(
	    db, sql, value != NULL ? 1 : 0, NULL, &value, NULL, NULL, 0);
	if (PQresultStatus(r) == PGRES_TUPLES_OK && PQntuples(r) == 1)
		return r;
	ctl_fail_db(db, r, "could not prune");
	return NULL;
}

static int
sweep(PGconn *db)
{
	long long partitions = 0, rows = 0, n;
	int busy = 0;
	bool more = true;
	PGresult *r;

	while (more) {
		r = query(db,
		    "SELECT more, partitions, rows FROM pgfeed.prune_sweep()",
		    NULL);
		if (r == NULL)
			return 1;
		more = PQgetvalue(r, 0, 0)[0] == 't';
		partitions += n = atoll(PQgetvalue(r, 0, 1));
		rows += atoll(PQgetvalue(r, 0, 2));
		n += atoll(PQgetvalue(r, 0, 2));
		PQclear(r);
		if (more && n == 0 && ++busy == BUSY_TRIES)
			return ctl_fail("the table is in use by a long transaction, try again later: \"pgfeed status\" shows who");
		if (more && n == 0)
			sleep(1);
	}
	printf(
	    "removed: %lld partitions, %lld single events\n", partitions, rows);
	return 0;
}

static int
prune_events(PGconn *db, const char *age)
{
	PGresult *r;
	bool raised;

	do { /* one call reads some 100,000 events */
		r = query(db,
		    "SELECT pgfeed.prune_mark(make_interval(secs => $1), true)",
		    age);
		if (r == NULL)
			return 1;
		raised = !PQgetisnull(r, 0, 0);
		PQclear(r);
	} while (raised);
	r = query(db, "SELECT oldest FROM pgfeed.mark", NULL);
	if (r == NULL)
		return 1;
	printf("oldest:  %s\n", PQgetvalue(r, 0, 0));
	PQclear(r);
	return sweep(db);
}

static int
prune_keys(PGconn *db, const char *age)
{
	long long keys = 0, n;
	PGresult *r;

	do {
		r = query(db,
		    "SELECT pgfeed.expire_keys(make_interval(secs => $1))",
		    age);
		if (r == NULL)
			return 1;
		keys += n = atoll(PQgetvalue(r, 0, 0));
		PQclear(r);
	} while (n > 0);
	printf("keys:    %lld forgotten\n", keys);
	return 0;
}

static int
run(const struct command *self, struct ctl *ctl, int argc, char **argv)
{
	static const struct option options[] = {
		{ "age", required_argument, NULL, 'a' },
		{ NULL, 0, NULL, 0 },
	};
	double seconds = (double)ctl->config.retention / 1000;
	char age[32], key_age[32];
	PGconn *db;
	int opt, rc = 0;

	while ((opt = getopt_long(argc, argv, "a:", options, NULL)) != -1) {
		if (opt != 'a')
			return ctl_misuse(self, "wrong option");
		if (ctl_parse_age(optarg, &seconds) == -1 || seconds <= 0)
			return ctl_misuse(self,
			    "\"%s\" is not an age such as 90s, 12h or 7d",
			    optarg);
	}
	if (optind < argc)
		return ctl_misuse(self, "it takes no argument");
	snprintf(age, sizeof(age), "%.3f", seconds);
	snprintf(key_age, sizeof(key_age), "%.3f",
	    (double)ctl->config.key_age / 1000);

	db = ctl_connect_schema(ctl);
	if (db == NULL)
		return 1;
	if (seconds > 0)
		rc = prune_events(db, age);
	else
		puts("events are kept for ever (retention = 0), see --age");
	if (rc == 0)
		rc = prune_keys(db, key_age);
	PQfinish(db);
	return rc;
}

const struct command prune_command = {
	.name = "prune",
	.args = "[--age AGE]",
	.summary = "remove events older than the retention, and expired keys",
	.help = "Does at once what pgfeed-stream does by and by: events older "
		"than AGE go, and\n"
		"clients that come back from before then are told so "
		"(pgfeed.gap). Ids that\n"
		"a running transaction may still fill are left alone. It can "
		"run beside\n"
		"everything else.\n"
		"\n"
		"  -a, --age AGE  90s, 12h, 7d (default: the option retention)",
	.run = run,
};
