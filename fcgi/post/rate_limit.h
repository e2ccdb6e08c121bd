/*
 * rate_limit.h - how many posts a second one address, or one user, may send.
 *
 * A token bucket for each: it holds burst posts, and so many a second flow in.
 * There are at most LIMIT_KEYS of them; beyond that the one that was idle for
 * longest is forgotten, and would be full by now or soon.
 */
#ifndef PGFEED_RATE_LIMIT_H
#define PGFEED_RATE_LIMIT_H

#include "base/util.h"

#define LIMIT_KEYS 65536

struct rate_limit;

/*
 * NULL, which limits nobody, when rate (posts per second) is 0. what is for the
 * log: "address". Exits without memory: this is start-up.
 */
struct rate_limit *rate_limit_new(
    const char *what, int64_t rate, int64_t burst);
void rate_limit_free(struct rate_limit *);

/*
 * Takes one from the bucket of the n bytes of key, at the time now_ms().
 * Returns 0; or for how many milliseconds there won't be one, and that is
 * counted and logged, with name, at most once a second. From any thread.
 */
int64_t rate_limit_take(struct rate_limit *, const void *key, size_t n,
    const char *name, int64_t now) MUSTCHECK;

#endif
