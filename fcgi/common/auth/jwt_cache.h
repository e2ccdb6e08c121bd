/*
 * jwt_cache.h - what tokens said that have been found good.
 *
 * A browser sends the same token with each request, and a signature by RSA or
 * an elliptic curve takes a good part of a millisecond to check. Only good
 * tokens get in, so strangers can't fill it. Not for several threads at once.
 */
#ifndef PGFEED_JWT_CACHE_H
#define PGFEED_JWT_CACHE_H

#include "auth/jwt.h"

/* Beyond these the one that was not asked for longest goes. */
#define TOKEN_CACHE_MAX 1000

struct jwt_cache;

/* An empty one is NULL, and needs no memory. */
void jwt_cache_clear(struct jwt_cache **);

/*
 * Fills in out as jwt_judge() would have, at the time now; leeway as in the
 * rules. False when the token is not there, has expired, or memory is short.
 */
bool jwt_cache_find(struct jwt_cache **, const char *token, size_t n,
    int64_t now, int64_t leeway, struct jwt_content *out);

/* Keeps a copy; without memory, none. */
void jwt_cache_add(struct jwt_cache **, const char *token, size_t n,
    const struct jwt_content *);

#endif
