/*
 * buf.h - growable byte string.
 *
 * A failed allocation is remembered: later calls do nothing and buf_failed()
 * returns true, so that a dozen additions need one check at the end.
 */
#ifndef PGFEED_BUF_H
#define PGFEED_BUF_H

#include "base/util.h"

struct buf {
	char *data; /* NUL-terminated unless NULL */
	size_t len;
	size_t cap;
	bool failed;
};

#define BUF_INIT { NULL, 0, 0, false }

void buf_init(struct buf *);

/* Frees the bytes. The buffer can be used again. */
void buf_fini(struct buf *);

/* Removes the bytes and resets a failure; keeps the memory. */
void buf_clear(struct buf *);

/* Reserves memory for n more bytes. Returns false without memory. */
bool buf_reserve(struct buf *, size_t n);

void buf_add(struct buf *, const void *, size_t n);
void buf_addstr(struct buf *, const char *);
void buf_addc(struct buf *, char);
void buf_addf(struct buf *, const char *fmt, ...) PRINTF(2, 3);

/* Appends s as a JSON string with quotes (RFC 8259 section 7). */
void buf_addjson(struct buf *, const char *s, size_t n);

/* Appends microseconds since 1970 as RFC 3339 has them, in UTC. */
void buf_addtime(struct buf *, int64_t us);

static inline bool
buf_failed(const struct buf *b)
{
	return b->failed;
}

#endif
