/*
 * migration_list.h - list of migrations: the files of a folder, and the rows of
 * pgfeed.migration that belong to them.
 *
 * The functions that return int return 0, or -1 after they have printed the
 * error.
 */
#ifndef PGFEED_MIGRATION_LIST_H
#define PGFEED_MIGRATION_LIST_H

#include <libpq-fe.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/util.h"

struct migration {
	int version;
	char name[128]; /* "0001_events" */
	char checksum[65];
	char applied_at[64]; /* "" if it is not applied */
	bool known;          /* its file exists */
	bool changed;        /* the file differs from the applied text */
};

struct migrations {
	const char *dir;
	struct migration *item; /* sorted by version */
	size_t n;
};

/* Adds the migrations whose files are in ms->dir to an empty list. */
int migrations_list_files(struct migrations *ms) MUSTCHECK;

/*
 * Reads the whole file DIR/NAME.WAY.sql; way is "up" or "down". path gets the
 * file's name, size bytes at most. The caller frees sql in any case.
 */
int migrations_read_sql(const struct migrations *ms, const char *name,
    const char *way, char *path, size_t size, struct buf *sql) MUSTCHECK;

/* Sets the checksum of each file of the list. */
int migrations_compute_checksums(PGconn *, struct migrations *ms) MUSTCHECK;

/*
 * Reads pgfeed.migration: sets applied_at and changed of each migration, after
 * the checksums, and adds the applied migrations that have no file.
 */
int migrations_read_applied(PGconn *, struct migrations *ms) MUSTCHECK;

static inline bool
migration_is_applied(const struct migration *m)
{
	return m->applied_at[0] != '\0';
}

#endif
