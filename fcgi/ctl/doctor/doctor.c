/*
 * doctor.c - "pgfeed doctor": checks everything that pgfeed depends on.
 *
 * Each finding is one line: the subject and, if the finding is bad, the remedy.
 * The command changes nothing.
 */
#include <getopt.h>
#include <poll.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ctl/ctl.h"
#include "pg/db.h"
#include "ctl/doctor/doctor.h"

#define ECHO_WAIT_MS  2000
#define QUEUE_ALARM   0.01
#define CLOCK_ALARM_S 1.0
#define LATE_S        3600 /* gateways do each duty of retention every minute */
#define LONG_S        360 /* longer than the usual limits of 40, 60 and 300 s */

void
doctor_say(struct doctor *d, enum finding f, const char *fmt, ...)
{
	static const char *const words[] = {
		[WELL] = "ok",
		[WARN] = "warning",
		[ILL] = "ERROR",
	};
	va_list ap;

	d->warnings += f == WARN;
	d->errors += f == ILL;
	if (d->quiet)
		return;
	printf("%-8s %s: ", words[f], d->section);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	fflush(stdout);
}

void
doctor_look_at(struct doctor *d, const char *what)
{
	snprintf(d->section, sizeof(d->section), "%s", what);
}

/* --- the database */

/* Returns one text for free(), or NULL after a finding about the failure. */
static char *
ask(struct doctor *d, PGconn *db, const char *sql)
{
	struct buf err = BUF_INIT;
	PGresult *r = db_query(db, sql, 0, NULL, &err);
	char *s = NULL;

	if (r == NULL)
		doctor_say(d, ILL, "%s", err.data);
	else if (PQntuples(r) > 0)
		s = strdup(PQgetvalue(r, 0, 0));
	PQclear(r);
	buf_fini(&err);
	return s;
}

/*
 * Rings the doorbell on another connection and waits for it on this one. A
 * pooler in transaction mode accepts LISTEN and forgets it; on one connection,
 * LISTEN would even seem to work.
 */
static void
look_at_listen(
    struct doctor *d, PGconn *db, const char *conninfo, const char *user)
{
	char channel[64], sql[256];
	struct buf err = BUF_INIT;
	PGconn *other = NULL;
	int64_t began, left;
	bool heard = false;

	snprintf(channel, sizeof(channel), "pgfeed_doctor_%d_%u", (int)getpid(),
	    random_between(0, UINT32_MAX - 1));
	snprintf(sql, sizeof(sql), "LISTEN %s", channel);
	if (!db_exec(db, sql, &err)) {
		doctor_say(d, ILL, "LISTEN failed: %s", err.data);
		goto out;
	}
	other = ctl_connect_any(conninfo, user, &err);
	snprintf(sql, sizeof(sql), "NOTIFY %s", channel);
	began = now_ms();
	if (other == NULL || !db_exec(other, sql, &err)) {
		doctor_say(d, ILL, "NOTIFY failed: %s", err.data);
		goto out;
	}
	while (!heard && (left = began + ECHO_WAIT_MS - now_ms()) > 0) {
		struct pollfd p = { .fd = PQsocket(db), .events = POLLIN };
		PGnotify *n;

		while ((n = PQnotifies(db)) != NULL) {
			heard |= strcmp(n->relname, channel) == 0;
			PQfreemem(n);
		}
		if (!heard && poll(&p, 1, (int)left) > 0 &&
		    PQconsumeInput(db) == 0)
			break;
	}
	if (heard)
		doctor_say(d, WELL, "NOTIFY arrives within %lld ms",
		    (long long)(now_ms() - began));
	else
		doctor_say(d, ILL,
		    "a NOTIFY does not arrive: is there a pooler in between (PgBouncer in transaction mode)? Connect to the server itself");
out:
	PQfinish(other);
	buf_fini(&err);
}

static void
look_at_server(struct doctor *d, PGconn *db)
{
	char *s;

	s = ask(d, db, "SELECT pg_notification_queue_usage()");
	if (s != NULL && atof(s) > QUEUE_ALARM)
		doctor_say(d, WARN,
		    "the notification queue is %.0f %% full: a session that listens stays in a transaction, see pg_stat_activity",
		    100 * atof(s));
	else if (s != NULL)
		doctor_say(d, WELL, "the notification queue is empty enough");
	free(s);

	s = ask(d, db, "SELECT pg_is_in_recovery()");
	if (s != NULL && strcmp(s, "t") == 0)
		doctor_say(d, ILL,
		    "this is a standby, which can neither LISTEN nor NOTIFY: add target_session_attrs=read-write to the connection string");
	free(s);

	s = ask(d, db, "SELECT extract(epoch FROM clock_timestamp())");
	if (s != NULL) {
		double off = atof(s) - (double)wall_us() / 1e6;

		if (off > CLOCK_ALARM_S || off < -CLOCK_ALARM_S)
			doctor_say(d, WARN,
			    "the server's clock is %.1f s off this machine's: latencies are measured wrongly, is ntp running?",
			    off);
		else
			doctor_say(d, WELL, "the clocks agree");
	}
	free(s);

	s = ask(d, db, "SELECT current_setting('fsync')");
	if (s != NULL && strcmp(s, "on") != 0)
		doctor_say(d, WARN,
		    "fsync is off: after a crash of the machine, events that were seen may be gone and their ids used again");
	free(s);
}

