/*
 * answer.h - HTTP answers in CGI form: "Status: 413 ..." first.
 *
 * An error is one line of JSON (RFC 9457):
 *
 *	{"title":"Content Too Large","status":413,"detail":"..."}
 *
 * The type is about:blank, which RFC 9457 section 4.2.1 allows to leave out.
 * The title is therefore the status in words. The detail names the remedy.
 */
#ifndef PGFEED_ANSWER_H
#define PGFEED_ANSWER_H

#include "base/buf.h"

#define ANSWER_STREAM "text/event-stream"

/* The whole answer for a request that ran out of memory. */
#define ANSWER_NO_MEMORY \
	"Status: 503 Service Unavailable\r\nRetry-After: 2\r\n\r\n"

/* Returns the words for a status (RFC 9110 section 15), "Error" for others. */
const char *answer_reason(int status);

/*
 * Adds a head. type is the Content-Type, or NULL for an answer without a body;
 * headers are further lines, each ending in CR LF, or "". The head forbids
 * caches to keep an answer, and proxies to buffer or transform a stream.
 */
void answer_add_head(
    struct buf *, int status, const char *type, const char *headers);

/* Adds a whole answer: a head with Content-Length, and the n bytes of a body. */
void answer_add(struct buf *, int status, const char *type, const char *headers,
    const char *body, size_t n);

/* Adds a whole answer that is an error. */
void answer_add_problem(
    struct buf *, int status, const char *headers, const char *detail);

#endif
