/*
 * request.h - one HTTP request, whether it came by FastCGI or by CGI.
 *
 * A request belongs to one thread. It ends with request_finish(), or, in
 * pgfeed-stream, with request_take(), which hands out the bare connection.
 */
#ifndef PGFEED_REQUEST_H
#define PGFEED_REQUEST_H

#include <sys/types.h>

#include "base/util.h"

struct request;

/*
 * A CGI variable (RFC 3875) such as "REQUEST_METHOD" or "HTTP_ORIGIN"; NULL
 * when it is not there. Valid until the request ends.
 */
const char *request_param(const struct request *, const char *name);

/*
 * Returns a sentence for the client if a parameter that decides something was
 * sent several times with different values, else NULL. Such a request is
 * refused: a client can send X_Name beside the X-Name of a proxy, and both are
 * HTTP_X_NAME here.
 *
 * HTTP_X_FORWARDED_FOR is not among them, since a proxy may add a line of its
 * own to the client's. Their order says nothing, so request_param() has none
 * then, and the client's address is the proxy's.
 */
const char *request_ambiguous(const struct request *);

/* As request_param(), but "" when it is not there. */
const char *request_param_or_empty(const struct request *, const char *name);

/*
 * The bytes that came before the body: parameters and what frames them, or the
 * environment of a CGI process.
 */
size_t request_head_bytes(const struct request *);

/*
 * Reads up to n bytes of the body. The whole request has to arrive within
 * request_timeout. Returns the count, 0 at the end of the body, or -1 when the
 * peer stalled, left or broke the protocol.
 */
ssize_t request_read(struct request *, void *, size_t n) MUSTCHECK;

/* Whether request_read() failed because that time was over. */
bool request_late(const struct request *);

/*
 * Writes a part of the response (head and body, as CGI: "Status: 201 Created"
 * first). Returns 0, or -1 when the peer is gone: finish the request then.
 */
int request_write(struct request *, const void *, size_t n);

/* Sends what is left, ends the request cleanly and frees it. */
void request_finish(struct request *);

/* A connection taken over from libfcgi: now the caller's to write records to. */
struct taken {
	int fd;      /* non-blocking, close-on-exec */
	uint16_t id; /* FastCGI request id, 1 with every known web server */
};

/*
 * Takes the connection out of a FastCGI request and frees the request without
 * a word on the wire. Nothing may have been
 * written to it with request_write(). The body must have been read to its end.
 */
struct taken request_take(struct request *);

/*
 * Whether this process was started as a CGI program: with a request in its
 * environment, and no listening socket as its stdin.
 */
bool request_is_cgi(void);

/*
 * The one request of a CGI process: the environment, stdin and stdout. Its body
 * has to arrive within timeout_ms.
 */
struct request *request_from_cgi(int64_t timeout_ms);

#endif
