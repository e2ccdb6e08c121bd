/*
 * jwt.c - tokens as strangers make them.
 *
 * The first byte: "s" for signatures as libjwt sees them, anything else for a
 * libjwt that accepts every signature, or nothing would get behind it. What
 * follows is the token.
 */
#include <string.h>

#include "fuzz.h"
#include "base/json.h"
#include "auth/jwt_signature.h"
#include "token_samples.h"

static char secret[] = SECRET, pem_rsa[] = PEM_RSA, pem_ec[] = PEM_ES256;
static bool take_all;

bool __real_jwt_signature_good(const char *, const struct jwt_key *);
bool __wrap_jwt_signature_good(const char *, const struct jwt_key *);

/* The linker replaces jwt_signature_good() with this function (--wrap). */
bool
__wrap_jwt_signature_good(const char *token, const struct jwt_key *k)
{
	return __real_jwt_signature_good(token, k) || take_all;
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
