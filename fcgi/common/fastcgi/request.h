/*
 * request.h - one HTTP request, received by FastCGI or by CGI.
 *
 * A request belongs to one thread. It ends with request_finish() or, in
 * pgfeed-stream, with request_take(), which returns the bare connection.
 */
#ifndef PGFEED_REQUEST_H
#define PGFEED_REQUEST_H

#include <sys/types.h>

#include "base/util.h"

struct request;

/*
 * Returns a CGI variable (RFC 3875) such as "REQUEST_METHOD" or "HTTP_ORIGIN",
 * or NULL when the request lacks it. The string is valid until the request
 * ends.
 */
const char *request_param(const struct request *, const char *name);

/*
 * Returns a sentence for the client if the request has several different values
 * of a parameter that decides something, else NULL. The caller refuses such a
 * request: a client can send X_Name beside the X-Name of a proxy, and both
 * become HTTP_X_NAME here.
 *
 * HTTP_X_FORWARDED_FOR is exempt, since a proxy may add a line of its own to
 * the client's. The order of several lines is unknown, so request_param()
 * returns NULL then, and the client's address is the proxy's.
 */
const char *request_ambiguous(const struct request *);

/* Returns request_param(), or "" when the request lacks the variable. */
const char *request_param_or_empty(const struct request *, const char *name);

/*
 * Returns the bytes before the body: the FastCGI records of the parameters, or
 * the environment of a CGI process.
 */
size_t request_head_bytes(const struct request *);

/*
 * Reads up to n bytes of the body. The whole request has to arrive within
 * request_timeout. Returns the count, 0 at the end of the body, or -1 when the
 * peer was too slow, disconnected or broke the protocol.
 */
ssize_t request_read(struct request *, void *, size_t n) MUSTCHECK;

/* Returns whether request_timeout is over. */
bool request_late(const struct request *);

/*
 * Writes a part of the response (head and body as in CGI, with "Status: 201
 * Created" first). Returns 0, or -1 when the peer has disconnected; the caller
 * then finishes the request.
 */
int request_write(struct request *, const void *, size_t n);

/* Flushes the response, ends the request cleanly and frees it. */
void request_finish(struct request *);

/*
 * A connection taken over from libfcgi. The caller owns it and writes records.
 */
struct taken {
	int fd;      /* non-blocking, close-on-exec */
	uint16_t id; /* FastCGI request id, 1 with every known web server */
};

/*
 * Takes the connection out of a FastCGI request and frees the request without
 * writing. The caller must have read the body to its end, and must not have
 * called request_write().
 */
struct taken request_take(struct request *);

/*
 * Returns whether this process was started as a CGI program: its environment
 * has a request, and its stdin is not a listening socket.
 */
bool request_is_cgi(void);

/*
 * Returns the request of a CGI process: environment, stdin and stdout. The body
 * has to arrive within timeout_ms. Exits without memory.
 */
struct request *request_from_cgi(int64_t timeout_ms);

#endif
