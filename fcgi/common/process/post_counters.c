/*
 * post_counters.c - what became of the posts, counted for the page of metrics.
 *
 *     post_counters_add() --> fresh --once a second--> file --> post_counters_read()
 *     (any thread)       (memory)  (under a lock)
 *
 * The file is text: a first line, then a name and a number in each. A name that
 * this version does not know is left out, one that is missing counts from 0,
 * so programs of two versions get along.
 *
 * Why not a mapping that all share: whoever cuts the file short would end every
 * process that touches it. So a process adds up by itself, and now and then
 * reads, adds and writes under a lock, of which it is not patient; a kill -9
 * costs the counts of one second.
 *
 * The file is its owner's alone: no other user can hold the lock, and who finds
 * another's file, a link, a pipe or other text in its place leaves it alone.
 */
#include <sys/file.h>
#include <sys/stat.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "process/post_counters.h"
#include "base/log.h"

#define SUFFIX      ".counters"
#define FIRST_LINE  "pgfeed-post\n"
#define FILE_BYTES  4096 /* more is not ours */
#define PATIENCE_MS 50   /* who holds the lock does so for microseconds */
#define GLANCE_MS   2
#define OPEN_FLAGS  (O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)

struct post_counters {
	_Atomic uint64_t fresh[OUTCOMES]; /* not yet in the file */
	char path[PATH_MAX];
	uid_t owner;
	bool complain; /* still */
	int fd;        /* -1: none */
};

static const char *const names[OUTCOMES] = {
	[POST_STORED] = "stored",
	[POST_DUPLICATE] = "duplicate",
	[POST_CONFLICT] = "conflict",
	[POST_REFUSED] = "refused",
	[POST_UNAUTHORIZED] = "unauthorized",
	[POST_TOKEN] = "token",
	[POST_FORBIDDEN] = "forbidden",
	[POST_POLICY] = "policy",
	[POST_ORIGIN] = "origin",
	[POST_FORM_TOKEN] = "form_token",
	[POST_ADDRESS] = "address",
	[POST_USER] = "user",
	[POST_TOO_LARGE] = "too_large",
	[POST_FIELDS] = "fields",
	[POST_MALFORMED] = "malformed",
	[POST_INCOMPLETE] = "incomplete",
	[POST_TOPIC] = "topic",
	[POST_METHOD] = "method",
	[POST_TYPE] = "type",
	[POST_NOT_TEXT] = "not_text",
	[POST_LATE] = "late",
	[POST_HEAD] = "head",
	[POST_BROKEN] = "broken",
	[POST_PEER] = "peer",
	[POST_BUSY] = "busy",
	[POST_UNAVAILABLE] = "unavailable",
	[POST_UNKNOWN] = "unknown",
	[POST_MEMORY] = "memory",
};

const char *
outcome_name(enum outcome o)
{
	return names[o];
}

/* --- the file */

static bool
make_path(char path[PATH_MAX], const char *post_socket)
{
	return snprintf(path, PATH_MAX, "%s" SUFFIX, post_socket) < PATH_MAX;
}

/* Whether it is a file of that owner's, under no other name. */
static const char *
look_at(int fd, uid_t owner)
{
	struct stat st;

	if (fstat(fd, &st) == -1)
		return strerror(errno);
	if (!S_ISREG(st.st_mode))
		return "not a regular file";
	if (st.st_uid != owner)
		return "it belongs to another user";
	if (st.st_nlink > 1)
		return "it has another name as well";
	if ((st.st_mode & (S_IWGRP | S_IWOTH)) != 0)
		return "other users may write to it";
	return NULL;
}

/* A line into sum. Returns what is behind it; NULL when it is none of ours. */
static const char *
read_line(const char *line, uint64_t sum[OUTCOMES])
{
	size_t n = strcspn(line, " \n");
	const char *number = line + n + strspn(line + n, " ");
	uint64_t value;
	char *end;

	if (n == 0 || *number < '0' || *number > '9')
		return NULL;
	errno = 0;
	value = strtoull(number, &end, 10);
	if (errno != 0 || *end != '\n')
		return NULL;
	for (size_t i = 0; i < OUTCOMES; i++) {
		if (strlen(names[i]) == n && memcmp(names[i], line, n) == 0)
			sum[i] = value;
	}
	return end + 1;
}

/* What is in the file, zeros if it is empty; returns why not, or NULL. */
static const char *
read_file(int fd, uint64_t sum[OUTCOMES])
{
	char text[FILE_BYTES + 1];
	const char *p = text + strlen(FIRST_LINE);
	ssize_t n = pread(fd, text, sizeof(text), 0);

	memset(sum, 0, OUTCOMES * sizeof(*sum));
	if (n == -1)
		return strerror(errno);
	if (n == 0)
		return NULL;
	if (n > FILE_BYTES)
		return "it is too long";
	text[n] = '\0';
	if (strncmp(text, FIRST_LINE, strlen(FIRST_LINE)) != 0)
		return "there is something else in it";
	while (p != NULL && *p != '\0')
		p = read_line(p, sum);
	return p == text + n ? NULL : "there is something else in it";
}

