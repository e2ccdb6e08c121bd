/*
 * jwt.c - verification of JSON Web Tokens.
 *
 *     header . claims . signature      three parts of base64url, two of JSON
 *        |        |         |
 *     alg, kid ---|------> keys        libjwt: does one of them fit?
 *                 |
 *                 +-> exp, nbf, iat, iss, aud, the user's name
 *
 * The key determines the algorithm. A token only chooses among the keys that
 * have the algorithm it names. So no public key serves as an HMAC secret, and no
 * key has the algorithm "none" (RFC 8725 sections 3.1, 3.2).
 */
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/json.h"
#include "auth/jwt.h"
#include "auth/jwt_signature.h"

#define USER_MAX_BYTES 255
#define EXPONENT_MAX   3 /* digits; PostgreSQL's numeric ends at 131072 */
#define TIME_MAX       INT64_C(253402300799) /* the year 9999 */

static const struct {
	const char *name;
	size_t secret_min;
} algs[] = {
	{ "HS256", 32 },
	{ "HS384", 48 },
	{ "HS512", 64 },
	{ "RS256", 0 },
	{ "RS384", 0 },
	{ "RS512", 0 },
	{ "ES256", 0 },
	{ "ES384", 0 },
	{ "ES512", 0 },
	{ "EdDSA", 0 },
};

bool
jwt_alg(const char *alg, size_t *secret_min)
{
	for (size_t i = 0; i < ARRAY_LEN(algs); i++) {
		if (strcmp(algs[i].name, alg) != 0 ||
		    !jwt_signature_has(alg))
			continue;
		*secret_min = algs[i].secret_min;
		return true;
	}
	return false;
}

static int
digit(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '-' ? 62 : c == '_' ? 63 : -1;
}

bool
jwt_base64url(struct buf *b, const char *s, size_t n)
{
	unsigned bits = 0, held = 0;

	for (size_t i = 0; i < n; i++) {
		int d = digit(s[i]);

		if (d == -1)
			return false;
		held = held << 6 | (unsigned)d;
		bits += 6;
		if (bits < 8)
			continue;
		bits -= 8;
		buf_addc(b, (char)(held >> bits));
		held &= (1u << bits) - 1;
	}
	return bits < 6 && held == 0;
}

bool
jwt_user_valid(const char *who, size_t n)
{
	if (n == 0 || n > USER_MAX_BYTES || !utf8_valid(who, n) ||
	    (n == 1 && (*who == '*' || *who == '+')))
		return false;
	for (size_t i = 0; i < n; i++) {
		if ((unsigned char)who[i] < 0x20 || who[i] == 0x7f)
			return false;
	}
	return true;
}

/* Returns the value of a \u escape that json_check() has accepted. */
static unsigned
hex4(const char *s)
{
	char digits[5] = { s[0], s[1], s[2], s[3] };

	return (unsigned)strtoul(digits, NULL, 16);
}

/*
 * Returns whether jsonb accepts this JSON: no NUL, no lone surrogate, and no
 * exponent beyond the range of numeric.
 */
static bool
fits_jsonb(const char *s)
{
	bool in_string = false, high = false; /* the first half of a pair */

	for (; *s != '\0'; s++) {
		unsigned u = 0;

		if (*s == '\\' && s[1] == 'u') {
			u = hex4(s + 2);
			if (u == 0)
				return false;
			s += 5;
		} else if (*s == '\\')
			s++;
		else if (*s == '"')
			in_string = !in_string;
		else if (!in_string && (*s == 'e' || *s == 'E')) {
			const char *e = s + 1 + strspn(s + 1, "+-");

			if (strspn(e, "0123456789") > EXPONENT_MAX)
				return false;
		}
		if (high != (u >= 0xdc00 && u <= 0xdfff))
			return false;
		high = u >= 0xd800 && u <= 0xdbff;
	}
	return true;
}

