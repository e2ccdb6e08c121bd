/*
 * jwt_keys.c - parser of the key file.
 *
 * Pure: text in, keys out. jwt_files.c reads the files.
 */
#include <stdlib.h>
#include <string.h>

#include "auth/jwt_keys.h"

#define LINE_SIZE 4096
#define KEYS_MAX  64

/*
 * The object identifiers of keys (RFC 3279, RFC 5480) in DER, with length; of
 * Ed25519 all that stands before the key (RFC 8410), as there is just one way.
 */
#define OID_RSA  "\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01"
#define OID_P256 "\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07"
#define OID_P384 "\x06\x05\x2b\x81\x04\x00\x22"
#define OID_P521 "\x06\x05\x2b\x81\x04\x00\x23"
#define ED25519  "\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00"

/*
 * Whether the PEM text is a public key of the kind that alg takes. libjwt only
 * says so for each token, and then not that it is the key's fault.
 */
static bool
pem_is_for(const char *pem, const char *alg)
{
	static const struct {
		const char *alg, *oid;
		size_t n;
	} kinds[] = {
		{ "RS", OID_RSA, sizeof(OID_RSA) - 1 },
		{ "ES256", OID_P256, sizeof(OID_P256) - 1 },
		{ "ES384", OID_P384, sizeof(OID_P384) - 1 },
		{ "ES512", OID_P521, sizeof(OID_P521) - 1 },
		{ "EdDSA", ED25519, sizeof(ED25519) - 1 },
	};
	static const char begin[] = "-----BEGIN PUBLIC KEY-----";
	struct buf text = BUF_INIT, der = BUF_INIT;
	const char *s = strstr(pem, begin);
	bool found = false;

	if (s == NULL)
		return false;
	for (s += strlen(begin); *s != '\0' && strchr("-=", *s) == NULL; s++) {
		if (strchr(" \t\r\n", *s) == NULL)
			buf_addc(&text, *s == '+' ? '-' : *s == '/' ? '_' : *s);
	}
	if (text.len > 0 && jwt_base64url(&der, text.data, text.len) &&
	    !buf_failed(&der)) {
		for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
			found =
			    found || (strncmp(alg, kinds[i].alg,
					  strlen(kinds[i].alg)) == 0 &&
					 memmem(der.data, der.len, kinds[i].oid,
					     kinds[i].n) != NULL);
	}
	buf_fini(&text);
	buf_fini(&der);
	return found;
}

static const char *
add_key(struct jwt_keys *keys, const char *kid, const char *alg,
    const char *text, jwt_pem_cb read_pem, void *arg)
{
	struct jwt_key *k = &keys->key[keys->n];
	struct buf b = BUF_INIT;
	const char *why = NULL;
	size_t secret_min, n = strlen(text);

	if (!jwt_alg("HS256", &secret_min))
		return "this pgfeed was built without libjwt and accepts no tokens";
	if (!jwt_alg(alg, &secret_min))
		return "the algorithm is none of HS256, HS384, HS512, RS256, RS384, RS512, ES256, ES384, ES512, and EdDSA where libjwt has it";
	if (keys->n == KEYS_MAX)
		return "there are too many keys";
	if (secret_min > 0) {
		keys->has_secret = true;
		while (n > 0 && text[n - 1] == '=')
			n--;
		if (!jwt_base64url(&b, text, n))
			why = "the secret is not in base64url";
		else if (b.len < secret_min)
			why = "the secret is too short: HS256 takes 32 bytes "
			      "at least, HS384 48 and HS512 64";
	} else {
		why = read_pem(&b, text, arg);
		if (why == NULL && b.data != NULL && !pem_is_for(b.data, alg))
			why = "the file does not have a public key for this "
			      "algorithm in PEM (BEGIN PUBLIC KEY)";
	}
	if (why == NULL && buf_failed(&b))
		why = "out of memory";
	if (why != NULL) {
		if (b.data != NULL)
			explicit_bzero(b.data, b.cap);
		buf_fini(&b);
		return why;
	}
	k->kid = strcmp(kid, "*") != 0 ? strdup(kid) : NULL;
	strcpy(k->alg, alg);
	k->data = b.data;
	k->len = b.len;
	keys->n++;
	return k->kid == NULL && strcmp(kid, "*") != 0 ? "out of memory" : NULL;
}

/* One line of n bytes; NULL, or what is wrong with it. */
static const char *
read_line(struct jwt_keys *keys, const char *s, size_t n, jwt_pem_cb read_pem,
    void *arg)
{
	static const char blanks[] = " \t\r\n";
	char line[LINE_SIZE], *rest, *kid, *alg, *text;
	const char *why = "not of the form KID ALG KEY";

	if (n >= sizeof(line))
		return "the line is too long";
	if (memchr(s, '\0', n) != NULL)
		return "there is a NUL byte in the line";
	memcpy(line, s, n);
	line[n] = '\0';
	kid = strtok_r(line, blanks, &rest);
	if (kid == NULL || *kid == '#')
		return NULL;
	alg = strtok_r(NULL, blanks, &rest);
	text = strtok_r(NULL, blanks, &rest);
	if (text != NULL && strtok_r(NULL, blanks, &rest) == NULL)
		why = add_key(keys, kid, alg, text, read_pem, arg);
	explicit_bzero(line, n);
	return why;
}

struct jwt_keys *
jwt_keys_parse(const char *text, size_t n, jwt_pem_cb read_pem, void *arg,
    int *line, const char **why)
{
	struct jwt_keys *keys = calloc(1, sizeof(*keys));

	*line = 0;
	*why = NULL;
	if (keys != NULL)
		keys->key = calloc(KEYS_MAX, sizeof(*keys->key));
	if (keys == NULL || keys->key == NULL)
		*why = "out of memory";
	while (*why == NULL && n > 0) {
		const char *end = memchr(text, '\n', n);
		size_t length = end != NULL ? (size_t)(end - text) : n;

		++*line;
		*why = read_line(keys, text, length, read_pem, arg);
		length += end != NULL;
		text += length;
		n -= length;
	}
	if (*why == NULL && keys->n == 0) {
		*line = 0;
		*why = "there is no key in it";
	}
	if (*why == NULL)
		return keys;
	jwt_keys_free(keys);
	return NULL;
}

void
jwt_keys_free(struct jwt_keys *keys)
{
	if (keys == NULL)
		return;
	for (size_t i = 0; i < keys->n; i++) {
		struct jwt_key *k = &keys->key[i];

		free(k->kid);
		if (k->data != NULL)
			explicit_bzero(k->data, k->len);
		free(k->data);
	}
	free(keys->key);
	free(keys);
}
