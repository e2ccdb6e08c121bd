/*
 * relay.c - relays one CGI request to a FastCGI socket, and the answer back.
 *
 *     environ --> PARAMS --> gateway --> STDOUT records --> stdout
 *
 * Bytes are passed on as they arrive. A record may arrive in pieces of any
 * size: its header is collected, its content is not. stdout is polled only for
 * its end, since the web server closes stdout when the browser has
 * disconnected. The connection to the gateway ends with this process, so the
 * gateway closes the stream.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/log.h"
#include "cgi/relay.h"
#include "fastcgi/record.h"

/* --- the request */

static void
add_variable(struct buf *b, const char *text)
{
	size_t name = strcspn(text, "=");

	record_add_pair(
	    b, text, name, text[name] == '=' ? text + name + 1 : "");
}

/*
 * Returns whether a variable of the environment belongs to the request (RFC
 * 3875 section 4.1).
 */
static bool
is_about_request(const char *text)
{
	static const char *const begins[] = { "AUTH_TYPE=", "CONTENT_",
		"DOCUMENT_", "GATEWAY_INTERFACE=", "HTTPS=", "HTTP_",
		"PATH_INFO=", "PATH_TRANSLATED=", "QUERY_STRING=", "REDIRECT_",
		"REMOTE_", "REQUEST_", "SCRIPT_", "SERVER_", "SSL_" };

	for (size_t i = 0; i < ARRAY_LEN(begins); i++) {
		if (strncmp(text, begins[i], strlen(begins[i])) == 0)
			return true;
	}
	return false;
}

static bool
send_all(int fd, const char *p, size_t n)
{
	while (n > 0) {
		ssize_t done = send(fd, p, n, MSG_NOSIGNAL);

		if (done == -1 && errno == EINTR)
			continue;
		if (done == -1)
			return false;
		p += done;
		n -= (size_t)done;
	}
	return true;
}

static bool
send_request(int fd)
{
	struct buf params = BUF_INIT, b = BUF_INIT;
	bool ok = false;

	for (char **e = environ; *e != NULL; e++) {
		if (is_about_request(*e))
			add_variable(&params, *e);
	}
	add_variable(&params, "PGFEED_CGI=1"); /* see subscribe.c */
	record_add_request(&b, &params);
	if (buf_failed(&params) || buf_failed(&b))
		log_error("out of memory");
	else
		ok = send_all(fd, b.data, b.len);
	buf_fini(&params);
	buf_fini(&b);
	return ok;
}

/* --- the answer */

static bool
write_all(int fd, const char *p, size_t n)
{
	while (n > 0) {
		ssize_t done = write(fd, p, n);

		if (done == -1 && errno == EINTR)
			continue;
		if (done == -1)
			return false;
		p += done;
		n -= (size_t)done;
	}
	return true;
}

enum step { STEP_MORE, STEP_END, STEP_LEFT, STEP_BROKEN };

/*
 * Passes on n bytes of the gateway. *answered is set when a byte was written.
 */
static enum step
pass_on(struct record_reader *r, const char *p, size_t n, bool *answered)
{
	const char *piece;
	size_t length;

	for (;;) {
		switch (record_next(r, &p, &n, &piece, &length)) {
		case RECORD_MORE:
			return STEP_MORE;
		case RECORD_BAD:
			return STEP_BROKEN;
		case RECORD_HEADER:
			break;
		case RECORD_PIECE:
			if (r->header.type == RECORD_STDERR)
				(void)!write(STDERR_FILENO, piece, length);
			if (r->header.type != RECORD_STDOUT)
				break;
			*answered = true;
			if (!write_all(STDOUT_FILENO, piece, length))
				return STEP_LEFT;
			break;
		case RECORD_COMPLETE:
			if (r->header.type == RECORD_END)
				return STEP_END;
			break;
		}
	}
}

enum relay_result
relay(int fd, int limit_ms)
{
	struct record_reader reader = { .have = 0 };
	struct pollfd p[2] = { { .fd = fd, .events = POLLIN },
		{ .fd = STDOUT_FILENO } };
	bool answered = false;
	char in[16384];

	if (!send_request(fd))
		return RELAY_SILENT;
	for (;;) {
		ssize_t n = poll(p, 2, answered ? -1 : limit_ms);

		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		if (p[1].revents & (POLLERR | POLLHUP))
			return RELAY_LEFT;
		n = read(fd, in, sizeof(in));
		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		switch (pass_on(&reader, in, (size_t)n, &answered)) {
		case STEP_MORE:
			break;
		case STEP_END:
			return answered ? RELAY_DONE : RELAY_SILENT;
		case STEP_LEFT:
			return RELAY_LEFT;
		case STEP_BROKEN:
			log_error("what answers at the socket is not FastCGI");
			return answered ? RELAY_CUT : RELAY_SILENT;
		}
	}
	return answered ? RELAY_CUT : RELAY_SILENT;
}
