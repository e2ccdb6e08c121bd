/*
 * relay.h - relays one CGI request to a FastCGI socket, and the answer back.
 */
#ifndef PGFEED_RELAY_H
#define PGFEED_RELAY_H

#include "base/util.h"

enum relay_result {
	RELAY_DONE,   /* the whole answer is written */
	RELAY_LEFT,   /* the client has disconnected */
	RELAY_CUT,    /* the gateway ended within its answer */
	RELAY_SILENT, /* the gateway sent no byte; stdout is untouched */
};

/*
 * Sends the request in the environment, without a body, to the gateway at fd,
 * and writes the answer to stdout as it arrives. The answer has to begin within
 * limit_ms; then there is no limit.
 */
enum relay_result relay(int fd, int limit_ms) MUSTCHECK;

#endif
