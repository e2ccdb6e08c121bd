/*
 * doctor_socket.c - checks of the sockets between web server and programs.
 */
#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <poll.h>
#include <pwd.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/buf.h"
#include "ctl/doctor/doctor.h"
#include "fastcgi/record.h"

#define ANSWER_WAIT_MS 3000

static void
add_param(struct buf *b, const char *name, const char *value)
{
	record_add_pair(b, name, strlen(name), value);
}

static void
add_request(struct buf *b, const char *method, const char *uri)
{
	struct buf params = BUF_INIT;

	add_param(&params, "REQUEST_METHOD", method);
	add_param(&params, "REQUEST_URI", uri);
	add_param(&params, "SCRIPT_NAME", "");
	add_param(&params, "PATH_INFO", uri);
	add_param(&params, "QUERY_STRING", "");
	add_param(&params, "SERVER_PROTOCOL", "HTTP/1.1");
	add_param(&params, "SERVER_NAME", "doctor");
	record_add_request(b, &params);
	buf_fini(&params);
}

/*
 * Adds the output in n bytes of records. Returns RECORD_COMPLETE at the end of
 * the request, else RECORD_MORE or RECORD_BAD.
 */
static enum record_step
take_records(
    struct record_reader *r, const char *p, size_t n, struct buf *out)
{
	const char *piece;
	enum record_step step;
	size_t length;

	do {
		step = record_next(r, &p, &n, &piece, &length);
		if (step == RECORD_PIECE && r->header.type == RECORD_STDOUT)
			buf_add(out, piece, length);
	} while (step == RECORD_HEADER || step == RECORD_PIECE ||
		 (step == RECORD_COMPLETE && r->header.type != RECORD_END));
	return step;
}

/*
 * Sends a request and reads the answer. Returns NULL, or a text about the
 * failure.
 */
static const char *
ask_socket(int fd, const char *method, const char *uri, struct buf *answer)
{
	struct buf request = BUF_INIT;
	struct record_reader reader = { .have = 0 };
	enum record_step step = RECORD_MORE;
	char in[4096];
	int64_t deadline = now_ms() + ANSWER_WAIT_MS;
	const char *wrong = NULL;
	ssize_t n;

	add_request(&request, method, uri);
	if (buf_failed(&request) || send(fd, request.data, request.len,
					MSG_NOSIGNAL) != (ssize_t)request.len)
		wrong = "it hung up";
	while (wrong == NULL && step == RECORD_MORE) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		int64_t left = deadline - now_ms();

		if (left <= 0 || poll(&p, 1, (int)left) == 0) {
			wrong = "it does not answer";
			break;
		}
		n = recv(fd, in, sizeof(in), 0);
		if (n == 0 || (n == -1 && errno != EAGAIN && errno != EINTR))
			wrong = "it hung up";
		else if (n > 0)
			step = take_records(&reader, in, (size_t)n, answer);
	}
	if (step == RECORD_BAD)
		wrong = "what it says is not FastCGI";
	buf_addc(answer, '\0');
	buf_fini(&request);
	return wrong;
}

/* Sends each program a request that it answers without a web server. */
static void
look_at_answer(struct doctor *d, const char *program, int fd)
{
	bool stream = strcmp(program, "pgfeed-stream") == 0;
	struct buf answer = BUF_INIT, uri = BUF_INIT;
	const char *wrong;
	int status = 0;

	buf_addf(&uri, "%s%s",
	    strcmp(d->config->base_path, "/") != 0 ? d->config->base_path : "",
	    stream ? "/-/ready" : "/doctor");
	wrong = ask_socket(fd, stream ? "GET" : "OPTIONS", uri.data, &answer);
	if (wrong == NULL && sscanf(answer.data, "Status: %d", &status) != 1)
		wrong = "its answer is not one of pgfeed's";
	if (wrong != NULL)
		doctor_say(d, ILL,
		    "somebody listens, but %s: its log says why (is the user that runs this among peer_users?)",
		    wrong);
	else if (stream && status == 503)
		doctor_say(d, ILL,
		    "it answers, but does not follow the database: its log says why");
	else if (stream && status != 200)
		doctor_say(d, WARN, "it answers with status %d", status);
	else
		doctor_say(d, WELL, "it answers%s",
		    stream ? " and follows the database" : "");
	buf_fini(&answer);
	buf_fini(&uri);
}

