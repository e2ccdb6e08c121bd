/*
 * request.c - one request, read from a web server or from the environment.
 *
 * This is the only file that uses libfcgi. libfcgi parses parameters and writes
 * records well, but it trusts its peer and blocks. So libfcgi never reads from
 * the connection: it gets the checked parameters through a pair of sockets, and
 * this file reads the body. libfcgi writes the response to the connection.
 *
 *     connection --> bytes --head--> inlet -> libfcgi --> parameters
 *                      |                         |
 *                      +--body--> caller         +--> response --> connection
 */
#include <sys/socket.h>
#include <errno.h>
#include <fcgiapp.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "fastcgi/request_private.h"

#define READ_BYTES    8192
#define DISCARD_BYTES (256 * 1024)

struct request {
	FCGX_Request fcgx;
	struct arrival arrival;
	bool is_cgi;
	size_t head_bytes;
	struct fcgi_body body;
	char *bytes; /* received bytes; those from p on are not parsed yet */
	const char *p;
	size_t n, size;
};

static int
inlet_open(struct inlet *in)
{
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0,
		in->fd) == 0)
		return 0;
	in->fd[0] = in->fd[1] = -1;
	log_sys("could not make a pair of sockets");
	return -1;
}

void
inlet_init(struct inlet *in)
{
	(void)inlet_open(in);
}

void
inlet_fini(struct inlet *in)
{
	for (size_t i = 0; i < ARRAY_LEN(in->fd); i++) {
		if (in->fd[i] != -1)
			close(in->fd[i]);
		in->fd[i] = -1;
	}
}

int
request_start(void)
{
	return FCGX_Init() == 0 ? 0 : -1;
}

struct request *
request_new(int fd)
{
	struct request *r = calloc(1, sizeof(*r));

	if (r != NULL)
		r->arrival.fd = fd;
	return r;
}

struct arrival *
request_arrival(struct request *r)
{
	return &r->arrival;
}

/* Receives more bytes of the connection behind the n at p. */
static int
receive(struct request *r)
{
	ssize_t got;

	if (r->n == 0)
		r->p = r->bytes;
	do
		got = recv(r->arrival.fd, r->bytes + (r->p - r->bytes) + r->n,
		    r->size - (size_t)(r->p - r->bytes) - r->n, 0);
	while (got == -1 && errno == EINTR);
	if (got <= 0)
		return -1;
	r->n += (size_t)got;
	return 0;
}

/*
 * Passes the n checked bytes at p to libfcgi, and no others. libfcgi reads a
 * whole request from them, so the pair of sockets is empty for the next one.
 */
static int
let_library_parse(struct request *r, struct inlet *in, size_t n)
{
	if (in->fd[0] == -1 && inlet_open(in) == -1)
		return -1;
	FCGX_InitRequest(&r->fcgx, -1, 0);
	if (send(in->fd[1], r->p, n, MSG_NOSIGNAL) != (ssize_t)n) {
		inlet_fini(in);
		return -1;
	}
	r->fcgx.ipcFd = in->fd[0];
	r->fcgx.keepConnection =
	    1; /* otherwise Accept_r closes the descriptor at once */
	if (FCGX_Accept_r(&r->fcgx) != 0) {
		in->fd[0] = -1; /* closed by the library */
		inlet_fini(in);
		return -1;
	}
	r->fcgx.ipcFd = r->arrival.fd;
	r->fcgx.keepConnection = 0;
	if (FCGX_GetError(r->fcgx.in) != 0) {
		inlet_fini(in);
		return -1;
	}
	return 0;
}

int
request_parse(struct request *r, struct inlet *in, const struct fcgi_head *head)
{
	r->size = MAX(head->n, READ_BYTES);
	r->bytes = malloc(r->size);
	if (r->bytes == NULL)
		return -1;
	while (r->n < head->n) {
		if (receive(r) == -1)
			return -1;
	}
	if (let_library_parse(r, in, head->n) == -1)
		return -1;
	r->head_bytes = head->n;
	r->p += head->n;
	r->n -= head->n;
	r->body = fcgi_body_after(head);
	return request_param(r, "REQUEST_METHOD") != NULL ? 0 : -1;
}

/* Returns whether a parameter was sent several times with different values. */
static bool
has_several_values(const struct request *r, const char *name)
{
	char **e = r->is_cgi ? environ : r->fcgx.envp;
	const char *first = NULL;
	size_t n = strlen(name);

	for (; e != NULL && *e != NULL; e++) {
		if (strncmp(*e, name, n) != 0 || (*e)[n] != '=')
			continue;
		if (first == NULL)
			first = *e;
		else if (strcmp(*e, first) != 0)
			return true;
	}
	return false;
}

const char *
request_param(const struct request *r, const char *name)
{
	if (strcmp(name, "HTTP_X_FORWARDED_FOR") == 0 &&
	    has_several_values(r, name))
		return NULL;
	if (r->is_cgi)
		return getenv(name);
	return FCGX_GetParam(name, r->fcgx.envp);
}

#define SEVERAL "the request has several values of "

