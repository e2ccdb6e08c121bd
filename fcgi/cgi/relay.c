/*
 * relay.c - one CGI request, carried to a FastCGI socket and back.
 *
 *     environ --> PARAMS --> gateway --> STDOUT records --> stdout
 *
 * What arrives is passed on at once, and a record may come in pieces of any
 * size: its header is gathered byte by byte, its content is not gathered at
 * all. stdout is watched for its end only. The web server closes it when it
 * has found out that the browser left; the connection to the gateway ends with
 * this process, so the gateway knows too.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/log.h"
#include "cgi/relay.h"

/* FastCGI 1.0, sections 3.3 and 8 */
#define FCGI_VERSION_1     1
#define FCGI_BEGIN_REQUEST 1
#define FCGI_END_REQUEST   3
#define FCGI_PARAMS        4
#define FCGI_STDIN         5
#define FCGI_STDOUT        6
#define FCGI_STDERR        7
#define FCGI_RESPONDER     1
#define REQUEST_ID         1
#define HEADER_BYTES       8
#define RECORD_MAX_BYTES   65535

/* A record on its way through. */
struct record {
	unsigned char header[HEADER_BYTES];
	size_t have;             /* bytes of the header */
	size_t content, padding; /* bytes still to come */
};

/* --- the request */

static void
add_record(struct buf *b, unsigned type, const void *p, size_t n)
{
	const unsigned char header[HEADER_BYTES] = { FCGI_VERSION_1,
		(unsigned char)type, 0, REQUEST_ID, (unsigned char)(n >> 8),
		(unsigned char)n, 0, 0 };

	buf_add(b, header, sizeof(header));
	if (n > 0)
		buf_add(b, p, n);
}

/* Section 3.4: one byte up to 127, else four with the high bit set. */
static void
add_length(struct buf *b, size_t n)
{
	const unsigned char four[4] = { (unsigned char)(n >> 24 | 0x80),
		(unsigned char)(n >> 16), (unsigned char)(n >> 8),
		(unsigned char)n };

	if (n < 128)
		buf_addc(b, (char)n);
	else
		buf_add(b, four, sizeof(four));
}

static void
add_variable(struct buf *b, const char *text)
{
	size_t name = strcspn(text, "=");
	const char *value = text[name] == '=' ? text + name + 1 : "";

	add_length(b, name);
	add_length(b, strlen(value));
	buf_add(b, text, name);
	buf_addstr(b, value);
}

/* Of the environment, what is about the request (RFC 3875 section 4.1). */
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
send_request(int fd, const char *extra)
{
	/* role (2 bytes), flags: the gateway closes when it is done */
	static const unsigned char begin[8] = { 0, FCGI_RESPONDER };
	struct buf params = BUF_INIT, b = BUF_INIT;
	bool ok = false;

	for (char **e = environ; *e != NULL; e++) {
		if (is_about_request(*e))
			add_variable(&params, *e);
	}
	if (extra != NULL)
		add_variable(&params, extra);
	add_record(&b, FCGI_BEGIN_REQUEST, begin, sizeof(begin));
	for (size_t i = 0; i < params.len; i += RECORD_MAX_BYTES)
		add_record(&b, FCGI_PARAMS, params.data + i,
		    MIN(params.len - i, RECORD_MAX_BYTES));
	add_record(&b, FCGI_PARAMS, NULL, 0);
	add_record(&b, FCGI_STDIN, NULL, 0);
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

/* Takes the header's next bytes; returns how many. */
static size_t
take_header(struct record *r, const char *p, size_t n)
{
	size_t part = MIN(n, HEADER_BYTES - r->have);

	memcpy(r->header + r->have, p, part);
	r->have += part;
	if (r->have == HEADER_BYTES) {
		r->content = (size_t)r->header[4] << 8 | r->header[5];
		r->padding = r->header[6];
	}
	return part;
}

/* Passes n bytes of the gateway on. *answered: something is out. */
static enum step
pass_on(struct record *r, const char *p, size_t n, bool *answered)
{
	size_t part;

	while (n > 0) {
		if (r->have < HEADER_BYTES) {
			part = take_header(r, p, n);
			if (r->header[0] != FCGI_VERSION_1)
				return STEP_BROKEN;
		} else if (r->content > 0) {
			part = MIN(n, r->content);
			r->content -= part;
			if (r->header[1] == FCGI_STDERR)
				(void)!write(STDERR_FILENO, p, part);
			if (r->header[1] == FCGI_STDOUT) {
				*answered = true;
				if (!write_all(STDOUT_FILENO, p, part))
					return STEP_LEFT;
			}
		} else {
			part = MIN(n, r->padding);
			r->padding -= part;
		}
		p += part;
		n -= part;
		if (r->have < HEADER_BYTES || r->content + r->padding > 0)
			continue;
		if (r->header[1] == FCGI_END_REQUEST)
			return STEP_END;
		r->have = 0;
	}
	return STEP_MORE;
}

enum relay_result
relay(int fd, const char *extra, int limit_ms)
{
	struct record record = { .have = 0 };
	struct pollfd p[2] = { { .fd = fd, .events = POLLIN },
		{ .fd = STDOUT_FILENO } };
	bool answered = false;
	char in[16384];

	if (!send_request(fd, extra))
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
		switch (pass_on(&record, in, (size_t)n, &answered)) {
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
