/*
 * doctor.c - "pgfeed doctor": looks at everything that pgfeed depends on.
 *
 * Each finding is one line: what was looked at and, when it is not well, what
 * to do. It changes nothing.
 */
#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <poll.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "ctl.h"
#include "db.h"

#define ECHO_WAIT_MS 2000
#define QUEUE_ALARM  0.01

enum finding { WELL, WARN, ILL };

struct doctor {
	const struct config *config;
	int warnings, errors;
	char section[32];
};

static void PRINTF(3, 4)
    say(struct doctor *d, enum finding f, const char *fmt, ...)
{
	static const char *const words[] = {
		[WELL] = "ok",
		[WARN] = "warning",
		[ILL] = "ERROR",
	};
	va_list ap;

	d->warnings += f == WARN;
	d->errors += f == ILL;
	printf("%-8s %s: ", words[f], d->section);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	fflush(stdout);
}

static void
look_at(struct doctor *d, const char *what)
{
	snprintf(d->section, sizeof(d->section), "%s", what);
}

/* --- the database */

/* One text, or NULL after saying what failed; for free(). */
static char *
ask(struct doctor *d, PGconn *db, const char *sql)
{
	struct buf err = BUF_INIT;
	PGresult *r = db_query(db, sql, 0, NULL, &err);
	char *s = NULL;

	if (r == NULL)
		say(d, ILL, "%s", err.data);
	else if (PQntuples(r) > 0)
		s = strdup(PQgetvalue(r, 0, 0));
	PQclear(r);
	buf_fini(&err);
	return s;
}

/*
 * Rings a bell of its own and waits for the echo. A pooler in transaction mode
 * takes LISTEN without a word and forgets it.
 */
