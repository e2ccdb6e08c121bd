/*
 * ctl.h - helpers that the commands of pgfeed share.
 *
 * A command is one file with one struct command; main.c lists them all. Exit
 * codes: 0 done; 1 failed; 2 wrong usage; 3 the answer to a question is "no"
 * (migrate status: a migration is pending; doctor: a finding is bad).
 */
#ifndef PGFEED_CTL_H
#define PGFEED_CTL_H

#include <libpq-fe.h>
#include <stdio.h>

#include "base/buf.h"
#include "config/config.h"

/*
 * The role that owns a schema made by "pgfeed setup", also the name of a user
 * of the operating system.
 */
#define CTL_OWNER "pgfeed"

#define EXIT_USAGE 2
#define EXIT_NO    3

struct ctl {
	struct config config;
	const char *config_path; /* the argument of -c, or NULL */
};

struct command {
	const char *name;
	const char *args;    /* arguments behind "pgfeed NAME" in the usage */
	const char *summary; /* its line in pgfeed --help */
	const char *help;    /* text that NAME --help adds */
	int (*run)(const struct command *, struct ctl *, int argc, char **argv);
	bool
	    /* the command loads the configuration itself; main() does not */
	    reads_config;
};

extern const struct command check_config_command;
extern const struct command doctor_command;
extern const struct command init_command;
extern const struct command migrate_command;
extern const struct command prune_command;
extern const struct command publish_command;
extern const struct command setup_command;
extern const struct command sign_command;
extern const struct command status_command;
extern const struct command tail_command;

/* Prints the command's help to stdout. */
void ctl_help(const struct command *);

/* Prints "pgfeed NAME: message" and a hint to stderr; returns EXIT_USAGE. */
int ctl_misuse(const struct command *, const char *fmt, ...) PRINTF(2, 3);

/* Prints "pgfeed: message" to stderr; returns 1, for "return ctl_fail(...)". */
int ctl_fail(const char *fmt, ...) PRINTF(1, 2);

/* Does ctl_fail() with the server's message. Clears the result. */
int ctl_fail_db(const PGconn *, PGresult *, const char *what);

/*
 * Connects as db_connect() does. When the database has no role for root, root
 * connects as the user of the operating system called name, which peer
 * authentication then sees; with NULL, only as root. Returns NULL with the
 * first reason in err.
 */
PGconn *ctl_connect_any(
    const char *conninfo, const char *name, struct buf *err);

/* Returns a warning if heartbeat is too long for the web servers, or NULL. */
const char *ctl_heartbeat_warning(const struct config *);

/* Applies all migrations that the database lacks. Returns 0, or 1 after a
 * message. */
int ctl_migrate_up(PGconn *) MUSTCHECK;

/*
 * Connects to the configured database. Returns NULL after a message. Notices of
 * the server go to stderr.
 */
PGconn *ctl_connect(const struct ctl *);

/* Does ctl_connect() and checks that the schema is there and new enough. */
PGconn *ctl_connect_schema(const struct ctl *);

/*
 * Reads a time such as "90s" or "7d", where a bare number is seconds, into
 * seconds. Returns 0, or -1 when the text is no time.
 */
int ctl_parse_age(const char *, double *seconds) MUSTCHECK;

#endif
