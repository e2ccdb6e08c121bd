/*
 * fcgi_check.h - whether what a peer sent is the beginning of a request.
 *
 * libfcgi trusts its peer: repeated names in GET_VALUES overflow its stack, a
 * parameter list cut short passes for a whole one, huge lengths end in an
 * assertion. So the records up to the end of the parameters are looked at here
 * before the library sees the connection.
 */
#ifndef PGFEED_FCGI_CHECK_H
#define PGFEED_FCGI_CHECK_H

#include "util.h"

/* Records up to the end of the parameters may take this many bytes. */
#define FCGI_CHECK_MAX_BYTES (96 * 1024)

enum fcgi_check {
	FCGI_CHECK_OK,   /* whole and well-formed up to the end of PARAMS */
	FCGI_CHECK_MORE, /* well-formed so far */
	FCGI_CHECK_BAD,  /* not a request: the connection is to be closed */
};

/*
 * Looks at the n bytes at p, the first of a connection: BEGIN_REQUEST for a
 * responder with a request id, then PARAMS of the same id with complete
 * name-value pairs (FastCGI 1.0 sections 3.3, 3.4, 5.1, 5.2), nothing else.
 */
enum fcgi_check fcgi_check(const char *p, size_t n);

/*
 * Whether a request that is FCGI_CHECK_OK is there to the end of its body, with
 * nothing else in between: then reading it does not block.
 */
bool fcgi_check_whole(const char *p, size_t n);

#endif
