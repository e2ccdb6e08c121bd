/*
 * subscribe.h - from an HTTP request to what the hub has to know of it.
 */
#ifndef PGFEED_SUBSCRIBE_H
#define PGFEED_SUBSCRIBE_H

#include "config/config.h"
#include "stream/hub/hub.h"
#include "fastcgi/request.h"

/* pgfeed's own pages, below /events/-/ */
enum history_page_wanted {
	WANT_STREAM,
	WANT_LIVE,
	WANT_READY,
	WANT_STATUS,
	WANT_METRICS
};

struct wanted {
	enum history_page_wanted page;
	struct taken conn; /* for a page */
	struct join *join; /* for WANT_STREAM, with the connection */
};

/*
 * Reads a GET request. True: *w is what the loop has to do, and the request
 * has become a bare connection. False: it has been answered (an error with a
 * one-line problem) and is gone. Runs in any thread.
 */
bool subscribe(struct request *, const struct config *, struct identities *,
    struct wanted *w) MUSTCHECK;

#endif