/* Decodes one part of a token into b and parses it; NULL: not an object. */
static struct json_object *
read_object(struct buf *b, const char *s, size_t n)
{
	struct json_object *o;
	size_t where;

	if (n == 0 || !jwt_base64url(b, s, n) || buf_failed(b) ||
	    !utf8_valid(b->data, b->len) ||
	    json_check(b->data, b->len, &where) != NULL || !fits_jsonb(b->data))
		return NULL;
	o = json_tokener_parse(b->data);
	if (json_object_is_type(o, json_type_object))
		return o;
	json_object_put(o);
	return NULL;
}

/* Returns a member that is a string, and its length; NULL otherwise. */
static const char *
get_string(struct json_object *o, const char *name, size_t *n)
{
	struct json_object *value = json_object_object_get(o, name);

	if (!json_object_is_type(value, json_type_string))
		return NULL;
	*n = (size_t)json_object_get_string_len(value);
	return json_object_get_string(value);
}

static bool
is_string(struct json_object *value, const char *wanted)
{
	return json_object_is_type(value, json_type_string) &&
	       strcmp(json_object_get_string(value), wanted) == 0;
}

/* Returns a NumericDate (RFC 7519 section 2); -1: absent, -2: invalid. */
static int64_t
get_time(struct json_object *o, const char *name)
{
	struct json_object *value;
	double d;

	if (!json_object_object_get_ex(o, name, &value))
		return -1;
	if (!json_object_is_type(value, json_type_int) &&
	    !json_object_is_type(value, json_type_double))
		return -2;
	d = json_object_get_double(value);
	return d >= 0 && d <= (double)TIME_MAX ? (int64_t)d : -2;
}

/* Returns NULL for a valid header, otherwise the reason. */
static const char *
check_header(struct json_object *header)
{
	struct json_object *value;
	size_t secret_min, n;
	const char *alg = get_string(header, "alg", &n);

	if (alg == NULL || !jwt_alg(alg, &secret_min))
		return "the token's algorithm is not accepted";
	/* RFC 7515 section 4.1.11: a critical extension must be understood. */
	if (json_object_object_get_ex(header, "crit", NULL))
		return "the token has critical extensions";
	if (json_object_object_get_ex(header, "typ", &value) &&
	    (!json_object_is_type(value, json_type_string) ||
		strcasecmp(json_object_get_string(value), "JWT") != 0))
		return "the token's type is not JWT";
	if (json_object_object_get_ex(header, "kid", &value) &&
	    !json_object_is_type(value, json_type_string))
		return "the token's key id is not a string";
	return NULL;
}

/* The audience is a string or an array of them (RFC 7519 section 4.1.3). */
static bool
is_for(struct json_object *aud, const char *us)
{
	if (!json_object_is_type(aud, json_type_array))
		return is_string(aud, us);
	for (size_t i = 0; i < json_object_array_length(aud); i++) {
		if (is_string(json_object_array_get_idx(aud, i), us))
			return true;
	}
	return false;
}

static const char *
check_claims(
    struct json_object *claims, const struct jwt_rules *rules, int64_t now)
{
	int64_t exp = get_time(claims, "exp");
	int64_t nbf = get_time(claims, "nbf");
	int64_t iat = get_time(claims, "iat");

	if (exp == -1)
		return "the token does not say when it expires";
	if (exp == -2 || nbf == -2 || iat == -2)
		return "the token's times are not numbers of seconds";
	if (exp + rules->leeway <= now)
		return "the token has expired";
	if (nbf > now + rules->leeway || iat > now + rules->leeway)
		return "the token is not valid yet";
	if (*rules->issuer != '\0' &&
	    !is_string(json_object_object_get(claims, "iss"), rules->issuer))
		return "the token's issuer is another";
	if (*rules->audience != '\0' &&
	    !is_for(json_object_object_get(claims, "aud"), rules->audience))
		return "the token is for another audience";
	return NULL;
}

