/*
 * check_config.c - "pgfeed check-config": prints the effective configuration.
 */
#include <getopt.h>
#include <pwd.h>

#include "base/buf.h"
#include "ctl/ctl.h"
#include "pg/db.h"
#include "auth/jwt_keys.h"

/*
 * Prints the topics that are open to everybody, which the database knows.
 * Prints nothing when the database is missing or refuses this user.
 */
static void
warn_of_open(const struct config *c)
{
	struct buf err = BUF_INIT;
	PGconn *db = ctl_connect_any(c->database, CTL_OWNER, &err);
	PGresult *r = NULL;

	if (db != NULL && db_schema_version(db, &err) >= DB_SCHEMA_VERSION)
		r = db_query(db,
		    "SELECT detail FROM pgfeed.check()"
		    " WHERE name = 'access' AND NOT ok",
		    0, NULL, &err);
	if (r != NULL && PQntuples(r) > 0)
		fprintf(stderr, "pgfeed: warning: %s\n", PQgetvalue(r, 0, 0));
	PQclear(r);
	PQfinish(db);
	buf_fini(&err);
}

static void
warn_of_settings(const struct config *c)
{
	const char *why = ctl_heartbeat_warning(c);

	if (why != NULL)
		fprintf(stderr, "pgfeed: warning: %s\n", why);
	for (size_t i = 0; i < c->peer_users.n; i++) {
		if (getpwnam(c->peer_users.item[i]) == NULL)
			fprintf(stderr,
			    "pgfeed: warning: peer_users: there is no user \"%s\" here\n",
			    c->peer_users.item[i]);
	}
}

/*
 * Prints the options without passwords, since the output ends up in terminals,
 * mails and bug reports.
 */
static int
print_config(const struct config *c)
{
	struct config shown = *c;
	struct buf text[3] = { BUF_INIT, BUF_INIT, BUF_INIT };
	char **const strings[] = { &shown.database, &shown.stream_database,
		&shown.post_database };

	bool failed = false;

	for (size_t i = 0; i < ARRAY_LEN(text); i++) {
		db_add_conninfo(&text[i], *strings[i]);
		failed |= buf_failed(&text[i]);
		*strings[i] = text[i].data;
	}
	if (!failed)
		config_print(&shown, stdout);
	fflush(stdout);
	for (size_t i = 0; i < ARRAY_LEN(text); i++)
		buf_fini(&text[i]);
	return failed ? ctl_fail("out of memory") : 0;
}

static int
run(const struct command *self, struct ctl *ctl, int argc, char **argv)
{
	static const struct option options[] = {
		{ "quiet", no_argument, NULL, 'q' },
		{ NULL, 0, NULL, 0 },
	};
	struct jwt_keys *keys;
	bool quiet = false;
	char err[512];
	int opt;

	while ((opt = getopt_long(argc, argv, "q", options, NULL)) != -1) {
		if (opt != 'q')
			return ctl_misuse(self, "wrong option");
		quiet = true;
	}
	if (optind < argc)
		return ctl_misuse(self, "it takes no argument");
	/*
	 * main() has loaded the configuration, and has exited with file and
	 * line if it is invalid.
	 */
	if (!quiet && print_config(&ctl->config) != 0)
		return 1;
	if (*ctl->config.jwt_keys != '\0') {
		keys = jwt_keys_load(ctl->config.jwt_keys, err, sizeof(err));
		if (keys == NULL)
			return ctl_fail("jwt_keys: %s", err);
		jwt_keys_free(keys);
	}
	warn_of_settings(&ctl->config);
	warn_of_open(&ctl->config);
	return 0;
}

const struct command check_config_command = {
	.name = "check-config",
	.args = "[--quiet]",
	.summary = "read the configuration and print what it comes to",
	.help = "Prints every option with its value: the default, or what the "
		"file says, or\n"
		"what the environment says (PGFEED_HEARTBEAT overrides "
		"heartbeat). Passwords\n"
		"in connection strings are shown as ***. Exits with\n"
		"1 and the file and line when something is wrong with it, or "
		"with jwt_keys.\n"
		"When the database is there, warns of topics that are open to "
		"everybody, but\n"
		"for public/*.\n"
		"\n"
		"  -q, --quiet  print only what is wrong",
	.run = run,
};
