/*
 * request_check.h - validation of FastCGI requests before they are parsed.
 *
 * libfcgi trusts its peer: repeated names in GET_VALUES overflow its stack, it
 * accepts a parameter list that is cut short, and huge lengths end in an
 * assertion. All of that holds inside the body as well. So libfcgi gets the
 * records up to the end of the parameters only after this check, and never
 * those of the body.
 */
#ifndef PGFEED_REQUEST_CHECK_H
#define PGFEED_REQUEST_CHECK_H

#include "fastcgi/record.h"

/* Maximum bytes of the records up to the end of the parameters. */
#define FCGI_CHECK_MAX_BYTES (96 * 1024)

enum fcgi_check {
	FCGI_CHECK_OK,   /* whole and well-formed up to the end of PARAMS */
	FCGI_CHECK_MORE, /* well-formed so far */
	FCGI_CHECK_BAD,  /* not a request: the caller closes the connection */
	FCGI_CHECK_LARGE, /* the parameters are too large: the caller closes the connection */
};

/* The end of the parameters, and the request's id. */
struct fcgi_head {
	size_t n;       /* bytes up to the end of the last record's content */
	size_t padding; /* bytes of padding behind the content */
	uint16_t id;
};

/*
 * Checks the n bytes at p, the first of a connection: BEGIN_REQUEST for a
 * responder with a request id, then PARAMS of the same id with complete
 * name-value pairs (FastCGI 1.0 sections 3.3, 3.4, 5.1, 5.2), and nothing else.
 * Fills head on FCGI_CHECK_OK.
 */
enum fcgi_check fcgi_check(const char *p, size_t n, struct fcgi_head *head);

/*
 * A body: STDIN records of the same request up to an empty one (section 5.3),
 * and nothing else.
 */
struct fcgi_body {
	struct record_reader reader;
	uint16_t id;
	bool last, ended;
};

/* Returns the body that follows a head. */
struct fcgi_body fcgi_body_after(const struct fcgi_head *head);

/*
 * Consumes the *n bytes at *p up to the next piece of content, and sets *piece
 * and *length. FCGI_CHECK_OK: a piece, or the end of the body (b->ended).
 * FCGI_CHECK_MORE: all bytes are consumed and more are to come. FCGI_CHECK_BAD:
 * the caller closes the connection.
 */
enum fcgi_check fcgi_body_next(struct fcgi_body *b, const char **p, size_t *n,
    const char **piece, size_t *length);

/*
 * Checks the body among the n bytes at p. FCGI_CHECK_OK: the body is there to
 * its end, so reading it does not block.
 */
enum fcgi_check request_check_body(
    const struct fcgi_head *head, const char *p, size_t n);

#endif
