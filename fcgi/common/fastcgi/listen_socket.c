/*
 * listen_socket.c - the listening socket, inherited or new.
 *
 * An inherited socket outlives the process: during a restart, connections wait
 * in its backlog and none is refused. This process never unlinks it nor shuts
 * it down.
 */
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fastcgi/acceptor.h"
#include "base/log.h"

/* Connections that wait to be accepted; the system has a limit of its own. */
#define BACKLOG 4096

#define LISTEN_FDS_START 3 /* sd_listen_fds(3) */

static bool
is_listening(int fd)
{
	int yes = 0;
	socklen_t n = sizeof(yes);

	return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &yes, &n) == 0 && yes;
}

/* Returns the descriptor that systemd passes under this name, or -1. */
static int
from_environment(const char *name)
{
	const char *pid = getenv("LISTEN_PID"), *count = getenv("LISTEN_FDS");
	const char *names = getenv("LISTEN_FDNAMES");
	int i, n;

	if (pid == NULL || count == NULL || atoi(pid) != (int)getpid())
		return -1;
	n = atoi(count);
	if (n == 1 || names == NULL)
		return n >= 1 ? LISTEN_FDS_START : -1;
	for (i = 0; i < n && names != NULL; i++) {
		size_t len = strcspn(names, ":");

		if (len == strlen(name) && memcmp(names, name, len) == 0)
			return LISTEN_FDS_START + i;
		names = names[len] == ':' ? names + len + 1 : NULL;
	}
	return -1;
}

/*
 * Removes a socket file that no process serves. Returns -1 if one serves it,
 * with errno EADDRINUSE, or on failure.
 */
static int
remove_dead(const struct sockaddr_un *sa)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), rc;

	if (fd == -1)
		return -1;
	rc = connect(fd, (const struct sockaddr *)sa, sizeof(*sa));
	close(fd);
	if (rc == 0 || (rc == -1 && errno == EAGAIN)) {
		errno = EADDRINUSE;
		return -1;
	}
	return errno == ECONNREFUSED ? unlink(sa->sun_path) : 0;
}

/* Returns whether root alone can create files in the folder. */
static bool
is_roots_own(int folder)
{
	struct stat st;

	return fstat(folder, &st) == 0 && st.st_uid == 0 &&
	       (st.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

/*
 * Binds fd to the path and sets owner, group and mode of the socket. The owner
 * is uid if root makes the socket. Logs the reason for a failure.
 *
 * The service user can replace any name in a folder of their own by a link, at
 * any moment. In such a folder root therefore becomes that user for the time of
 * these calls, so that a link leads to nothing that the user could not change
 * anyway. Only in a folder that root alone can write to does root change the
 * owner.
 */
static int
bind_socket(int fd, const struct config *c, const struct sockaddr_un *sa,
    uid_t uid, gid_t gid)
{
	const char *path = sa->sun_path, *name = strrchr(path, '/');
	mode_t mode = (mode_t)c->socket_mode, before;
	char folder_name[sizeof(sa->sun_path)] = ".";
	bool become_user = false;
	int folder, rc = -1;

	if (name != NULL) /* the folder of "/a" is "/" */
		snprintf(folder_name, sizeof(folder_name), "%.*s",
		    (int)MAX(name - path, 1), path);
	name = name != NULL ? name + 1 : path;
	folder = open(folder_name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (folder == -1) {
		log_sys("could not open the folder of \"%s\"", path);
		return -1;
	}
	become_user = uid != (uid_t)-1 && !is_roots_own(folder);
	if (become_user) {
		if ((gid != (gid_t)-1 && setegid(gid) == -1) ||
		    seteuid(uid) == -1) {
			log_sys("could not become user \"%s\"", c->user);
			goto out;
		}
		uid = (uid_t)-1; /* the socket belongs to that user already */
	}
	if (remove_dead(sa) == -1) {
		if (errno == EADDRINUSE)
			log_error(
			    "another process serves \"%s\" already", path);
		else
			log_sys("could not replace \"%s\"", path);
		goto out;
	}
	before = umask(~mode & 0777);
	rc = bind(fd, (const struct sockaddr *)sa, sizeof(*sa));
	umask(before);
	if (rc == -1)
		log_sys("could not make the socket \"%s\"", path);
	else if ((rc = fchownat(folder, name, uid, gid, AT_SYMLINK_NOFOLLOW)) ==
		 -1)
		log_sys("could not give \"%s\" to its user and group", path);
	else if ((rc = fchmodat(folder, name, mode, 0)) == -1)
		log_sys("could not set the mode of \"%s\"", path);
out:
	if (become_user && (seteuid(0) == -1 || setegid(0) == -1))
		log_fatal("could not become root again: %s", strerror(errno));
	close(folder);
	return rc;
}

static int
make_socket(const struct config *c, const char *path)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	const struct group *group;
	const struct passwd *user;
	uid_t uid = (uid_t)-1; /* -1: unchanged */
	gid_t gid = (gid_t)-1;
	int fd;

	if (strlen(path) >= sizeof(sa.sun_path)) {
		log_error(
		    "the socket's path \"%s\" is longer than the %zu bytes that a Unix socket can have",
		    path, sizeof(sa.sun_path) - 1);
		return -1;
	}
	strcpy(sa.sun_path, path);
	if (*c->socket_group != '\0') {
		group = getgrnam(c->socket_group);
		if (group == NULL) {
			log_error("socket_group: there is no group \"%s\"",
			    c->socket_group);
			return -1;
		}
		gid = group->gr_gid;
	}
	if (*c->user != '\0' && geteuid() == 0 &&
	    (user = getpwnam(c->user)) != NULL)
		uid = user->pw_uid;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd == -1) {
		log_sys("could not make a socket");
		return -1;
	}
	if (bind_socket(fd, c, &sa, uid, gid) == -1) {
		close(fd);
		return -1;
	}
	if (listen(fd, BACKLOG) == -1) {
		log_sys("could not listen on \"%s\"", path);
		close(fd);
		return -1;
	}
	log_info("listening on \"%s\"", path);
	return fd;
}

int
socket_listen(
    const struct config *c, const char *path, const char *name, bool *made)
{
	int fd = from_environment(name);

	*made = false;
	if (fd == -1 && is_listening(STDIN_FILENO))
		fd = STDIN_FILENO;
	if (fd == -1) {
		*made = true;
		return make_socket(c, path);
	}
	if (!is_listening(fd)) {
		log_error(
		    "the inherited descriptor %d is not a listening socket",
		    fd);
		return -1;
	}
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	log_info("listening on the inherited socket %d", fd);
	return fd;
}
