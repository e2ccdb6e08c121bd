/*
 * jwt_cache.h - LRU cache of verified tokens.
 *
 * A browser sends the same token with each request, and the check of an RSA or
 * elliptic-curve signature takes a large part of a millisecond. The cache holds
 * valid tokens only, so a stranger cannot fill it. The caller serialises calls.
 */
#ifndef PGFEED_JWT_CACHE_H
#define PGFEED_JWT_CACHE_H

#include "auth/jwt.h"

/* Maximum number of tokens; the least recently used one is evicted. */
#define TOKEN_CACHE_MAX 1000

struct jwt_cache;

/* Removes all tokens. An empty cache is NULL. */
void jwt_cache_clear(struct jwt_cache **);

/*
 * Fills in *out as jwt_judge() does, at the time now (Unix seconds). Returns
 * false when the cache does not have the token, the token has expired, or memory
 * is short.
 */
bool jwt_cache_find(struct jwt_cache **, const char *token, size_t n,
    int64_t now, struct jwt_content *out);

/* Adds a copy of a token and its content; does nothing without memory. */
void jwt_cache_add(struct jwt_cache **, const char *token, size_t n,
    const struct jwt_content *);

#endif
