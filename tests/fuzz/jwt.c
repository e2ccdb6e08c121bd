/*
 * jwt.c - tokens as strangers make them.
 *
 * The first byte: "s" for signatures as libjwt sees them, anything else for a
 * libjwt that takes every signature, or nothing would get behind it. What
 * follows is the token.
 */
#include <jwt.h>
#include <string.h>

#include "fuzz.h"
#include "base/json.h"
#include "auth/jwt.h"
#include "token_samples.h"

static char secret[] = SECRET, pem_rsa[] = PEM_RSA, pem_ec[] = PEM_ES256;
static bool take_all;

int __real_jwt_decode(jwt_t **, const char *, const unsigned char *, int);
int __wrap_jwt_decode(jwt_t **, const char *, const unsigned char *, int);

/* The linker puts it in the place of libjwt's (--wrap). */
int
__wrap_jwt_decode(
    jwt_t **jwt, const char *token, const unsigned char *key, int len)
{
	int rc = __real_jwt_decode(jwt, token, key, len);
	jwt_alg_t alg = JWT_ALG_HS256;

	if (rc == 0 || !take_all)
		return rc;
	if (key == (unsigned char *)pem_rsa)
		alg = JWT_ALG_RS256;
	if (key == (unsigned char *)pem_ec)
		alg = JWT_ALG_ES256;
	FUZZ_CHECK(jwt_new(jwt) == 0);
	FUZZ_CHECK(jwt_set_alg(*jwt, alg, key, len) == 0);
	return 0;
}

static void
check(const struct jwt_content *content)
{
	size_t n = strlen(content->claims), where;

	FUZZ_CHECK(jwt_user_valid(content->who, strlen(content->who)));
	FUZZ_CHECK(utf8_valid(content->claims, n));
	FUZZ_CHECK(json_check(content->claims, n, &where) == NULL);
	FUZZ_CHECK(content->claims[strspn(content->claims, " \t\r\n")] == '{');
	FUZZ_CHECK(content->expires > NOW);
	free(content->who);
	free(content->claims);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct jwt_rules rules = { "", "", "sub", 30 },
				      strict = { "i", "feed", "name", 0 };
	struct jwt_key keys[] = {
		{ NULL, "HS256", secret, sizeof(secret) - 1 },
		{ (char[]){ "k" }, "HS256", secret, sizeof(secret) - 1 },
		{ (char[]){ "r" }, "RS256", pem_rsa, sizeof(pem_rsa) - 1 },
		{ (char[]){ "e" }, "ES256", pem_ec, sizeof(pem_ec) - 1 },
	};
	const char *token = (const char *)data + 1, *why = NULL;
	struct jwt_content content;

	if (size == 0)
		return 0;
	take_all = data[0] != 's';
	if (jwt_judge(token, size - 1, keys, 4, &rules, NOW, &content, &why) ==
	    TOKEN_OK) {
		check(&content);
		FUZZ_CHECK(size - 1 <= TOKEN_MAX_BYTES);
	} else
		FUZZ_CHECK(why != NULL);
	if (jwt_judge(token, size - 1, keys, 4, &strict, NOW, &content, &why) ==
	    TOKEN_OK)
		check(&content);
	FUZZ_CHECK(jwt_judge(token, size - 1, NULL, 0, &rules, NOW, &content,
		       &why) == TOKEN_REFUSED);
	return 0;
}