const char *
request_ambiguous(const struct request *r)
{
	static const char *const faults[] = {
		SEVERAL "AUTH_TYPE",
		SEVERAL "CONTENT_LENGTH",
		SEVERAL "CONTENT_TYPE",
		SEVERAL "HTTPS",
		SEVERAL "HTTP_ACCEPT",
		SEVERAL "HTTP_AUTHORIZATION",
		SEVERAL "HTTP_CONTENT_ENCODING",
		SEVERAL "HTTP_COOKIE",
		SEVERAL "HTTP_HOST",
		SEVERAL "HTTP_IDEMPOTENCY_KEY",
		SEVERAL "HTTP_LAST_EVENT_ID",
		SEVERAL "HTTP_ORIGIN",
		SEVERAL "HTTP_REFERER",
		SEVERAL "HTTP_SEC_FETCH_SITE",
		SEVERAL "PATH_INFO",
		SEVERAL "PGFEED_PAD",
		SEVERAL "QUERY_STRING",
		SEVERAL "REMOTE_ADDR",
		SEVERAL "REMOTE_USER",
		SEVERAL "REQUEST_METHOD",
		SEVERAL "REQUEST_SCHEME",
		SEVERAL "REQUEST_URI",
		SEVERAL "SCRIPT_NAME",
		SEVERAL "SERVER_PROTOCOL",
	};

	for (size_t i = 0; i < ARRAY_LEN(faults); i++) {
		if (has_several_values(r, faults[i] + strlen(SEVERAL)))
			return faults[i];
	}
	return NULL;
}

const char *
request_param_or_empty(const struct request *r, const char *name)
{
	const char *value = request_param(r, name);

	return value != NULL ? value : "";
}

size_t
request_head_bytes(const struct request *r)
{
	return r->head_bytes;
}

/* Reads from stdin until the deadline. A CGI program has no watchdog. */
static ssize_t
read_stdin(const struct request *r, void *p, size_t n)
{
	struct pollfd in = { .fd = STDIN_FILENO, .events = POLLIN };
	ssize_t got;
	int rc;

	do {
		int64_t left = r->arrival.deadline_ms - now_ms();

		rc = poll(&in, 1, (int)MAX(left, 0));
	} while (rc == -1 && errno == EINTR);
	if (rc <= 0)
		return -1;
	do
		got = read(STDIN_FILENO, p, n);
	while (got == -1 && errno == EINTR);
	return got;
}

/*
 * Reads body content. A record that is cut short, or is not STDIN, is a
 * permanent error.
 */
ssize_t
request_read(struct request *r, void *p, size_t n)
{
	const char *piece;
	size_t length;

	if (r->is_cgi)
		return read_stdin(r, p, n);
	for (;;) {
		/* Parse no further than the caller has room for. */
		size_t part = MIN(r->n, n), left = part;

		switch (
		    fcgi_body_next(&r->body, &r->p, &left, &piece, &length)) {
		case FCGI_CHECK_OK:
			r->n -= part - left;
			memcpy(p, piece, length);
			return (ssize_t)length;
		case FCGI_CHECK_MORE:
			r->n -= part - left;
			if (r->n == 0 && (request_late(r) || receive(r) == -1))
				return -1;
			break;
		case FCGI_CHECK_BAD:
		case FCGI_CHECK_LARGE:
			log_debug(
			    "connection dropped: another record in the body");
			return -1;
		}
	}
}

bool
request_late(const struct request *r)
{
	return now_ms() >= r->arrival.deadline_ms;
}

int
request_write(struct request *r, const void *p, size_t n)
{
	const char *s = p;

	if (!r->is_cgi)
		return FCGX_PutStr(s, (int)n, r->fcgx.out) == (int)n ? 0 : -1;
	while (n > 0) {
		ssize_t done = write(STDOUT_FILENO, s, n);

		if (done == -1 && errno == EINTR)
			continue;
		if (done == -1)
			return -1;
		s += done;
		n -= (size_t)done;
	}
	return 0;
}

static void
free_request(struct request *r)
{
	if (!r->is_cgi)
		FCGX_Free(&r->fcgx, 0);
	free(r->bytes);
	free(r);
}

void
request_drop(struct request *r)
{
	int fd = r->arrival.fd;

	r->arrival.done(&r->arrival);
	free_request(r);
	close(fd);
}

/*
 * Reads the bytes that the peer sent and no code has read, as close() would
 * turn them into a reset. Stops after DISCARD_BYTES, as much as a socket's
 * buffer holds, because the peer may go on sending.
 */
static void
discard_rest(const struct request *r)
{
	char junk[4096];

	for (int i = 0; i < DISCARD_BYTES / (int)sizeof(junk); i++) {
		if (recv(r->arrival.fd, junk, sizeof(junk), MSG_DONTWAIT) <= 0)
			break;
	}
}

/*
 * Does the same as FCGX_Finish_r(), but does not wait up to two seconds for the
 * peer to close.
 */
void
request_finish(struct request *r)
{
	if (r->is_cgi) {
		free_request(r);
		return;
	}
	FCGX_FClose(r->fcgx.err);
	FCGX_FClose(r->fcgx.out);
	if (!r->body.ended)
		discard_rest(r);
	request_drop(r);
}

struct taken
request_take(struct request *r)
{
	struct taken t = { .fd = r->arrival.fd,
		.id = (uint16_t)r->fcgx.requestId };

	r->arrival.done(&r->arrival);
	free_request(r);
	fcntl(t.fd, F_SETFL, O_NONBLOCK);
	return t;
}

bool
request_is_cgi(void)
{
	/*
	 * Without a request in the environment, stdin comes from the shell or
	 * systemd.
	 */
	return getenv("REQUEST_METHOD") != NULL && FCGX_IsCGI() != 0;
}

struct request *
request_from_cgi(int64_t timeout_ms)
{
	struct request *r = request_new(-1);

	if (r == NULL)
		log_fatal("out of memory");
	r->is_cgi = true;
	r->arrival.deadline_ms = now_ms() + timeout_ms;
	for (char **e = environ; *e != NULL; e++)
		r->head_bytes += strlen(*e) + 1;
	return r;
}
