/*
 * setup.c - "pgfeed setup": prepares a database and the configuration.
 *
 * The server computes the statements that are missing (PLAN below), so a second
 * run finds nothing to do. The command prints every statement before running
 * it. With --dry-run it only prints them.
 *
 * Roles: pgfeed owns the schema. pgfeed-stream and pgfeed-post are the roles of
 * the gateways, members of the groups pgfeed_stream and pgfeed_post. Each role
 * has the name of a user of the operating system, so that peer authentication
 * works without a password.
 */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "ctl/ctl.h"
#include "ctl/doctor/doctor.h"
#include "ctl/setup/config_file.h"
#include "pg/db.h"

struct setup {
	struct ctl *ctl;
	PGconn *db;
	const char *path; /* path of the configuration file */
	bool dry_run;
	bool changed; /* the configuration file has changed */
};

/* $1 is the owner of the schema. */
#define PLAN                                                                    \
	"WITH role (name, login, of) AS (VALUES"                                \
	"  ('pgfeed_stream', 'NOLOGIN', NULL),"                                 \
	"  ('pgfeed_post', 'NOLOGIN', NULL),"                                   \
	"  ($1, 'LOGIN', NULL),"                                                \
	"  ('pgfeed-stream', 'LOGIN', 'pgfeed_stream'),"                        \
	"  ('pgfeed-post', 'LOGIN', 'pgfeed_post')),"                           \
	" wanted AS (SELECT role.*, r.oid FROM role"                            \
	"  LEFT JOIN pg_roles r ON r.rolname = role.name)"                      \
	"SELECT 1, format('CREATE ROLE %I %s', name, login) FROM wanted"        \
	" WHERE oid IS NULL "                                                   \
	"UNION ALL "                                                            \
	"SELECT 2, format('GRANT %I TO %I', of, name) FROM wanted w"            \
	" WHERE of IS NOT NULL AND NOT EXISTS (SELECT FROM pg_auth_members m"   \
	"  JOIN pg_roles g ON g.oid = m.roleid"                                 \
	"  WHERE g.rolname = w.of AND m.member = w.oid) "                       \
	"UNION ALL "                                                            \
	"SELECT 3, format('GRANT %I TO %I', name, current_user) FROM wanted"    \
	" WHERE name = $1 AND NOT coalesce(pg_has_role(oid, 'MEMBER'), (SELECT" \
	"  rolsuper FROM pg_roles WHERE rolname = current_user)) "              \
	"UNION ALL "                                                            \
	"SELECT 4, format('GRANT CREATE ON DATABASE %I TO %I',"                 \
	"  current_database(), name) FROM wanted WHERE name = $1 AND NOT"       \
	"  coalesce(has_database_privilege(oid, current_database(),"            \
	"  'CREATE'), false) "                                                  \
	"UNION ALL "                                                            \
	"SELECT 5, format('GRANT CONNECT ON DATABASE %I TO %I',"                \
	"  current_database(), name) FROM wanted WHERE login = 'LOGIN' AND NOT" \
	"  coalesce(has_database_privilege(oid, current_database(),"            \
	"  'CONNECT'), has_database_privilege('public', current_database(),"    \
	"  'CONNECT')) "                                                        \
	"ORDER BY 1"

/* Returns one text for free(), or NULL after a message. */
static char *
query_text(struct setup *s, const char *sql)
{
	PGresult *r = PQexec(s->db, sql);
	char *text;

	if (PQresultStatus(r) != PGRES_TUPLES_OK) {
		ctl_fail_db(s->db, r, "could not read the database's catalog");
		return NULL;
	}
	text = strdup(PQntuples(r) > 0 ? PQgetvalue(r, 0, 0) : "");
	PQclear(r);
	return text;
}

static int
run_statement(struct setup *s, const char *sql)
{
	PGresult *r;

	printf("%s;\n", sql);
	fflush(stdout);
	if (s->dry_run)
		return 0;
	r = PQexec(s->db, sql);
	if (PQresultStatus(r) != PGRES_COMMAND_OK &&
	    PQresultStatus(r) != PGRES_TUPLES_OK)
		return ctl_fail_db(s->db, r, sql);
	PQclear(r);
	return 0;
}

