/*
 * launch.c - starts a pgfeed-stream on demand and connects to its socket.
 *
 * A process that cannot connect takes a lock and tries again. If that fails
 * too, the process makes the listening socket itself, releases the lock and
 * passes the socket to the new pgfeed-stream as descriptor 0. So the socket
 * exists before the program runs: clients that connect meanwhile wait in the
 * backlog, and a second start cannot fail.
 *
 * The lock is one of the open file description (F_OFD_SETLKW), so it ends with
 * the process.
 */
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fastcgi/acceptor.h"
#include "base/buf.h"
#include "base/log.h"
#include "cgi/launch.h"

#define LOG_MAX_BYTES (4 * 1024 * 1024)
#define SEND_LIMIT_S  10

/* Waits for the lock to start pgfeed-stream. */
static int
lock_start(int fd)
{
	struct flock lock = {
		.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 1
	};
	int rc;

	do
		rc = fcntl(fd, F_OFD_SETLKW, &lock);
	while (rc == -1 && errno == EINTR);
	return rc;
}

static int
open_beside_socket(const struct config *c, const char *suffix, int flags)
{
	char path[PATH_MAX];
	int n = snprintf(path, sizeof(path), "%s%s", c->stream_socket, suffix);
	int fd = -1;

	if (n > 0 && (size_t)n < sizeof(path))
		fd = open(path, flags | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd == -1)
		log_sys("could not open \"%s%s\"", c->stream_socket, suffix);
	return fd;
}

static int
connect_socket(const char *path)
{
	struct timeval limit = { .tv_sec = SEND_LIMIT_S };
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd, saved;

	if (strlen(path) >= sizeof(sa.sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	strcpy(sa.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd == -1)
		return -1;
	/*
	 * The timeout limits connect() too, when the backlog is full: unix(7).
	 */
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	if (connect(fd, (struct sockaddr *)&sa, sizeof(sa)) == 0)
		return fd;
	saved = errno;
	close(fd);
	errno = saved;
	return -1;
}

/* Finds the path of a program in the folder of this one. */
static bool
beside(char path[PATH_MAX], const char *name)
{
	ssize_t n = readlink("/proc/self/exe", path, PATH_MAX - 1);
	char *slash;

	if (n == -1)
		return false;
	path[n] = '\0';
	slash = strrchr(path, '/');
	if (slash == NULL ||
	    (size_t)(slash + 1 - path) + strlen(name) >= PATH_MAX)
		return false;
	strcpy(slash + 1, name);
	return true;
}

/*
 * Returns the environment without the request's variables, as its cookies do
 * not concern other requests; and with HOME, where libpq searches for
 * passwords.
 */
static char **
quiet_environment(void)
{
	static const char *const kept[] = { "HOME=", "LANG=", "LC_",
		"LOGNAME=", "PATH=", "PG", "TZ=", "USER=" };
	struct passwd *pw = getenv("HOME") == NULL ? getpwuid(getuid()) : NULL;
	size_t n = 0;
	char **env;

	if (pw != NULL)
		setenv("HOME", pw->pw_dir, 1);
	for (char **e = environ; *e != NULL; e++)
		n++;
	env = calloc(n + 1, sizeof(*env));
	n = 0;
	for (char **e = environ; env != NULL && *e != NULL; e++) {
		for (size_t i = 0; i < ARRAY_LEN(kept); i++) {
			if (strncmp(*e, kept[i], strlen(kept[i])) == 0) {
				env[n++] = *e;
				break;
			}
		}
	}
	return env;
}

/* Opens the log file of the new process. A large one is renamed first. */
static int
open_log(const struct config *c)
{
	char path[PATH_MAX], old[PATH_MAX + 4];
	struct stat st;
	int n;

	n = snprintf(path, sizeof(path), "%s%s",
	    *c->cgi_log != '\0' ? c->cgi_log : c->stream_socket,
	    *c->cgi_log != '\0' ? "" : ".log");
	if (n < 0 || (size_t)n >= sizeof(path))
		return -1;
	if (stat(path, &st) == 0 && st.st_size > LOG_MAX_BYTES) {
		snprintf(old, sizeof(old), "%s.old", path);
		(void)!rename(path, old);
	}
	return open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

#ifndef HAVE_CLOSEFROM /* musl */
static void
closefrom(int first)
{
	for (int fd = first; fd < sysconf(_SC_OPEN_MAX); fd++)
		close(fd);
}
#endif

/*
 * Prepares the child for exec. The child must not inherit anything from the web
 * server, which would wait for the child, end together with it, or signal it.
 */
static void
become_daemon(const char *program, char **env, int listen_fd, int log_fd)
{
	/* as an argument, so that ps shows it */
	char *conf = getenv("PGFEED_CONF");
	char *argv[] = { (char *)"pgfeed-stream",
		conf != NULL ? (char *)"-c" : NULL, conf, NULL };
	sigset_t none;

	setsid();
	if (fork() != 0)
		_exit(0);
	umask(077);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	for (int i = 1; i < NSIG; i++)
		signal(i, SIG_DFL);
	if (chdir("/") == -1 || dup2(listen_fd, STDIN_FILENO) == -1 ||
	    dup2(log_fd, STDOUT_FILENO) == -1 ||
	    dup2(log_fd, STDERR_FILENO) == -1)
		_exit(127);
	closefrom(3);
	execve(program, argv, env);
	log_sys("could not run \"%s\"", program);
	_exit(127);
}

static bool
start(const struct config *c)
{
	char program[PATH_MAX];
	char **env = quiet_environment();
	int listen_fd, log_fd;
	bool made;
	pid_t pid = -1;

	if (env == NULL || !beside(program, "pgfeed-stream"))
		return false;
	if (access(program, X_OK) == -1) {
		log_sys("could not start \"%s\"", program);
		return false;
	}
	log_fd = open_log(c);
	if (log_fd == -1)
		log_fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
	listen_fd = socket_listen(c, c->stream_socket, "stream", &made);
	if (listen_fd != -1 && log_fd != -1) {
		log_info("starting \"%s\"", program);
		pid = fork();
		if (pid == 0)
			become_daemon(program, env, listen_fd, log_fd);
		if (pid == -1)
			log_sys("could not start a process");
		else
			waitpid(pid, NULL, 0);
	}
	if (listen_fd != -1)
		close(listen_fd);
	if (log_fd != -1)
		close(log_fd);
	free(env);
	return pid != -1;
}

int
launch_connect(const struct config *c)
{
	int fd = connect_socket(c->stream_socket), lock_fd;

	if (fd == -1 && (errno == ENOENT || errno == ECONNREFUSED)) {
		lock_fd = open_beside_socket(c, ".lock", O_RDWR);
		if (lock_fd == -1 || lock_start(lock_fd) == -1)
			return -1;
		fd = connect_socket(c->stream_socket);
		if (fd == -1 && start(c))
			fd = connect_socket(c->stream_socket);
		close(lock_fd);
	}
	if (fd == -1)
		log_sys("could not connect to \"%s\"", c->stream_socket);
	return fd;
}

void
launch_exec(const char *name)
{
	char path[PATH_MAX];
	char *argv[] = { (char *)name, NULL };

	if (beside(path, name))
		execv(path, argv);
	log_sys("could not run %s", name);
}
