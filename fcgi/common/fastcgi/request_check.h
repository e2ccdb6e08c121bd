/*
 * request_check.h - whether what a peer sent is a request.
 *
 * libfcgi trusts its peer: repeated names in GET_VALUES overflow its stack, a
 * parameter list cut short passes for a whole one, huge lengths end in an
 * assertion, and all of that holds inside the body as well. So the records up
 * to the end of the parameters are looked at here before the library is given
 * them, and those of the body are read without it.
 */
#ifndef PGFEED_REQUEST_CHECK_H
#define PGFEED_REQUEST_CHECK_H

#include "fastcgi/record.h"

/* Records up to the end of the parameters may take this many bytes. */
#define FCGI_CHECK_MAX_BYTES (96 * 1024)

enum fcgi_check {
	FCGI_CHECK_OK,    /* whole and well-formed up to the end of PARAMS */
	FCGI_CHECK_MORE,  /* well-formed so far */
	FCGI_CHECK_BAD,   /* not a request: the connection is to be closed */
	FCGI_CHECK_LARGE, /* its parameters are too large: the same */
};

/* Where the parameters end, and whose they are. */
struct fcgi_head {
	size_t n;       /* bytes up to the end of the last record's content */
	size_t padding; /* bytes of padding behind that */
	uint16_t id;
};

/*
 * Looks at the n bytes at p, the first of a connection: BEGIN_REQUEST for a
 * responder with a request id, then PARAMS of the same id with complete
 * name-value pairs (FastCGI 1.0 sections 3.3, 3.4, 5.1, 5.2), nothing else.
 * Fills head when they are FCGI_CHECK_OK.
 */
enum fcgi_check fcgi_check(const char *p, size_t n, struct fcgi_head *head);

/*
 * The body: STDIN records of the same request up to an empty one (section 5.3)
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
 * Takes from the *n bytes at *p up to the next piece of content, which goes to
 * *piece and *length. FCGI_CHECK_OK: there is one, or b->ended; _MORE: all
 * bytes are taken and more are to come; _BAD: the connection is to be closed.
 */
enum fcgi_check fcgi_body_next(struct fcgi_body *b, const char **p, size_t *n,
    const char **piece, size_t *length);

/* Whether the body is there to its end: then reading it does not block. */
enum fcgi_check request_check_body(
    const struct fcgi_head *head, const char *p, size_t n);

#endif
