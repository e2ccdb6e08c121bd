/*
 * jwt_signature.c - signatures of JSON Web Tokens, by libjwt.
 */
#include <string.h>

#include "auth/jwt_signature.h"

#ifdef HAVE_LIBJWT

#include <jwt.h>

bool
jwt_signature_has(const char *alg)
{
	jwt_alg_t known = jwt_str_alg(alg);

	return known != JWT_ALG_INVAL && known != JWT_ALG_NONE;
}

bool
jwt_signature_good(const char *token, const struct jwt_key *k)
{
	jwt_t *jwt = NULL;
	bool good;

	good = jwt_decode(&jwt, token, (const unsigned char *)k->data,
		   (int)k->len) == 0 &&
	       jwt_get_alg(jwt) == jwt_str_alg(k->alg) &&
	       jwt_get_alg(jwt) != JWT_ALG_NONE;
	jwt_free(jwt);
	return good;
}

char *
jwt_sign(const struct jwt_key *k, const char *claims)
{
	char *text = NULL;
	jwt_t *jwt = NULL;

	if (jwt_new(&jwt) == 0 && jwt_add_grants_json(jwt, claims) == 0 &&
	    (k->kid == NULL || jwt_add_header(jwt, "kid", k->kid) == 0) &&
	    jwt_set_alg(jwt, jwt_str_alg(k->alg),
		(const unsigned char *)k->data, (int)k->len) == 0)
		text = jwt_encode_str(jwt);
	jwt_free(jwt);
	return text;
}

#else

bool
jwt_signature_has(const char *alg)
{
	return false;
}

bool
jwt_signature_good(const char *token, const struct jwt_key *k)
{
	return false;
}

char *
jwt_sign(const struct jwt_key *k, const char *claims)
{
	return NULL;
}

#endif
