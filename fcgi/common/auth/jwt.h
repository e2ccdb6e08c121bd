/*
 * jwt.h - is this JSON Web Token good? (RFC 7519, in its compact form)
 *
 * Pure: a token, keys, rules and the time in; what it says, or why not, out.
 * The signature is libjwt's business. Everything else is judged here, and
 * before libjwt sees a byte: size, shape, algorithm, key id.
 */
#ifndef PGFEED_JWT_H
#define PGFEED_JWT_H

#include "base/buf.h"

/* Web servers take no longer headers anyway. */
#define TOKEN_MAX_BYTES 8192

/* "ES512" and its NUL */
#define TOKEN_ALG_SIZE 6

struct jwt_key {
	char *kid; /* NULL: for tokens that name none */
	char alg[TOKEN_ALG_SIZE];
	char *data; /* the bytes of a secret, or a public key in PEM */
	size_t len;
};

/* issuer and audience may be "": any. */
struct jwt_rules {
	const char *issuer;
	const char *audience;
	const char *user; /* the claim with the user's name */
	int64_t leeway;   /* seconds by which clocks may differ */
};

enum jwt_result {
	TOKEN_OK = 0,
	TOKEN_REFUSED,
	TOKEN_NO_MEMORY,
};

/* What a good token says; the strings are the caller's to free. */
struct jwt_content {
	char *who;
	char *claims; /* as they were signed, fit for jsonb */
	int64_t expires;
};

/*
 * Whether we take this algorithm, in the case of RFC 7518 section 3.1. For one
 * with a secret *secret_min is how many bytes that has at least (section 3.2),
 * for one with a public key 0.
 */
bool jwt_alg(const char *alg, size_t *secret_min);

/*
 * Adds to b what the n bytes at s mean in base64url without padding (RFC 4648
 * section 5). False when they are not that; b may have a part of it then. Bits
 * that are left over have to be 0.
 */
bool jwt_base64url(struct buf *b, const char *s, size_t n) MUSTCHECK;

/*
 * Whether a name can be a user's: 1 to 255 bytes of UTF-8 without control
 * characters, and not "*" or "+", which mean everybody in pgfeed.access.
 */
bool jwt_user_valid(const char *who, size_t n);

/*
 * Judges a token at the time now (Unix seconds). Every key with its kid and its
 * alg is tried. It has to say when it expires. On TOKEN_REFUSED *why says
 * so in words with nothing of the token in them.
 */
enum jwt_result jwt_judge(const char *token, size_t n,
    const struct jwt_key *keys, size_t n_keys, const struct jwt_rules *,
    int64_t now, struct jwt_content *out, const char **why) MUSTCHECK;

#endif
