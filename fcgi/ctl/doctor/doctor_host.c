/*
 * doctor_host.c - the web servers of this machine, and how many streams they
 * carry.
 *
 * A stream takes a worker of Apache, or two connections of the others, for as
 * long as a browser listens. When they are used up the whole site hangs, not
 * only pgfeed; so max_streams has to be less than what the server has. Its
 * configuration is read as far as that is possible: the file named on the
 * command line of the process that runs, or Debian's and Red Hat's usual ones.
 */
#include <dirent.h>
#include <glob.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "ctl/doctor/doctor.h"

#define LIGHTTPD_FDS   1024 /* the usual soft limit */
#define FILE_MAX_BYTES (16 * 1024 * 1024)

struct server {
	const char *title;
	const char *comm[3];    /* name in ps */
	const char *setting[2]; /* the second counts if the first is missing */
	int64_t divisor[2];     /* streams are the setting divided by this */
	int64_t dflt;           /* streams when neither is set */
	const char *files[4];
	const char *advice;
	int64_t (*most)(const char *pid, const char *const files[4],
	    char where[PATH_MAX]); /* a further limit, or NULL */
};

static int64_t lighttpd_most(
    const char *pid, const char *const files[4], char where[PATH_MAX]);

static const struct server servers[] = {
	{ .title = "Apache",
	    .comm = { "apache2", "httpd" },
	    .setting = { "MaxRequestWorkers", "MaxClients" },
	    .divisor = { 1, 1 },
	    .dflt = 256, /* of mpm_prefork; mpm_event has 400 */
	    .files = { "/etc/apache2/mods-enabled/mpm_*.conf",
		"/etc/httpd/conf.modules.d/*.conf",
		"/etc/httpd/conf/httpd.conf" },
	    .advice = "raise MaxRequestWorkers" },
	{ .title = "lighttpd",
	    .comm = { "lighttpd" },
	    .setting = { "server.max-connections", "server.max-fds" },
	    .divisor = { 1, 3 },
	    .dflt = 341,
	    .files = { "/etc/lighttpd/lighttpd.conf",
		"/etc/lighttpd/conf-enabled/*.conf" },
	    .advice = "raise server.max-fds and server.max-connections",
	    .most = lighttpd_most },
	{ .title = "nginx",
	    .comm = { "nginx" },
	    .setting = { "worker_connections" },
	    .divisor = { 2 }, /* of one worker: there may be one only */
	    .dflt = 256,
	    .files = { "/etc/nginx/nginx.conf" },
	    .advice = "raise worker_connections" },
};

/* Looks for "name value" or "name = value"; the last one counts. */
static bool
read_setting(const char *path, const char *name, int64_t *value)
{
	FILE *f = fopen(path, "re");
	size_t n = strlen(name);
	bool found = false;
	char line[1024];

	if (f == NULL)
		return false;
	while (fgets(line, sizeof(line), f) != NULL) {
		char *s = line + strspn(line, " \t"), *brace;

		if (*s == '#')
			continue;
		/* nginx: events { worker_connections 768; } on one line */
		brace = strchr(s, '{');
		if (brace != NULL)
			s = brace + 1 + strspn(brace + 1, " \t");
		if (strncasecmp(s, name, n) != 0 || strspn(s + n, " \t:=") == 0)
			continue;
		s += n + strspn(s + n, " \t:=");
		if (*s >= '0' && *s <= '9') {
			*value = strtoll(s, NULL, 10);
			found = true;
		}
	}
	fclose(f);
	return found;
}

/* The process's own file, behind -f or -c, else NULL; for free(). */
static char *
own_file(const char *cmdline, size_t n)
{
	for (const char *s = cmdline; s < cmdline + n; s += strlen(s) + 1) {
		const char *next = s + strlen(s) + 1;

		if ((strcmp(s, "-f") == 0 || strcmp(s, "-c") == 0) &&
		    next < cmdline + n && *next == '/')
			return strdup(next);
	}
	return NULL;
}

/*
 * Finds the value of a setting in files with wildcards, and its file. Returns
 * false when none of them has it.
 */