/* Creates the missing roles and grants. */
static int
prepare_roles(struct setup *s, const char *owner)
{
	const char *values[] = { owner };
	char *may = NULL;
	int rc = 1;
	PGresult *r;

	r = PQexecParams(s->db, PLAN, 1, NULL, values, NULL, NULL, 0);
	if (PQresultStatus(r) != PGRES_TUPLES_OK)
		return ctl_fail_db(s->db, r, "could not read the roles");
	may = query_text(s, "SELECT rolsuper OR rolcreaterole FROM pg_roles"
			    " WHERE rolname = current_user");
	if (may == NULL)
		goto out;
	if (PQntuples(r) > 0 && *may != 't' && !s->dry_run) {
		printf("-- a role that may create roles has to run:\n");
		for (int i = 0; i < PQntuples(r); i++)
			printf("%s;\n", PQgetvalue(r, i, 1));
		ctl_fail("role \"%s\" may not create roles: let somebody run the statements above in database \"%s\", then run this again",
		    PQuser(s->db), PQdb(s->db));
		goto out;
	}
	rc = 0;
	for (int i = 0; rc == 0 && i < PQntuples(r); i++)
		rc = run_statement(s, PQgetvalue(r, i, 1));
out:
	free(may);
	PQclear(r);
	return rc;
}

/* Applies the migrations as the owner. */
static int
prepare_schema(struct setup *s, const char *owner)
{
	char *quoted = PQescapeIdentifier(s->db, owner, strlen(owner));
	struct buf sql = BUF_INIT;
	int rc = 1;

	if (quoted == NULL)
		return ctl_fail("out of memory");
	buf_addf(&sql, "SET ROLE %s", quoted);
	PQfreemem(quoted);
	if (buf_failed(&sql)) {
		ctl_fail("out of memory");
		goto out;
	}
	if (run_statement(s, sql.data) != 0)
		goto out;
	printf("-- pgfeed migrate up\n");
	if (!s->dry_run && ctl_migrate_up(s->db) != 0)
		goto out;
	rc = run_statement(s, "SELECT pgfeed.grant_roles()");
out:
	buf_fini(&sql);
	return rc;
}

static int
prepare_database(struct setup *s)
{
	/*
	 * The migrations open the topics of pgfeed's own pages; this closes
	 * them.
	 */
	static const char close_topics[] =
	    "DELETE FROM pgfeed.access WHERE pattern <> 'public/*'";
	char *owner;
	int rc;

	owner =
	    query_text(s, "SELECT pg_get_userbyid(nspowner) FROM pg_namespace"
			  " WHERE nspname = 'pgfeed'");
	if (owner == NULL)
		return 1;
	rc = prepare_roles(s, *owner != '\0' ? owner : CTL_OWNER);
	if (rc == 0)
		rc = prepare_schema(s, *owner != '\0' ? owner : CTL_OWNER);
	if (rc == 0 && *owner == '\0')
		rc = run_statement(s, close_topics);
	free(owner);
	return rc;
}

/* --- the configuration */

/* Sets an option of the file and prints the result. Returns 0 or 1. */
static int
write_option(struct setup *s, const char *name, const char *value)
{
	switch (config_file_set(s->path, name, value, s->dry_run)) {
	case CONFIG_FILE_SET:
		printf("-- %s: %s = %s\n", s->path, name, value);
		s->changed = !s->dry_run;
		return 0;
	case CONFIG_FILE_SAME:
		printf("-- %s has this %s already\n", s->path, name);
		return 0;
	case CONFIG_FILE_OTHER:
		return ctl_fail(
		    "%s has another value of %s than \"%s\": change it there and run this again",
		    s->path, name, value);
	case CONFIG_FILE_DENIED:
		printf("-- as root, set in %s:\n--     %s = %s\n", s->path,
		    name, value);
		return 0;
	case CONFIG_FILE_FAILED:
		break;
	}
	return ctl_fail("could not write \"%s\": %s", s->path, strerror(errno));
}

/*
 * Sets max_streams to three quarters of the streams that the web servers of
 * this machine carry, as streams take workers or descriptors from the rest of
 * the site.
 */
static int
limit_streams(struct setup *s)
{
	struct doctor d = { .config = &s->ctl->config, .quiet = true };
	char value[24];

	doctor_host(&d);
	if (d.room == 0)
		return 0;
	snprintf(value, sizeof(value), "%lld", (long long)d.room);
	return write_option(s, "max_streams", value);
}

/* Warns of running gateways, which have read the old configuration. */
static void
restart_gateways(void)
{
	int status;
	pid_t pid;

	if (geteuid() != 0 || access("/run/systemd/system", F_OK) == -1)
		return;
	printf("-- systemctl try-restart pgfeed-stream pgfeed-post\n");
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		execlp("systemctl", "systemctl", "try-restart",
		    "pgfeed-stream.service", "pgfeed-post.service",
		    (char *)NULL);
		_exit(127);
	}
	if (pid > 0)
		waitpid(pid, &status, 0);
}

