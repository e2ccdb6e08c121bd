/*
 * relay.h - one CGI request, carried to a FastCGI socket and back.
 */
#ifndef PGFEED_RELAY_H
#define PGFEED_RELAY_H

#include "base/util.h"

enum relay_result {
	RELAY_DONE,   /* the answer is out, complete */
	RELAY_LEFT,   /* nobody reads it any more */
	RELAY_CUT,    /* the gateway ended in the middle of it */
	RELAY_SILENT, /* no byte of an answer came; stdout is untouched */
};

/*
 * Sends the request in the environment, without a body, to the gateway at fd,
 * and what it answers to stdout as it comes. extra, if not NULL, is one more
 * variable for the gateway, "NAME=value". The answer has to begin within
 * limit_ms; after that there is no limit.
 */
enum relay_result relay(int fd, const char *extra, int limit_ms) MUSTCHECK;

#endif