bool
doctor_may_use(const struct passwd *pw, const struct stat *st, mode_t want)
{
	gid_t groups[256];
	int n = ARRAY_LEN(groups);

	if (pw->pw_uid == 0)
		return true;
	if (pw->pw_uid == st->st_uid)
		return (st->st_mode >> 6 & want) == want;
	if (getgrouplist(pw->pw_name, pw->pw_gid, groups, &n) == -1)
		n = ARRAY_LEN(groups);
	for (int i = 0; i < n; i++) {
		if (groups[i] == st->st_gid)
			return (st->st_mode >> 3 & want) == want;
	}
	return (st->st_mode & want) == want;
}

/*
 * Checks that a user can search every folder above path, and write to the
 * socket.
 */
static void
look_at_user(struct doctor *d, const char *name, const char *path)
{
	const struct passwd *pw = getpwnam(name);
	char part[PATH_MAX];
	struct stat st;

	if (pw == NULL) {
		doctor_say(
		    d, WARN, "peer_users: there is no user \"%s\" here", name);
		return;
	}
	snprintf(part, sizeof(part), "%s", path);
	for (char *slash = part; (slash = strchr(slash + 1, '/')) != NULL;) {
		*slash = '\0';
		if (stat(part, &st) == 0 && !doctor_may_use(pw, &st, 1)) {
			doctor_say(d, ILL,
			    "user \"%s\" cannot pass through \"%s\": chmod o+x it, or put the socket elsewhere",
			    name, part);
			return;
		}
		*slash = '/';
	}
	if (stat(path, &st) == 0 && !doctor_may_use(pw, &st, 2))
		doctor_say(d, ILL,
		    "user \"%s\" may not connect to \"%s\": set socket_group to a group of that user",
		    name, path);
	else
		doctor_say(d, WELL, "user \"%s\" may connect", name);
}

void
doctor_socket(struct doctor *d, const char *program, const char *path)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	struct stat st;
	int fd, rc;

	doctor_look_at(d, program);
	if (strlen(path) >= sizeof(sun.sun_path)) {
		doctor_say(
		    d, ILL, "the path \"%s\" is too long for a socket", path);
		return;
	}
	if (stat(path, &st) == -1 && errno == EACCES) {
		doctor_say(d, ILL,
		    "could not look at \"%s\" (%s): run this as root, or as a user of peer_users",
		    path, strerror(errno));
		return;
	}
	if (stat(path, &st) == -1) {
		doctor_say(d, ILL,
		    "there is no socket \"%s\" (%s): is %s running?", path,
		    strerror(errno), program);
		return;
	}
	if (!S_ISSOCK(st.st_mode)) {
		doctor_say(d, ILL, "\"%s\" is not a socket", path);
		return;
	}
	memcpy(sun.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	rc = fd == -1 ? -1 : connect(fd, (struct sockaddr *)&sun, sizeof(sun));
	if (rc == 0)
		look_at_answer(d, program, fd);
	else if (errno == ECONNREFUSED)
		doctor_say(d, ILL, "nobody listens on \"%s\": start %s", path,
		    program);
	else if (errno == EACCES)
		doctor_say(d, ILL,
		    "could not connect to \"%s\" (%s): run this as root, or as a user of peer_users",
		    path, strerror(errno));
	else
		doctor_say(d, ILL, "could not connect to \"%s\": %s", path,
		    strerror(errno));
	if (fd != -1)
		close(fd);

	if ((st.st_mode & 0777) != (mode_t)d->config->socket_mode)
		doctor_say(d, WARN,
		    "\"%s\" has mode %04o, not %04o as configured", path,
		    st.st_mode & 0777, (unsigned)d->config->socket_mode);
	if ((st.st_mode & 2) != 0)
		doctor_say(d, WARN,
		    "every user may connect to \"%s\"; only peer_users are served",
		    path);
	for (size_t i = 0; i < d->config->peer_users.n; i++)
		look_at_user(d, d->config->peer_users.item[i], path);
}
