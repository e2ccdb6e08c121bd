/*
 * listen_socket.c - the listening socket: inherited if there is one, else made here.
 *
 * An inherited socket outlives the process, so that a restart refuses nobody:
 * connections wait in its backlog. It is never unlinked nor shut down.
 */
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fastcgi/acceptor.h"
#include "base/log.h"

#define LISTEN_FDS_START 3 /* sd_listen_fds(3) */

static bool
is_listening(int fd)
{
	int yes = 0;
	socklen_t n = sizeof(yes);

	return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &yes, &n) == 0 && yes;
}

/* The descriptor that systemd's protocol hands us under this name, or -1. */
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

/* Removes a socket nobody serves; -1 when somebody does. */
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

static int
make_socket(const struct config *c, const char *path)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	const struct group *group = NULL;
	const struct passwd *user = NULL; /* whose it will be */
	mode_t before;
	int fd, rc;

	if (strlen(path) >= sizeof(sa.sun_path)) {
		log_error("the socket's path \"%s\" is longer than the %zu "
			  "bytes that a Unix socket can have",
		    path, sizeof(sa.sun_path) - 1);
		return -1;
	}
	strcpy(sa.sun_path, path);
	if (*c->socket_group != '\0' &&
	    (group = getgrnam(c->socket_group)) == NULL) {
		log_error(
		    "socket_group: there is no group \"%s\"", c->socket_group);
		return -1;
	}
	if (*c->user != '\0' && geteuid() == 0)
		user = getpwnam(c->user);
	if (remove_dead(&sa) == -1) {
		if (errno == EADDRINUSE)
			log_error(
			    "another process serves \"%s\" already", path);
		else
			log_sys("could not replace \"%s\"", path);
		return -1;
	}
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd == -1) {
		log_sys("could not make a socket");
		return -1;
	}
	before = umask(0177);
	rc = bind(fd, (struct sockaddr *)&sa, sizeof(sa));
	umask(before);
	if (rc == -1)
		log_sys("could not make the socket \"%s\"", path);
	else if ((rc = chown(path, user != NULL ? user->pw_uid : (uid_t)-1,
		      group != NULL ? group->gr_gid : (gid_t)-1)) == -1)
		log_sys("could not give \"%s\" to its user and group", path);
	else if ((rc = chmod(path, (mode_t)c->socket_mode)) == -1)
		log_sys("could not set the mode of \"%s\"", path);
	else if ((rc = listen(fd, (int)c->backlog)) == -1)
		log_sys("could not listen on \"%s\"", path);
	if (rc == -1) {
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
		log_error("the inherited descriptor %d is not a listening "
			  "socket",
		    fd);
		return -1;
	}
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	log_info("listening on the inherited socket %d", fd);
	return fd;
}