/* Returns whether further checks make sense. */
static bool
look_at_schema(struct doctor *d, PGconn *db)
{
	struct buf err = BUF_INIT;
	int version = db_schema_version(db, &err);

	if (version == -1)
		doctor_say(d, ILL, "could not read the schema's version: %s",
		    err.data);
	else if (version == 0)
		doctor_say(d, ILL,
		    "there is no pgfeed schema: run \"pgfeed migrate\"");
	else if (version < DB_SCHEMA_VERSION)
		doctor_say(d, ILL,
		    "the schema is at %d, needed is %d: run \"pgfeed migrate\"",
		    version, DB_SCHEMA_VERSION);
	else
		doctor_say(d, WELL, "the schema is at version %d", version);
	buf_fini(&err);
	return version >= DB_SCHEMA_VERSION;
}

static void
look_at_rules(struct doctor *d, PGconn *db, const char *program)
{
	const char *values[] = { program };
	struct buf err = BUF_INIT;
	PGresult *r;

	r = db_query(db, "SELECT ok, must, detail FROM pgfeed.check($1)", 1,
	    values, &err);
	if (r == NULL)
		doctor_say(d, ILL, "%s", err.data);
	for (int i = 0; r != NULL && i < PQntuples(r); i++) {
		enum finding f = PQgetvalue(r, i, 1)[0] == 't' ? ILL : WARN;

		if (PQgetvalue(r, i, 0)[0] == 't')
			f = WELL;
		/* Report good findings about the schema once, for the owner. */
		if (f != WELL || strcmp(program, "owner") == 0 ||
		    strstr(PQgetvalue(r, i, 2), " may ") != NULL)
			doctor_say(d, f, "%s", PQgetvalue(r, i, 2));
	}
	PQclear(r);
	buf_fini(&err);
}

/* Checks that a gateway, or "pgfeed prune", has done each duty recently. */
static void
look_at_retention(struct doctor *d, PGconn *db)
{
	const char *values[] = { d->config->retention > 0 ? "t" : "f" };
	struct buf err = BUF_INIT;
	PGresult *r;
	bool late = false;

	r = db_query(db,
	    "SELECT name, extract(epoch FROM clock_timestamp() - done)::bigint"
	    " FROM pgfeed.duty WHERE name <> 'prune' OR $1",
	    1, values, &err);
	if (r == NULL)
		doctor_say(d, ILL, "%s", err.data);
	for (int i = 0; r != NULL && i < PQntuples(r); i++) {
		long long s = atoll(PQgetvalue(r, i, 1));

		if (s < LATE_S)
			continue;
		late = true;
		doctor_say(d, WARN,
		    "history: the duty \"%s\" was last done %lld min ago: is pgfeed-stream running, or does a transaction stay open (\"pgfeed status\")?",
		    PQgetvalue(r, i, 0), s / 60);
	}
	if (r != NULL && !late)
		doctor_say(d, WELL, "history is looked after");
	PQclear(r);
	buf_fini(&err);
}

/*
 * Returns the user of the operating system that a program runs as, the owner of
 * its socket, for free(); NULL without a socket.
 */
static char *
user_of(const char *socket_path)
{
	const struct passwd *pw;
	struct stat st;

	if (stat(socket_path, &st) == -1)
		return NULL;
	pw = getpwuid(st.st_uid);
	return pw != NULL ? strdup(pw->pw_name) : NULL;
}

/*
 * Checks the database as the given user of the operating system, which root
 * becomes for peer authentication. Only root can become another user.
 */
