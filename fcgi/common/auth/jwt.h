/*
 * jwt.h - verification of JSON Web Tokens (RFC 7519, compact form).
 *
 * Pure functions. The input is a token, keys, rules and the time; the output is
 * the token's content or the reason of its refusal. libjwt checks the signature.
 * This module checks everything else, and does so before libjwt sees a byte:
 * size, form, algorithm, key id.
 */
#ifndef PGFEED_JWT_H
#define PGFEED_JWT_H

#include "base/buf.h"

/* Web servers accept no longer header fields. */
#define TOKEN_MAX_BYTES 8192

/* "ES512" and its NUL */
#define TOKEN_ALG_SIZE 6

struct jwt_key {
	char *kid; /* NULL: for tokens without a key id */
	char alg[TOKEN_ALG_SIZE];
	char *data; /* the bytes of a secret, or a public key in PEM */
	size_t len;
};

/* issuer and audience may be "": any. */
struct jwt_rules {
	const char *issuer;
	const char *audience;
	const char *user; /* the claim with the user's name */
	int64_t leeway;   /* tolerated difference of clocks, seconds */
};

enum jwt_result {
	TOKEN_OK = 0,
	TOKEN_REFUSED,
	TOKEN_NO_MEMORY,
};

/* Content of a valid token. The caller frees the strings. */
struct jwt_content {
	char *who;
	char *claims; /* as signed; jsonb accepts the text */
	int64_t expires; /* first moment of refusal: exp + leeway, Unix seconds */
};

/*
 * Returns whether the algorithm (RFC 7518 section 3.1) is accepted. *secret_min
 * is the minimum size of its secret in bytes (section 3.2), or 0 for an
 * algorithm with a public key.
 */
bool jwt_alg(const char *alg, size_t *secret_min);

/*
 * Decodes n bytes of base64url without padding (RFC 4648 section 5) and appends
 * the result to b. Returns false for invalid input; b may then have a part of
 * the result. Unused bits must be 0.
 */
bool jwt_base64url(struct buf *b, const char *s, size_t n) MUSTCHECK;

/*
 * Returns whether who is a valid user name: 1 to 255 bytes of UTF-8 without
 * control characters, and neither "*" nor "+", which stand for everybody in
 * pgfeed.access.
 */
bool jwt_user_valid(const char *who, size_t n);

/*
 * Verifies a token at the time now (Unix seconds) with each key that has the
 * token's key id and algorithm. The claim exp is required. On TOKEN_REFUSED *why
 * is the reason, without any part of the token.
 */
enum jwt_result jwt_judge(const char *token, size_t n,
    const struct jwt_key *keys, size_t n_keys, const struct jwt_rules *,
    int64_t now, struct jwt_content *out, const char **why) MUSTCHECK;

#endif
