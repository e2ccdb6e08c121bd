/*
 * subscribe.h - from an HTTP request to what the hub has to know of it.
 */
#ifndef PGFEED_SUBSCRIBE_H
#define PGFEED_SUBSCRIBE_H

#include <netinet/in.h>

#include "config/config.h"
#include "auth/identity.h"
#include "fastcgi/request.h"
#include "stream/client/stream.h"

/* What a request asks for. */
struct subscription {
	struct taken conn;
	enum format format;
	enum stream_from start;
	char *position; /* FROM_POSITION: as it was sent */
	int64_t last_n; /* FROM_LAST_N */
	char **pattern; /* valid topic patterns, at least one */
	size_t n;
	char *cors;      /* header lines, "" for none */
	int64_t wait_ms; /* FORMAT_POLL, and brief streams */
	unsigned pad;    /* see struct shape */
	bool brief;
	bool heartbeat_event;
	bool head_only; /* HEAD: the head that a GET would get, and the end */
	char address[INET6_ADDRSTRLEN]; /* of the client, or "" */
	struct identity identity;
	bool cgi;        /* a pgfeed-cgi process carries the response */
	uint64_t ticket; /* see client/ticket.h; 0: none */
	bool may_sign_in; /* a token would be believed */
	/* What admission adds. */
	bool full;        /* there is no place: a short response */
	int64_t retry_ms; /* the delay that the client is told */
};

void subscription_free(struct subscription *);

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
	struct subscription
	    *subscription; /* for WANT_STREAM, with the connection */
};

/*
 * Reads a GET request. True: *w is what the loop has to do, and the request
 * has become a bare connection. False: it has been answered (an error with a
 * one-line problem) and is gone. Runs in any thread.
 */
bool subscribe(struct request *, const struct config *, struct identities *,
    struct wanted *w) MUSTCHECK;

#endif
