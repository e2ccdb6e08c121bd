/*
 * jwt_keys.h - the key file of the option jwt_keys.
 *
 *	# KID ALG KEY
 *	2026a HS256 sMZ5t0dHqk...              a secret, in base64url
 *	2026b RS256 /etc/pgfeed/issuer.pem     a public key, in a file
 *	*     HS256 hq9Wp1...                  for tokens that name no key
 *
 * Several lines may have the same KID, so that a key can be replaced while
 * tokens of both keys are in use. A relative path starts at the folder of the
 * key file.
 */
#ifndef PGFEED_JWT_KEYS_H
#define PGFEED_JWT_KEYS_H

#include "auth/jwt.h"

struct jwt_keys {
	struct jwt_key *key;
	size_t n;
	bool has_secret; /* the file must not be world-readable */
};

/* Appends the file of a public key to the buffer; returns NULL or the reason. */
typedef const char *(*jwt_pem_cb)(struct buf *, const char *path, void *arg);

/*
 * Parses the n bytes of a key file. Returns keys for jwt_keys_free(); or NULL
 * with the reason, without any key, in *why and the line number in *line (0: the
 * whole file).
 */
struct jwt_keys *jwt_keys_parse(const char *text, size_t n, jwt_pem_cb,
    void *arg, int *line, const char **why) MUSTCHECK;

/*
 * Reads and parses a key file. Returns keys for jwt_keys_free(); or NULL with the
 * reason, without any key, in err. Refuses a world-readable file with a secret,
 * and a key file or public key file that is world-writable or not a regular
 * file. Never blocks.
 */
struct jwt_keys *jwt_keys_load(
    const char *path, char *err, size_t size) MUSTCHECK;

void jwt_keys_free(struct jwt_keys *);

#endif