static bool
key_fits(const struct jwt_key *k, const char *alg, const char *kid)
{
	if (strcmp(k->alg, alg) != 0)
		return false;
	return kid == NULL ? k->kid == NULL
			   : k->kid != NULL && strcmp(k->kid, kid) == 0;
}

static enum jwt_result
check_signature(const char *token, const struct jwt_key *keys, size_t n,
    struct json_object *header, const char **why)
{
	size_t len;
	const char *alg = get_string(header, "alg", &len);
	const char *kid = get_string(header, "kid", &len);

	*why = "no key fits the token's algorithm and key id";
	for (size_t i = 0; i < n; i++) {
		if (!key_fits(&keys[i], alg, kid))
			continue;
		*why = "the token's signature is wrong";
		if (jwt_signature_good(token, &keys[i]))
			return TOKEN_OK;
	}
	return TOKEN_REFUSED;
}

static enum jwt_result
fill(struct jwt_content *out, struct json_object *claims,
    const struct buf *text, const struct jwt_rules *rules, const char **why)
{
	size_t n;
	const char *who = get_string(claims, rules->user, &n);

	*why = "the token does not name a user";
	if (who == NULL && json_object_object_get(claims, rules->user) != NULL)
		*why =
		    "the user in the token (claim sub, or what jwt_user says) is not a string: \"42\", not 42";
	if (who == NULL || !jwt_user_valid(who, n))
		return TOKEN_REFUSED;
	out->expires = get_time(claims, "exp") + rules->leeway;
	out->who = strdup(who);
	out->claims = strdup(text->data);
	if (out->who != NULL && out->claims != NULL)
		return TOKEN_OK;
	free(out->who);
	free(out->claims);
	return TOKEN_NO_MEMORY;
}

enum jwt_result
jwt_judge(const char *token, size_t n, const struct jwt_key *keys,
    size_t n_keys, const struct jwt_rules *rules, int64_t now,
    struct jwt_content *out, const char **why)
{
	struct buf head = BUF_INIT, body = BUF_INIT, sig = BUF_INIT;
	struct json_object *header = NULL, *claims = NULL;
	enum jwt_result rc = TOKEN_REFUSED;
	const char *dot[2];
	char *copy = NULL;

	*why = "the token is too long";
	if (n > TOKEN_MAX_BYTES)
		return TOKEN_REFUSED;
	*why = "the token is not a JSON Web Token";
	dot[0] = memchr(token, '.', n);
	if (dot[0] == NULL)
		return TOKEN_REFUSED;
	dot[1] = memchr(dot[0] + 1, '.', (size_t)(token + n - dot[0] - 1));
	if (dot[1] == NULL)
		return TOKEN_REFUSED;

	header = read_object(&head, token, (size_t)(dot[0] - token));
	claims = read_object(&body, dot[0] + 1, (size_t)(dot[1] - dot[0] - 1));
	if (header == NULL || claims == NULL ||
	    !jwt_base64url(
		&sig, dot[1] + 1, (size_t)(token + n - dot[1] - 1)) ||
	    sig.len == 0)
		goto out;
	*why = check_header(header);
	if (*why != NULL)
		goto out;
	copy = strndup(token, n);
	if (copy == NULL) {
		rc = TOKEN_NO_MEMORY;
		goto out;
	}
	rc = check_signature(copy, keys, n_keys, header, why);
	if (rc != TOKEN_OK)
		goto out;
	rc = TOKEN_REFUSED;
	*why = check_claims(claims, rules, now);
	if (*why == NULL)
		rc = fill(out, claims, &body, rules, why);
out:
	if (buf_failed(&head) || buf_failed(&body) || buf_failed(&sig))
		rc = TOKEN_NO_MEMORY;
	free(copy);
	json_object_put(header);
	json_object_put(claims);
	buf_fini(&head);
	buf_fini(&body);
	buf_fini(&sig);
	return rc;
}
