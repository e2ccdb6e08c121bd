/*
 * sse.h - the text/event-stream format (HTML standard, section 9.2).
 */
#ifndef PGFEED_SSE_H
#define PGFEED_SSE_H

#include "base/buf.h"

/*
 * Adds one event. id and type may be NULL. LF, CR and CRLF in the data all
 * become one line break, as the format knows no other.
 */
void sse_add_event(
    struct buf *, const char *id, const char *type, const char *data, size_t n);

/*
 * Moves the client's last event id without an event reaching the page: a
 * block without data sets the id and is then dropped.
 */
void sse_add_id(struct buf *, const char *id);

/* A comment line; text without a line break. */
void sse_add_comment(struct buf *, const char *text);

/*
 * A comment line of at least least bytes so that b is a multiple of unit; none
 * if it is one and least is 0.
 */
void sse_add_padding(struct buf *b, size_t unit, size_t least);

/* The time after which a client reconnects, in milliseconds. */
void sse_add_retry(struct buf *, unsigned ms);

#endif