/* Turns a name of a database ("shop") into a connection string. */
static void
add_conninfo(struct buf *b, const char *database)
{
	if (strchr(database, '=') != NULL || strstr(database, "://") != NULL) {
		buf_addstr(b, database);
		return;
	}
	buf_addstr(b, "dbname=");
	if (database[strspn(database,
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
		"0123456789_-.")] == '\0') {
		buf_addstr(b, database);
		return;
	}
	buf_addc(b, '\'');
	for (; *database != '\0'; database++) {
		if (*database == '\'' || *database == '\\')
			buf_addc(b, '\\');
		buf_addc(b, *database);
	}
	buf_addc(b, '\'');
}

/* Checks for a Unix socket on this machine, which peer authentication needs. */
static void
explain_remote(struct setup *s)
{
	const char *host = PQhost(s->db);

	if (host == NULL || *host == '\0' || *host == '/')
		return;
	printf("-- the server is reached at %s, where peer authentication does "
	       "not work: give\n"
	       "-- the roles pgfeed-stream and pgfeed-post passwords, and name "
	       "them in\n"
	       "-- stream_database and post_database (see pgfeed.conf(5))\n",
	    host);
}

static int
load_config(struct setup *s)
{
	char err[512];

	if (config_load(
		&s->ctl->config, s->ctl->config_path, err, sizeof(err)) == -1)
		return ctl_fail("%s", err);
	return 0;
}

static int
check_config(struct setup *s)
{
	static char name[] = "check-config", quiet[] = "--quiet";
	char *argv[] = { name, quiet, NULL };

	printf("-- pgfeed check-config\n");
	fflush(stdout);
	config_free(&s->ctl->config);
	if (load_config(s) != 0)
		return 1;
	optind = 0;
	return check_config_command.run(&check_config_command, s->ctl, 2, argv);
}

/* Updates the configuration, as far as this user may read and write it. */
static int
prepare_config(struct setup *s, const char *database)
{
	if (write_option(s, "database", database) != 0)
		return 1;
	if (s->dry_run || access(s->path, R_OK) == -1)
		return 0;
	if (load_config(s) != 0 || limit_streams(s) != 0)
		return 1;
	if (s->changed)
		restart_gateways();
	return check_config(s);
}

static int
run(const struct command *self, struct ctl *ctl, int argc, char **argv)
{
	static const struct option options[] = {
		{ "database", required_argument, NULL, 'd' },
		{ "dry-run", no_argument, NULL, 'n' },
		{ NULL, 0, NULL, 0 },
	};
	struct setup s = { .ctl = ctl, .path = ctl->config_path };
	struct buf conninfo = BUF_INIT, err = BUF_INIT;
	const char *database = NULL;
	int opt, rc = 1;

	while ((opt = getopt_long(argc, argv, "d:n", options, NULL)) != -1) {
		switch (opt) {
		case 'd':
			database = optarg;
			break;
		case 'n':
			s.dry_run = true;
			break;
		default:
			return ctl_misuse(self, "wrong option");
		}
	}
	if (optind < argc)
		return ctl_misuse(self, "it takes no argument");
	if (database == NULL || *database == '\0')
		return ctl_misuse(self, "which database? --database NAME");
	if (s.path == NULL)
		s.path = getenv("PGFEED_CONF");
	if (s.path == NULL)
		s.path = SYSCONFDIR "/pgfeed/pgfeed.conf";
	add_conninfo(&conninfo, database);
	if (buf_failed(&conninfo)) {
		ctl_fail("out of memory");
		goto out;
	}
	s.db = ctl_connect_any(conninfo.data, "postgres", &err);
	if (s.db == NULL) {
		ctl_fail("could not connect to the database: %s", err.data);
		goto out;
	}
	printf("-- database \"%s\" as \"%s\"\n", PQdb(s.db), PQuser(s.db));
	if (prepare_database(&s) != 0)
		goto out;
	explain_remote(&s);
	rc = prepare_config(&s, conninfo.data);
out:
	PQfinish(s.db);
	buf_fini(&conninfo);
	buf_fini(&err);
	return rc;
}

const struct command setup_command = {
	.name = "setup",
	.args = "--database NAME [--dry-run]",
	.summary = "make a database and the configuration ready",
	.help = "Creates the roles and the schema in a database that exists, "
		"and names the\n"
		"database in the configuration. Prints every statement, asks "
		"nothing, and does\n"
		"nothing twice. In a new schema only the topics public/* are "
		"open to everybody.\n"
		"Run it as root, which connects as \"postgres\", "
		"or as a role that\n"
		"may create roles; another role is told what somebody must "
		"run.\n"
		"\n"
		"  -d, --database NAME  the database, or a connection string\n"
		"  -n, --dry-run        print the statements, change nothing",
	.run = run,
	.reads_config = true,
};
