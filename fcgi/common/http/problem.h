/*
 * problem.h - an error as an answer: one line of JSON (RFC 9457).
 *
 * {"title":"Content Too Large","status":413,"detail":"..."}
 *
 * The type is about:blank, which RFC 9457 section 4.2.1 lets us leave out, so
 * the title is the status in words. The detail says what to do.
 */
#ifndef PGFEED_PROBLEM_H
#define PGFEED_PROBLEM_H

#include "base/buf.h"

/* The words for a status (RFC 9110 section 15); "Error" for one not known. */
const char *http_reason(int status);

/*
 * Adds the head and body of an answer, as CGI wants it ("Status: 413 ..."
 * first). headers are further lines, each ending in CR LF, or "".
 */
void problem_add(
    struct buf *, int status, const char *headers, const char *detail);

#endif
