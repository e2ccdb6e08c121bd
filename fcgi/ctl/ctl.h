/*
 * ctl.h - what the commands of pgfeed share.
 *
 * A command is one file with one struct command; main.c lists them all. Exit
 * codes: 0 done, 1 failed, 2 wrong usage, 3 an answer of "no" to a question
 * (migrate status: something is pending; doctor: something is wrong).
 */
#ifndef PGFEED_CTL_H
#define PGFEED_CTL_H

#include <libpq-fe.h>
#include <stdio.h>

#include "base/buf.h"
#include "config/config.h"

/* The role that owns a schema made by "pgfeed setup", and a user of the
 * operating system. */
#define CTL_OWNER "pgfeed"

#define EXIT_USAGE 2
#define EXIT_NO    3

struct ctl {
	struct config config;
	const char *config_path; /* as given with -c, or NULL */
};

struct command {
	const char *name;
	const char *args;    /* behind "pgfeed NAME" in the usage */
	const char *summary; /* one line for pgfeed --help */
	const char *help;    /* what its own --help adds */
	int (*run)(const struct command *, struct ctl *, int argc, char **argv);
	bool
	    reads_config; /* by itself: main() does not load the configuration */
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

/* "pgfeed NAME: message" on stderr and how to get help; EXIT_USAGE. */
int ctl_misuse(const struct command *, const char *fmt, ...) PRINTF(2, 3);

/* "pgfeed: message" on stderr; returns 1, for "return ctl_fail(...)". */
int ctl_fail(const char *fmt, ...) PRINTF(1, 2);

/* ctl_fail() with what the server said. Clears the result. */
int ctl_fail_db(const PGconn *, PGresult *, const char *what);

/*
 * Connects as db_connect() does. When root has no role in the database, root
 * connects as the user of the operating system called name, whom peer
 * authentication then sees; NULL name: as nobody else. Returns NULL with the
 * first reason in err.
 */
PGconn *ctl_connect_any(
    const char *conninfo, const char *name, struct buf *err);

/* Why heartbeat is too long for the web servers' configuration, or NULL. */
const char *ctl_heartbeat_warning(const struct config *);

/* Applies all migrations that the database lacks. Returns 0, or 1 after a
 * message. */
int ctl_migrate_up(PGconn *) MUSTCHECK;

/*
 * Connects to the configured database, or says why not and returns NULL.
 * Notices of the server go to stderr.
 */
PGconn *ctl_connect(const struct ctl *);

/* As ctl_connect(), and the schema must be there and new enough. */
PGconn *ctl_connect_schema(const struct ctl *);

/*
 * Reads a time such as "90s" or "7d", a bare number being seconds, into
 * seconds. Returns 0, or -1 when it is none.
 */
int ctl_parse_age(const char *, double *seconds) MUSTCHECK;

#endif