static bool
find_setting(const char *const files[4], const char *name, int64_t *value,
    char where[PATH_MAX])
{
	bool found = false;

	for (size_t k = 0; k < 4 && files[k] != NULL; k++) {
		glob_t g;

		if (glob(files[k], 0, NULL, &g) != 0)
			continue;
		for (size_t m = 0; m < g.gl_pathc; m++) {
			if (!read_setting(g.gl_pathv[m], name, value))
				continue;
			found = true;
			snprintf(
			    where, PATH_MAX, "%s in %s", name, g.gl_pathv[m]);
		}
		globfree(&g);
	}
	return found;
}

/* Whether a line of the files, comments apart, has both texts. */
static bool
some_line_has(const char *const files[4], const char *one, const char *other)
{
	bool found = false;

	for (size_t k = 0; k < 4 && files[k] != NULL; k++) {
		glob_t g;

		if (glob(files[k], 0, NULL, &g) != 0)
			continue;
		for (size_t m = 0; m < g.gl_pathc && !found; m++) {
			FILE *f = fopen(g.gl_pathv[m], "re");
			char line[1024];

			while (f != NULL && fgets(line, sizeof(line), f)) {
				line[strcspn(line, "#")] = '\0';
				found |= strstr(line, one) != NULL &&
					 strstr(line, other) != NULL;
			}
			if (f != NULL)
				fclose(f);
		}
		globfree(&g);
	}
	return found;
}

/* All of a file, to be freed by the caller, up to some megabytes. */
static bool
read_file(struct buf *b, const char *path)
{
	FILE *f = fopen(path, "re");
	char part[4096];
	size_t n;

	buf_clear(b);
	if (f == NULL)
		return false;
	while (b->len < FILE_MAX_BYTES &&
	       (n = fread(part, 1, sizeof(part), f)) > 0)
		buf_add(b, part, n);
	fclose(f);
	return b->len > 0 && !buf_failed(b);
}

static bool
read_whole(struct buf *b, const char *pid, const char *name)
{
	char path[NAME_MAX + 32];

	snprintf(path, sizeof(path), "/proc/%s/%s", pid, name);
	return read_file(b, path);
}

/*
 * The last part of the version of the lighttpd that runs as pid, 69 of 1.4.69,
 * which its program contains; 0 when it cannot be told.
 */
static int64_t
lighttpd_patch(const char *pid)
{
	static const char name[] = "lighttpd/1.4.";
	struct buf b = BUF_INIT;
	int64_t patch = 0;
	char *at;

	/* The process's own program is for its user and root to read. */
	if (read_whole(&b, pid, "exe") || read_file(&b, "/usr/sbin/lighttpd")) {
		at = memmem(b.data, b.len, name, strlen(name));
		if (at != NULL) /* a buf ends in a NUL */
			patch = strtoll(at + strlen(name), NULL, 10);
	}
	buf_fini(&b);
	return patch;
}

/*
 * From 1.4.83 on, lighttpd serves a tenth of its descriptors as connections,
 * whatever server.max-connections says, as each may have ten requests over
 * HTTP/2. -1 for older ones, or when HTTP/2 is off.
 */
static int64_t
lighttpd_most(const char *pid, const char *const files[4], char where[PATH_MAX])
{
	int64_t patch = lighttpd_patch(pid), fds;
	size_t n;

	if (patch < 83 ||
	    some_line_has(files, "\"server.h2proto\"", "\"disable\""))
		return -1;
	if (!find_setting(files, "server.max-fds", &fds, where)) {
		if (files[1] == NULL) /* files that it includes may say so */
			return -1;
		fds = LIGHTTPD_FDS;
		snprintf(where, PATH_MAX, "its default, as nothing is set");
	}
	n = strlen(where);
	snprintf(where + n, PATH_MAX - n,
	    ", of which lighttpd 1.4.%lld takes a tenth unless server.feature-flags has \"server.h2proto\" => \"disable\"",
	    (long long)patch);
	return fds / 10;
}

/*
 * Streams that the configuration allows, and where that was found; or -1 when
 * it cannot be told.
 */
