/*
 * post_counters.h - counters of the results of posts, for the metrics page.
 *
 * All pgfeed-post processes, plain CGI programs among them, add to one file
 * beside their socket. pgfeed-stream reads the file for its metrics page. When
 * the file is missing, posts are handled as usual but not counted.
 */
#ifndef PGFEED_POST_COUNTERS_H
#define PGFEED_POST_COUNTERS_H

#include <sys/types.h>

#include "base/util.h"

/* Results of a post; outcome_name() gives the label of the metric. */
enum outcome {
	POST_STORED = 0,   /* 201 or 303 */
	POST_DUPLICATE,    /* 200 or 303: its key was used before */
	POST_CONFLICT,     /* 422: ... for another event */
	POST_REFUSED,      /* 422: by a constraint or trigger */
	POST_UNAUTHORIZED, /* 401: nobody is signed in */
	POST_TOKEN,        /* 401: a bad token */
	POST_FORBIDDEN,    /* 403: by pgfeed.may_write, or the role may not */
	POST_POLICY,       /* 403 or 401: pgfeed.may_write failed */
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
 * Opens or creates the file beside the socket; owner is the file's owner, so a
 * process that starts as root calls this before it drops root. Never fails: when
 * there is no file, nothing is counted, and complain decides whether a log line
 * says so. Exits without memory. For start-up only.
 */
struct post_counters *post_counters_new(
    const char *post_socket, uid_t owner, bool complain);
void post_counters_free(struct post_counters *);

/* Counts one result in memory. Any thread may call it; NULL counts nothing. */
void post_counters_add(struct post_counters *, enum outcome);

/*
 * Adds the counts since the last flush to the file. When another process holds
 * the file's lock, a patient call waits for some milliseconds and an impatient
 * one leaves the counts to the next flush. One thread at a time.
 */
void post_counters_flush(struct post_counters *, bool patient);

/*
 * Reads the sums from the file beside the socket. Returns false when there is no
 * file, or the file belongs neither to the user of this process nor to the
 * socket's owner, which is pgfeed-post's user.
 */
bool post_counters_read(
    const char *post_socket, uint64_t sum[OUTCOMES]) MUSTCHECK;

#endif