/* The numbers keep their width, so the file keeps its length. */
static const char *
write_file(int fd, const uint64_t sum[OUTCOMES])
{
	char text[FILE_BYTES + 1];
	size_t n = strlen(FIRST_LINE);
	ssize_t done;

	memcpy(text, FIRST_LINE, n);
	for (size_t i = 0; i < OUTCOMES; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n,
		    "%-12s %20" PRIu64 "\n", names[i], sum[i]);
	done = pwrite(fd, text, n, 0);
	if (done == -1 || ftruncate(fd, done) == -1)
		return strerror(errno);
	return done == (ssize_t)n ? NULL : "it could not be written whole";
}

static bool
lock(int fd, int how, int patience_ms)
{
	while (flock(fd, how | LOCK_NB) == -1) {
		if ((errno != EWOULDBLOCK && errno != EINTR) ||
		    patience_ms-- <= 0)
			return false;
		usleep(1000);
	}
	return true;
}

/* --- pgfeed-post's side */

/* Once is enough to say so. */
static void
complain(struct post_counters *c, const char *why)
{
	if (c->complain)
		log_info("posts are not counted, \"%s\": %s", c->path, why);
	c->complain = false;
}

/* One that is there, or else a new one, which only its owner may open. */
static void
open_file(struct post_counters *c)
{
	uint64_t sum[OUTCOMES];
	const char *why = NULL;

	c->fd = open(c->path, O_RDWR | OPEN_FLAGS);
	if (c->fd == -1 && errno == ENOENT) {
		c->fd =
		    open(c->path, O_RDWR | O_CREAT | O_EXCL | OPEN_FLAGS, 0600);
		if (c->fd != -1 && c->owner != geteuid() &&
		    fchown(c->fd, c->owner, (gid_t)-1) == -1)
			why = strerror(errno);
		if (c->fd == -1 && errno == EEXIST) /* somebody was faster */
			c->fd = open(c->path, O_RDWR | OPEN_FLAGS);
	}
	if (c->fd == -1)
		why = strerror(errno);
	if (why == NULL)
		why = look_at(c->fd, c->owner);
	if (why == NULL && lock(c->fd, LOCK_SH, PATIENCE_MS)) {
		why = read_file(c->fd, sum);
		flock(c->fd, LOCK_UN);
	}
	if (why == NULL)
		return;
	complain(c, why);
	if (c->fd != -1)
		close(c->fd);
	c->fd = -1;
}

struct post_counters *
post_counters_new(const char *post_socket, uid_t owner, bool complain)
{
	struct post_counters *c = calloc(1, sizeof(*c));

	if (c == NULL)
		log_fatal("could not start: out of memory");
	c->owner = owner;
	c->complain = complain;
	c->fd = -1;
	if (make_path(c->path, post_socket))
		open_file(c);
	return c;
}

void
post_counters_free(struct post_counters *c)
{
	if (c == NULL)
		return;
	if (c->fd != -1)
		close(c->fd);
	free(c);
}

void
post_counters_add(struct post_counters *c, enum outcome o)
{
	if (c != NULL)
		atomic_fetch_add_explicit(
		    &c->fresh[o], 1, memory_order_relaxed);
}

void
post_counters_flush(struct post_counters *c, bool patient)
{
	uint64_t sum[OUTCOMES], part[OUTCOMES], all = 0;
	const char *why;
	struct stat st;

	for (size_t i = 0; i < OUTCOMES; i++) {
		part[i] =
		    atomic_load_explicit(&c->fresh[i], memory_order_relaxed);
		all += part[i];
	}
	if (c->fd == -1 || all == 0)
		return;
	if (fstat(c->fd, &st) == 0 && st.st_nlink == 0) { /* taken away */
		close(c->fd);
		open_file(c);
	}
	if (c->fd == -1 || !lock(c->fd, LOCK_EX, patient ? PATIENCE_MS : 0))
		return;
	why = read_file(c->fd, sum);
	if (why == NULL) {
		for (size_t i = 0; i < OUTCOMES; i++)
			sum[i] += part[i];
		why = write_file(c->fd, sum);
	}
	flock(c->fd, LOCK_UN);
	if (why != NULL) { /* the next one tries again */
		complain(c, why);
		return;
	}
	for (size_t i = 0; i < OUTCOMES; i++)
		atomic_fetch_sub_explicit(
		    &c->fresh[i], part[i], memory_order_relaxed);
}

/* --- pgfeed-stream's side */

bool
post_counters_read(const char *post_socket, uint64_t sum[OUTCOMES])
{
	char path[PATH_MAX];
	struct stat st;
	bool ok;
	int fd;

	if (!make_path(path, post_socket))
		return false;
	fd = open(path, O_RDONLY | OPEN_FLAGS);
	if (fd == -1)
		return false;
	ok = look_at(fd, geteuid()) == NULL ||
	     (stat(post_socket, &st) == 0 && look_at(fd, st.st_uid) == NULL);
	ok = ok && lock(fd, LOCK_SH, GLANCE_MS) && read_file(fd, sum) == NULL;
	close(fd);
	return ok;
}
