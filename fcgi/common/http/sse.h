/*
 * sse.h - the text/event-stream format (HTML standard, section 9.2).
 */
#ifndef PGFEED_SSE_H
#define PGFEED_SSE_H

#include "base/buf.h"

/*
 * Adds one event. id and type may be NULL. Each LF, CR and CRLF in the data
 * becomes a line break, the only one that the format has.
 */
void sse_add_event(
    struct buf *, const char *id, const char *type, const char *data, size_t n);

/*
 * Adds a block without data. It sets the client's last event id, and the page
 * gets no event.
 */
void sse_add_id(struct buf *, const char *id);

/* Adds a comment line. The text has no line break. */
void sse_add_comment(struct buf *, const char *text);

/*
 * Adds a comment line of at least least bytes, so that b's length is a multiple
 * of unit. Adds nothing if it is one already and least is 0.
 */
void sse_add_padding(struct buf *b, size_t unit, size_t least);

/* Adds the time after which a client reconnects, in milliseconds. */
void sse_add_retry(struct buf *, unsigned ms);

#endif
