/*
 * jwt_keys.h - the file with the keys for tokens.
 *
 *	# KID ALG KEY
 *	2026a HS256 sMZ5t0dHqk...              a secret, in base64url
 *	2026b RS256 /etc/pgfeed/issuer.pem     a public key, in a file
 *	*     HS256 hq9Wp1...                  for tokens that name no key
 *
 * Several lines may have the same KID, so that a key can be replaced while
 * tokens of both are about. A path that is not absolute begins at the folder of
 * the file.
 */
#ifndef PGFEED_JWT_KEYS_H
#define PGFEED_JWT_KEYS_H

#include "auth/jwt.h"

struct jwt_keys {
	struct jwt_key *key;
	size_t n;
	bool has_secret; /* so it is not for everybody to read */
};

/* Adds a public key's file to the buffer; NULL, or why that can't be. */
typedef const char *(*jwt_pem_cb)(struct buf *, const char *path, void *arg);

/*
 * What a text of n bytes says. Returns NULL with the reason, which has no key
 * in it, in *why, and the line in *line, 0 if it is about the whole.
 */
struct jwt_keys *jwt_keys_parse(const char *text, size_t n, jwt_pem_cb,
    void *arg, int *line, const char **why) MUSTCHECK;

/*
 * Reads the file. Returns NULL with the reason, which has no key in it, in err:
 * also when it has a secret and is readable by everybody, or when it or the file of
 * a public key can be written to by everybody or is not a regular file. It waits
 * for nothing.
 */
struct jwt_keys *jwt_keys_load(
    const char *path, char *err, size_t size) MUSTCHECK;

void jwt_keys_free(struct jwt_keys *);

#endif