static int64_t
streams_of(const struct server *s, const char *pid, const char *own,
    char where[PATH_MAX])
{
	const char *const mine[4] = { own };
	const char *const *files = own != NULL ? mine : s->files;
	int64_t streams = -1, value, most;
	char limit[PATH_MAX];

	for (size_t i = 0; i < ARRAY_LEN(s->setting) && streams == -1; i++) {
		if (s->setting[i] != NULL &&
		    find_setting(files, s->setting[i], &value, where))
			streams = value / s->divisor[i];
	}
	if (streams == -1 && own == NULL) {
		snprintf(where, PATH_MAX, "its default, as nothing is set");
		streams = s->dflt;
	} /* else files that it includes may say so */
	if (s->most == NULL)
		return streams;
	most = s->most(pid, files, limit);
	if (most == -1 || (streams != -1 && streams <= most))
		return streams;
	memcpy(where, limit, sizeof(limit));
	return most;
}

static void
say_server(
    struct doctor *d, const struct server *s, const char *pid, const char *own)
{
	int64_t most = d->config->max_streams, streams;
	char where[PATH_MAX];

	streams = streams_of(s, pid, own, where);
	if (streams == -1) {
		doctor_say(d, WELL,
		    "%s runs here; \"%s\" itself does not say how many requests it carries at a time",
		    s->title, own);
		return;
	}
	/* A quarter is for the rest of the site. */
	if (most > streams * 3 / 4) {
		if (d->room == 0 || d->room > streams * 3 / 4)
			d->room = streams * 3 / 4;
		doctor_say(d, WARN,
		    "%s runs here and carries %lld requests at a time (%s), max_streams is %lld: if it serves pgfeed, set max_streams to %lld at most, or %s",
		    s->title, (long long)streams, where, (long long)most,
		    (long long)(streams * 3 / 4), s->advice);
	} else
		doctor_say(d, WELL,
		    "%s runs here and carries %lld requests at a time (%s), enough for max_streams = %lld",
		    s->title, (long long)streams, where, (long long)most);
}

static const struct server *
find_server(const char *comm)
{
	for (size_t i = 0; i < ARRAY_LEN(servers); i++) {
		for (size_t k = 0; servers[i].comm[k] != NULL; k++) {
			if (strcmp(servers[i].comm[k], comm) == 0)
				return &servers[i];
		}
	}
	return NULL;
}

/* Its main process: the others have one of the same name as parent. */
static bool
is_main(const char *pid, const char *comm)
{
	struct buf b = BUF_INIT;
	char parent[24];
	const char *s;
	bool same;

	if (!read_whole(&b, pid, "status") ||
	    (s = strstr(b.data, "\nPPid:")) == NULL) {
		buf_fini(&b);
		return false;
	}
	snprintf(parent, sizeof(parent), "%lld",
	    strtoll(s + strlen("\nPPid:"), NULL, 10));
	same = read_whole(&b, parent, "comm") &&
	       strncmp(b.data, comm, strlen(comm)) == 0 &&
	       b.data[strlen(comm)] == '\n';
	buf_fini(&b);
	return !same;
}

void
doctor_host(struct doctor *d)
{
	DIR *proc = opendir("/proc");
	struct buf b = BUF_INIT;
	struct dirent *e;
	size_t count = 0;

	doctor_look_at(d, "web server");
	while (proc != NULL && (e = readdir(proc)) != NULL) {
		const struct server *s;
		char *own;

		if (strspn(e->d_name, "0123456789") != strlen(e->d_name) ||
		    !read_whole(&b, e->d_name, "comm"))
			continue;
		b.data[strcspn(b.data, "\n")] = '\0';
		s = find_server(b.data);
		if (s == NULL || !is_main(e->d_name, b.data) ||
		    !read_whole(&b, e->d_name, "cmdline"))
			continue;
		own = own_file(b.data, b.len);
		say_server(d, s, e->d_name, own);
		free(own);
		count++;
	}
	if (proc != NULL)
		closedir(proc);
	if (count == 0)
		doctor_say(d, WELL,
		    "no Apache, lighttpd or nginx can be seen to run on this machine");
	buf_fini(&b);
}