static void
look_at_listen(struct doctor *d, PGconn *db)
{
	char channel[64], sql[256];
	struct buf err = BUF_INIT;
	int64_t began, left;
	bool heard = false;

	snprintf(channel, sizeof(channel), "pgfeed_doctor_%d_%u", (int)getpid(),
	    random_between(0, UINT32_MAX - 1));
	snprintf(sql, sizeof(sql), "LISTEN %s", channel);
	if (!db_exec(db, sql, &err)) {
		say(d, ILL, "LISTEN failed: %s", err.data);
		goto out;
	}
	snprintf(sql, sizeof(sql), "NOTIFY %s", channel);
	began = now_ms();
	if (!db_exec(db, sql, &err)) {
		say(d, ILL, "NOTIFY failed: %s", err.data);
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
		say(d, WELL, "NOTIFY comes back within %lld ms",
		    (long long)(now_ms() - began));
	else
		say(d, ILL,
		    "a NOTIFY does not come back: is there a pooler in between "
		    "(PgBouncer in transaction mode)? Connect to the server "
		    "itself");
	snprintf(sql, sizeof(sql), "UNLISTEN %s", channel);
	if (!db_exec(db, sql, &err))
		say(d, ILL, "UNLISTEN failed: %s", err.data);
out:
	buf_fini(&err);
}

static void
look_at_server(struct doctor *d, PGconn *db)
{
	char *s;

	s = ask(d, db, "SELECT pg_notification_queue_usage()");
	if (s != NULL && atof(s) > QUEUE_ALARM)
		say(d, WARN,
		    "the notification queue is %.0f %% full: a session that "
		    "listens stays in a transaction, see pg_stat_activity",
		    100 * atof(s));
	else if (s != NULL)
		say(d, WELL, "the notification queue is empty enough");
	free(s);

	s = ask(d, db, "SELECT pg_is_in_recovery()");
	if (s != NULL && strcmp(s, "t") == 0)
		say(d, ILL,
		    "this is a standby, which can neither LISTEN nor NOTIFY: "
		    "add "
		    "target_session_attrs=read-write to the connection string");
	free(s);

	s = ask(d, db, "SELECT current_setting('fsync')");
	if (s != NULL && strcmp(s, "on") != 0)
		say(d, WARN,
		    "fsync is off: after a crash of the machine, events that "
		    "were seen may be gone and their ids used again");
	free(s);
}

/* Returns whether it is worth looking further. */
static bool
look_at_schema(struct doctor *d, PGconn *db)
{
	struct buf err = BUF_INIT;
	int version = db_schema_version(db, &err);

	if (version == -1)
		say(d, ILL, "could not read the schema's version: %s",
		    err.data);
	else if (version == 0)
		say(d, ILL,
		    "there is no pgfeed schema: run \"pgfeed migrate\"");
	else if (version < DB_SCHEMA_VERSION)
		say(d, ILL,
		    "the schema is at %d, needed is %d: run "
		    "\"pgfeed migrate\"",
		    version, DB_SCHEMA_VERSION);
	else
		say(d, WELL, "the schema is at version %d", version);
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
		say(d, ILL, "%s", err.data);
	for (int i = 0; r != NULL && i < PQntuples(r); i++) {
		enum finding f = PQgetvalue(r, i, 1)[0] == 't' ? ILL : WARN;

		if (PQgetvalue(r, i, 0)[0] == 't')
			f = WELL;
		/* What is well about the schema is said once, to the owner. */
		if (f != WELL || strcmp(program, "owner") == 0 ||
		    strstr(PQgetvalue(r, i, 2), " may ") != NULL)
			say(d, f, "%s", PQgetvalue(r, i, 2));
	}
	PQclear(r);
	buf_fini(&err);
}

static void
look_at_database(struct doctor *d, const char *title, const char *program,
    const char *conninfo)
{
	struct buf err = BUF_INIT;
	int64_t began = now_ms();
	PGconn *db;

	look_at(d, title);
	db = db_connect(conninfo, "doctor", &err);
	if (db == NULL) {
		say(d, ILL, "could not connect: %s", err.data);
		buf_fini(&err);
		return;
	}
	buf_fini(&err);
	say(d, WELL, "connected to \"%s\" as \"%s\" in %lld ms, PostgreSQL %s",
	    PQdb(db), PQuser(db), (long long)(now_ms() - began),
	    PQparameterStatus(db, "server_version"));
	if (strcmp(program, "owner") == 0)
		look_at_server(d, db);
	if (strcmp(program, "post") == 0)
		look_at_rules(d, db, program); /* it can't read the version */
	else if (look_at_schema(d, db))
		look_at_rules(d, db, program);
	if (strcmp(program, "stream") == 0)
		look_at_listen(d, db);
	PQfinish(db);
}

/* --- the sockets */

static bool
may_use(const struct passwd *pw, const struct stat *st, mode_t want)
{
	gid_t groups[256];
	int n = ARRAY_LEN(groups);

	if (pw->pw_uid == 0)
		return true;
	if (pw->pw_uid == st->st_uid)
		return (st->st_mode >> 6 & want) == want;
	if (getgrouplist(pw->pw_name, pw->pw_gid, groups, &n) == -1)
		n = ARRAY_LEN(groups);
	for (int i = 0; i < n; i++) {
		if (groups[i] == st->st_gid)
			return (st->st_mode >> 3 & want) == want;
	}
	return (st->st_mode & want) == want;
}

/* Whether a user gets through every folder above path, and may write there. */
static void
look_at_user(struct doctor *d, const char *name, const char *path)
{
	const struct passwd *pw = getpwnam(name);
	char part[PATH_MAX];
	struct stat st;

	if (pw == NULL) {
		say(d, WARN, "peer_users: there is no user \"%s\" here", name);
		return;
	}
	snprintf(part, sizeof(part), "%s", path);
	for (char *slash = part; (slash = strchr(slash + 1, '/')) != NULL;) {
		*slash = '\0';
		if (stat(part, &st) == 0 && !may_use(pw, &st, 1)) {
			say(d, ILL,
			    "user \"%s\" cannot pass through \"%s\": chmod o+x "
			    "it, or put the socket elsewhere",
			    name, part);
			return;
		}
		*slash = '/';
	}
	if (stat(path, &st) == 0 && !may_use(pw, &st, 2))
		say(d, ILL,
		    "user \"%s\" may not connect to \"%s\": set socket_group "
		    "to "
		    "a group of that user",
		    name, path);
	else
		say(d, WELL, "user \"%s\" may connect", name);
}

static void
look_at_socket(struct doctor *d, const char *program, const char *path)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	struct stat st;
	int fd, rc;

	look_at(d, program);
	if (strlen(path) >= sizeof(sun.sun_path)) {
		say(d, ILL, "the path \"%s\" is too long for a socket", path);
		return;
	}
	if (stat(path, &st) == -1) {
		say(d, ILL, "there is no socket \"%s\" (%s): is %s running?",
		    path, strerror(errno), program);
		return;
	}
	if (!S_ISSOCK(st.st_mode)) {
		say(d, ILL, "\"%s\" is not a socket", path);
		return;
	}
	memcpy(sun.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	rc = fd == -1 ? -1 : connect(fd, (struct sockaddr *)&sun, sizeof(sun));
	if (rc == 0)
		say(d, WELL, "somebody listens on \"%s\"", path);
	else if (errno == ECONNREFUSED)
		say(d, ILL, "nobody listens on \"%s\": start %s", path,
		    program);
	else
		say(d, ILL, "could not connect to \"%s\": %s", path,
		    strerror(errno));
	if (fd != -1)
		close(fd);

	if ((st.st_mode & 0777) != (mode_t)d->config->socket_mode)
		say(d, WARN, "\"%s\" has mode %04o, not %04o as configured",
		    path, st.st_mode & 0777, (unsigned)d->config->socket_mode);
	if ((st.st_mode & 2) != 0)
		say(d, WARN,
		    "every user may connect to \"%s\"; only peer_users are "
		    "served",
		    path);
	for (size_t i = 0; i < d->config->peer_users.n; i++)
		look_at_user(d, d->config->peer_users.item[i], path);
}

static int
run(const struct command *self, struct ctl *ctl, int argc, char **argv)
{
	const struct config *c = &ctl->config;
	struct doctor d = { .config = c };

	if (argc > 1)
		return ctl_misuse(self, "it takes no argument");
	look_at_database(&d, "database", "owner", c->database);
	look_at_database(&d, "stream_database", "stream",
	    config_database(c, c->stream_database));
	look_at_database(
	    &d, "post_database", "post", config_database(c, c->post_database));
	look_at_socket(&d, "pgfeed-stream", c->stream_socket);
	look_at_socket(&d, "pgfeed-post", c->post_socket);
	printf("\n%d errors, %d warnings\n", d.errors, d.warnings);
	return d.errors > 0 ? EXIT_NO : 0;
}

const struct command doctor_command = {
	.name = "doctor",
	.args = "",
	.summary = "look for what is wrong, and say what to do",
	.help = "Connects to the database as each of the programs would, "
		"checks the schema\n"
		"and the settings that the order of events depends on, rings a "
		"bell and waits\n"
		"for it, and looks whether the sockets are served and open to "
		"the web server.\n"
		"It changes nothing. Exits with 3 when there is an error.",
	.run = run,
};