static void
look_at_database(struct doctor *d, const char *title, const char *program,
    const char *conninfo, const char *user)
{
	struct buf err = BUF_INIT;
	int64_t began = now_ms();
	PGconn *db;

	doctor_look_at(d, title);
	db = ctl_connect_any(conninfo, user, &err);
	if (db == NULL) {
		doctor_say(d, ILL, "could not connect: %s%s", err.data,
		    geteuid() != 0 ? " (run this as root, who can connect as the programs do)"
				   : "");
		buf_fini(&err);
		return;
	}
	buf_fini(&err);
	doctor_say(d, WELL,
	    "connected to \"%s\" as \"%s\" in %lld ms, PostgreSQL %s", PQdb(db),
	    PQuser(db), (long long)(now_ms() - began),
	    PQparameterStatus(db, "server_version"));
	if (strcmp(program, "owner") == 0)
		look_at_server(d, db);
	if (strcmp(program, "post") == 0)
		/* the user cannot read the version */
		look_at_rules(d, db, program);
	else if (look_at_schema(d, db)) {
		look_at_rules(d, db, program);
		if (strcmp(program, "stream") == 0)
			look_at_retention(d, db);
	}
	if (strcmp(program, "stream") == 0)
		look_at_listen(d, db, conninfo, user);
	PQfinish(db);
}

static int
run(const struct command *self, struct ctl *ctl, int argc, char **argv)
{
	static const struct option options[] = {
		{ "long", optional_argument, NULL, 'l' },
		{ "token", required_argument, NULL, 't' },
		{ "topic", required_argument, NULL, 'T' },
		{ "url", required_argument, NULL, 'u' },
		{ "user", required_argument, NULL, 'U' },
		{ NULL, 0, NULL, 0 },
	};
	const struct config *c = &ctl->config;
	struct doctor d = { .config = c, .topic = "public/doctor" };
	const char *url = NULL;
	char *users[2]; /* users that the programs run as */
	int opt, long_s = 0;

	while ((opt = getopt_long(argc, argv, "l::u:", options, NULL)) != -1) {
		switch (opt) {
		case 'l':
			long_s = optarg == NULL ? LONG_S : atoi(optarg);
			if (long_s <= 0)
				return ctl_misuse(self, "--long takes seconds");
			break;
		case 't':
			d.token = optarg;
			break;
		case 'T':
			d.topic = optarg;
			break;
		case 'u':
			url = optarg;
			break;
		case 'U':
			d.user = optarg;
			break;
		default:
			return ctl_misuse(self, "wrong option");
		}
	}
	if (url == NULL && optind < argc)
		url = argv[optind++];
	if (optind < argc)
		return ctl_misuse(self, "it takes one URL");
	if (long_s > 0 && url == NULL)
		return ctl_misuse(self, "--long needs a URL");
	look_at_database(&d, "database", "owner", c->database,
	    getpwnam(CTL_OWNER) != NULL ? CTL_OWNER : "postgres");
	users[0] = user_of(c->stream_socket);
	look_at_database(&d, "stream_database", "stream",
	    config_database(c, c->stream_database), users[0]);
	users[1] = user_of(c->post_socket);
	look_at_database(&d, "post_database", "post",
	    config_database(c, c->post_database), users[1]);
	if (*c->cgi_log != '\0') {
		doctor_look_at(&d, "pgfeed-cgi");
		doctor_say(&d, WELL,
		    "plain CGI, as cgi_log is set: a request starts what it needs; --url sees whether that works");
	} else {
		doctor_socket(&d, "pgfeed-stream", c->stream_socket);
		doctor_socket(&d, "pgfeed-post", c->post_socket);
	}
	doctor_config(&d, (const char *const *)users);
	doctor_host(&d);
	if (url != NULL)
		doctor_url(&d, url, long_s);
	free(users[0]);
	free(users[1]);
	printf("\n%d errors, %d warnings\n", d.errors, d.warnings);
	return d.errors > 0 ? EXIT_NO : 0;
}

const struct command doctor_command = {
	.name = "doctor",
	.args = "[[--url] URL [--topic TOPIC] [--token TOKEN | --user "
		"NAME:PASSWORD] [--long[=SECONDS]]]",
	.summary = "look for what is wrong, and say what to do",
	.help = "Connects to the database as each of the programs would, checks the schema\n"
		"and the settings that the order of events depends on, rings a bell and waits\n"
		"for it, and looks whether the sockets are served and open to the web server.\n"
		"It exits with 3 when there is an error.\n"
		"\n"
		"  -u, --url URL  also go the way of a browser, through the web server:\n"
		"                 https://www.example.org/events. Publishes some events to a\n"
		"                 topic below --topic; otherwise it changes nothing\n"
		"      --topic TOPIC  below which the events go (default: "
		"public/doctor)\n"
		"      --token TOKEN  a JSON web token that says who this is\n"
		"      --user NAME:PASSWORD  the same for the web server's "
		"basic authentication\n"
		"  -l, --long[=SECONDS]\n"
		"                 also hold a silent stream, for six minutes "
		"or so long, to\n"
		"                 see whether something on the way cuts it",
	.run = run,
};
