/*
 * post_counters.h - what became of the posts, counted for the page of metrics.
 *
 * Many processes of pgfeed-post, plain CGI programs among them, add to one
 * file beside their socket; pgfeed-stream reads it when it is asked. Nobody
 * depends on it: without the file posts are taken as ever, and not counted.
 */
#ifndef PGFEED_POST_COUNTERS_H
#define PGFEED_POST_COUNTERS_H

#include <sys/types.h>

#include "base/util.h"

/* What became of a post; the names are those of the metric. */
enum outcome {
	POST_STORED = 0,   /* 201 or 303 */
	POST_DUPLICATE,    /* 200 or 303: its key was used before */
	POST_CONFLICT,     /* 422: ... for another event */
	POST_REFUSED,      /* 422: by a constraint or trigger */
	POST_UNAUTHORIZED, /* 401: nobody is signed in */
	POST_TOKEN,        /* 401: a bad token */
	POST_FORBIDDEN,    /* 403: by pgfeed.may_write, or the role may not */
	POST_ORIGIN,       /* 403: a page of another site */
	POST_FORM_TOKEN,   /* 403: a form without its token */
	POST_ADDRESS,      /* 429: post_rate_per_address */
	POST_USER,         /* 429: post_rate_per_user */
	POST_TOO_LARGE,    /* 413: body_limit, payload_limit */
	POST_FIELDS,       /* 413 or 400: too many fields, or too long ones */
	POST_MALFORMED,    /* 400 */
	POST_INCOMPLETE,   /* 400: the body ended early */
	POST_TOPIC,        /* 404 or 400: not a topic */
	POST_METHOD,       /* 405 */
	POST_TYPE,         /* 415 */
	POST_NOT_TEXT,     /* 422: not UTF-8, or with a NUL */
	POST_LATE,         /* 408, or dropped: request_timeout */
	POST_HEAD,         /* 431: head_limit; or dropped */
	POST_BROKEN,       /* dropped: not a whole FastCGI request */
	POST_PEER,         /* dropped: not one of peer_users */
	POST_BUSY,         /* 503: too many are waiting */
	POST_UNAVAILABLE,  /* 503: the database is away */
	POST_UNKNOWN,      /* 503: its connection was lost meanwhile */
	POST_MEMORY,       /* 503 */
	OUTCOMES,
};

const char *outcome_name(enum outcome);

struct post_counters;

/*
 * Opens, or makes, the file beside the socket, which is to belong to owner:
 * call it while still root, if root it is. Never fails; without a file nothing
 * is counted, and a line in the log says so if complain. Exits without memory:
 * this is start-up.
 */
struct post_counters *post_counters_new(
    const char *post_socket, uid_t owner, bool complain);
void post_counters_free(struct post_counters *);

/* Counts one, in memory. From any thread; NULL counts nothing. */
void post_counters_add(struct post_counters *, enum outcome);

/*
 * Adds to the file what was counted since the last time. It waits for nobody
 * who is writing there now, but for some ms if patient: else the next one will
 * do it. One thread at a time.
 */
void post_counters_flush(struct post_counters *, bool patient);

/*
 * Reads the file beside the socket. False when there is none that this process
 * could have written itself.
 */
bool post_counters_read(
    const char *post_socket, uint64_t sum[OUTCOMES]) MUSTCHECK;

#endif
