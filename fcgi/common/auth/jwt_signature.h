/*
 * jwt_signature.h - signatures of JSON Web Tokens, by libjwt.
 *
 * The one module that calls libjwt. Built without libjwt it has no algorithm, so
 * that every token and every file of keys is refused.
 */
#ifndef PGFEED_JWT_SIGNATURE_H
#define PGFEED_JWT_SIGNATURE_H

#include "auth/jwt.h"

/* Whether the algorithm (RFC 7518 section 3.1) can be verified. */
bool jwt_signature_has(const char *alg);

/*
 * Returns whether the key made the signature of the token, with the key's
 * algorithm. The token ends with a NUL byte; jwt_judge() has looked at its form.
 */
bool jwt_signature_good(const char *token, const struct jwt_key *) MUSTCHECK;

/*
 * Signs claims, a JSON object, with a key that has a secret. Returns the token,
 * for free(); NULL when that fails.
 */
char *jwt_sign(const struct jwt_key *, const char *claims) MUSTCHECK;

#endif
