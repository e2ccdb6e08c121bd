/*
 * buf.h - a byte string that grows.
 *
 * A failed allocation sticks: later calls do nothing, and buf_failed() tells
 * once at the end, so that a dozen additions need one check.
 */
#ifndef PGFEED_BUF_H
#define PGFEED_BUF_H

#include "base/util.h"

struct buf {
	char *data; /* NUL-terminated whenever it is not NULL */
	size_t len;
	size_t cap;
	bool failed;
};

#define BUF_INIT { NULL, 0, 0, false }

void buf_init(struct buf *);

/* Frees the bytes; the buffer is as after buf_init(). */
void buf_fini(struct buf *);

/* Forgets the bytes and a failure, keeps the memory. */
void buf_clear(struct buf *);

/* Makes room for n more bytes. False when there is no memory. */
bool buf_reserve(struct buf *, size_t n);

void buf_add(struct buf *, const void *, size_t n);
void buf_addstr(struct buf *, const char *);
void buf_addc(struct buf *, char);
void buf_addf(struct buf *, const char *fmt, ...) PRINTF(2, 3);

/* Adds s as a JSON string with its quotes (RFC 8259 section 7). */
void buf_addjson(struct buf *, const char *s, size_t n);

static inline bool
buf_failed(const struct buf *b)
{
	return b->failed;
}

#endif
