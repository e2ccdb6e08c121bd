/*
 * migration_list.c - list of migrations: the files of a folder, and the rows of
 * pgfeed.migration that belong to them.
 *
 * Always: the list is sorted by version, and no version occurs twice.
 * Owner:  the caller frees migrations.item.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ctl/ctl.h"
#include "ctl/migration_list.h"
#include "pg/db.h"

#define FILE_MAX_BYTES (16 << 20)

static struct migration *
add(struct migrations *ms, int version, const char *name)
{
	struct migration *m;

	m = realloc(ms->item, (ms->n + 1) * sizeof(*m));
	if (m == NULL)
		return NULL;
	ms->item = m;
	m += ms->n++;
	memset(m, 0, sizeof(*m));
	m->version = version;
	snprintf(m->name, sizeof(m->name), "%s", name);
	return m;
}

static int
by_version(const void *a, const void *b)
{
	const struct migration *x = a, *y = b;

	return (x->version > y->version) - (x->version < y->version);
}

int
migrations_read_sql(const struct migrations *ms, const char *name,
    const char *way, char *path, size_t size, struct buf *sql)
{
	struct stat st;
	ssize_t n;
	int fd, rc = -1;

	snprintf(path, size, "%s/%s.%s.sql", ms->dir, name, way);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd == -1 || fstat(fd, &st) == -1) {
		ctl_fail("could not read \"%s\": %s", path, strerror(errno));
		goto out;
	}
	if (st.st_size > FILE_MAX_BYTES ||
	    !buf_reserve(sql, (size_t)st.st_size + 1)) {
		ctl_fail("\"%s\" is too large", path);
		goto out;
	}
	while (
	    (n = read(fd, sql->data + sql->len, sql->cap - sql->len - 1)) > 0) {
		sql->len += (size_t)n;
		if (!buf_reserve(sql, 4096))
			break;
	}
	if (n == -1) {
		ctl_fail("could not read \"%s\": %s", path, strerror(errno));
		goto out;
	}
	buf_add(sql, "", 0);
	if (memchr(sql->data, '\0', sql->len) != NULL) {
		ctl_fail("\"%s\" is not text", path);
		goto out;
	}
	rc = 0;
out:
	if (fd != -1)
		close(fd);
	return rc;
}

int
migrations_list_files(struct migrations *ms)
{
	DIR *d = opendir(ms->dir);
	struct dirent *e;
	int rc = -1;

	if (d == NULL) {
		ctl_fail(
		    "could not read the migrations in \"%s\": %s (say where they are with --dir or PGFEED_MIGRATIONS)",
		    ms->dir, strerror(errno));
		return -1;
	}
	while ((e = readdir(d)) != NULL) {
		static const char up[] = ".up.sql";
		size_t n = strlen(e->d_name);
		struct migration *m;

		if (n <= sizeof(up) - 1 ||
		    strcmp(e->d_name + n - (sizeof(up) - 1), up) != 0)
			continue;
		n -= sizeof(up) - 1;
		if (strspn(e->d_name, "0123456789") != 4 ||
		    e->d_name[4] != '_' || n >= sizeof(m->name)) {
			ctl_fail("\"%s/%s\" is not named NNNN_name.up.sql",
			    ms->dir, e->d_name);
			goto out;
		}
		m = add(ms, atoi(e->d_name), "");
		if (m == NULL) {
			ctl_fail("out of memory");
			goto out;
		}
		memcpy(m->name, e->d_name, n);
		m->known = true;
	}
	if (ms->n == 0) {
		ctl_fail("there are no migrations in \"%s\"", ms->dir);
		goto out;
	}
	qsort(ms->item, ms->n, sizeof(*ms->item), by_version);
	for (size_t i = 1; i < ms->n; i++) {
		if (ms->item[i].version == ms->item[i - 1].version) {
			ctl_fail("\"%s\" and \"%s\" have the same number",
			    ms->item[i - 1].name, ms->item[i].name);
			goto out;
		}
	}
	rc = 0;
out:
	closedir(d);
	return rc;
}

int
migrations_compute_checksums(PGconn *db, struct migrations *ms)
{
	/* The server computes the hash: this program needs no hash function. */
	char path[4096];

	for (size_t i = 0; i < ms->n; i++) {
		struct buf sql = BUF_INIT;
		const char *values[1];
		PGresult *r;

		if (migrations_read_sql(ms, ms->item[i].name, "up", path,
			sizeof(path), &sql) == -1) {
			buf_fini(&sql);
			return -1;
		}
		values[0] = sql.data;
		r = PQexecParams(db,
		    "SELECT encode(sha256(convert_to($1, 'UTF8')), 'hex')", 1,
		    NULL, values, NULL, NULL, 0);
		buf_fini(&sql);
		if (PQresultStatus(r) != PGRES_TUPLES_OK) {
			ctl_fail_db(db, r, path);
			return -1;
		}
		snprintf(ms->item[i].checksum, sizeof(ms->item[i].checksum),
		    "%s", PQgetvalue(r, 0, 0));
		PQclear(r);
	}
	return 0;
}

int
migrations_read_applied(PGconn *db, struct migrations *ms)
{
	struct buf err = BUF_INIT;
	PGresult *r;
	int version;

	version = db_schema_version(db, &err);
	if (version == -1)
		ctl_fail("could not read the schema's version: %s", err.data);
	buf_fini(&err);
	if (version == -1)
		return -1;
	if (version == 0)
		return 0;
	r = PQexec(db,
	    "SELECT version, name, checksum, date_trunc('second', at)"
	    " FROM pgfeed.migration ORDER BY version");
	if (PQresultStatus(r) != PGRES_TUPLES_OK) {
		ctl_fail_db(db, r, "could not read pgfeed.migration");
		return -1;
	}
	for (int i = 0; i < PQntuples(r); i++) {
		struct migration key = { .version = atoi(PQgetvalue(r, i, 0)) },
				 *m;

		m = bsearch(
		    &key, ms->item, ms->n, sizeof(*ms->item), by_version);
		if (m == NULL) {
			m = add(ms, key.version, PQgetvalue(r, i, 1));
			if (m == NULL) {
				PQclear(r);
				ctl_fail("out of memory");
				return -1;
			}
			snprintf(m->applied_at, sizeof(m->applied_at), "%s",
			    PQgetvalue(r, i, 3));
			qsort(ms->item, ms->n, sizeof(*ms->item), by_version);
			continue;
		}
		m->changed = strcmp(m->checksum, PQgetvalue(r, i, 2)) != 0;
		snprintf(m->applied_at, sizeof(m->applied_at), "%s",
		    PQgetvalue(r, i, 3));
	}
	PQclear(r);
	return 0;
}
