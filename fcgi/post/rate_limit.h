/*
 * rate_limit.h - token buckets: posts per second of an address or a user.
 *
 * A bucket holds burst tokens, and rate tokens a second flow in. There are at
 * most LIMIT_KEYS buckets. Beyond that number the bucket that was idle for
 * longest is dropped, which is full by then or will be soon.
 */
#ifndef PGFEED_RATE_LIMIT_H
#define PGFEED_RATE_LIMIT_H

#include "base/util.h"

#define LIMIT_KEYS 65536

struct rate_limit;

/*
 * Returns a limit of rate posts per second, or NULL, which limits no client, if
 * rate is 0. what is the kind of key for the log: "address". Exits without
 * memory. For start-up only.
 */
struct rate_limit *rate_limit_new(
    const char *what, int64_t rate, int64_t burst);
void rate_limit_free(struct rate_limit *);

/*
 * Takes a token from the bucket of the n bytes of key, at the time now_ms().
 * Returns 0, or the milliseconds until the next token; such a refusal is
 * counted, and logged with name at most once a second. Any thread may call this
 * function.
 */
int64_t rate_limit_take(struct rate_limit *, const void *key, size_t n,
    const char *name, int64_t now) MUSTCHECK;

#endif
