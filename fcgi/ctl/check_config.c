/*
 * check_config.c - "pgfeed check-config": what the configuration comes to.
 */
#include "base/buf.h"
#include "ctl/ctl.h"
#include "pg/db.h"
#include "auth/jwt_keys.h"

/*
 * What is open to everybody is a matter of the database. It may not be there
 * yet, or not for us: then there is nothing to say.
 */
static void
warn_of_open(const struct config *c)
{
	struct buf err = BUF_INIT;
	PGconn *db = db_connect(c->database, "ctl", &err);
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

/* Without passwords: it ends up in terminals, mails and bug reports. */
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
	struct jwt_keys *keys;
	char err[512];

	if (argc > 1)
		return ctl_misuse(self, "it takes no argument");
	/* main() has read it, and has ended with file and line if it is bad. */
	if (print_config(&ctl->config) != 0)
		return 1;
	if (*ctl->config.jwt_keys != '\0') {
		keys = jwt_keys_load(ctl->config.jwt_keys, err, sizeof(err));
		if (keys == NULL)
			return ctl_fail("jwt_keys: %s", err);
		jwt_keys_free(keys);
	}
	warn_of_open(&ctl->config);
	return 0;
}

const struct command check_config_command = {
	.name = "check-config",
	.args = "",
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
		"for public/*.",
	.run = run,
};
