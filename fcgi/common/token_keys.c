/*
 * token_keys.c - the file with the keys for tokens.
 */
#include <sys/stat.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "token_keys.h"

#define LINE_SIZE     4096
#define PEM_MAX_BYTES 16384
#define KEYS_MAX      64

/* Reading the file: where we are, and what is wrong there. */
struct reading {
	struct token_keys *keys;
	const char *path;
	FILE *f;
	int line;
	bool has_secret;
	const char *why;
};

/* The object identifiers of keys (RFC 3279, RFC 5480) in DER, with length. */
#define OID_RSA  "\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01"
#define OID_P256 "\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07"
#define OID_P384 "\x06\x05\x2b\x81\x04\x00\x22"
#define OID_P521 "\x06\x05\x2b\x81\x04\x00\x23"

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
	if (text.len > 0 && token_base64url(&der, text.data, text.len) &&
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
read_pem(struct buf *b, const char *path, const char *key_file)
{
	const char *slash = *path != '/' ? strrchr(key_file, '/') : NULL;
	int folder = slash != NULL ? (int)(slash + 1 - key_file) : 0;
	char full[LINE_SIZE];
	FILE *f;

	if (snprintf(full, sizeof(full), "%.*s%s", folder, key_file, path) >=
	    (int)sizeof(full))
		return "the path is too long";
	f = fopen(full, "re");
	if (f == NULL)
		return "the file of this public key can't be read";
	if (buf_reserve(b, PEM_MAX_BYTES))
		b->len = fread(b->data, 1, PEM_MAX_BYTES, f);
	fclose(f);
	buf_addstr(b, "");
	return NULL;
}

static const char *
add_key(struct reading *r, const char *kid, const char *alg, const char *text)
{
	struct token_key *k = &r->keys->key[r->keys->n];
	struct buf b = BUF_INIT;
	const char *why = NULL;
	size_t secret_min, n = strlen(text);

	if (!token_alg(alg, &secret_min))
		return "the algorithm is none of HS256, HS384, HS512, RS256, "
		       "RS384, RS512, ES256, ES384 and ES512";
	if (r->keys->n == KEYS_MAX)
		return "there are too many keys";
	if (secret_min > 0) {
		r->has_secret = true;
		while (n > 0 && text[n - 1] == '=')
			n--;
		if (!token_base64url(&b, text, n))
			why = "the secret is not in base64url";
		else if (b.len < secret_min)
			why = "the secret is too short: HS256 takes 32 bytes "
			      "at least, HS384 48 and HS512 64";
	} else {
		why = read_pem(&b, text, r->path);
		if (why == NULL && b.data != NULL && !pem_is_for(b.data, alg))
			why = "the file does not have a public key for this "
			      "algorithm in PEM (BEGIN PUBLIC KEY)";
	}
	if (why == NULL && buf_failed(&b))
		why = "out of memory";
	if (why != NULL) {
		buf_fini(&b);
		return why;
	}
	k->kid = strcmp(kid, "*") != 0 ? strdup(kid) : NULL;
	strcpy(k->alg, alg);
	k->data = b.data;
	k->len = b.len;
	r->keys->n++;
	return k->kid == NULL && strcmp(kid, "*") != 0 ? "out of memory" : NULL;
}

/* One line; NULL, or what is wrong with it. */
static const char *
read_line(struct reading *r, char *line)
{
	static const char blanks[] = " \t\r\n";
	char *rest, *kid, *alg, *text;

	if (strchr(line, '\n') == NULL && !feof(r->f))
		return "the line is too long";
	kid = strtok_r(line, blanks, &rest);
	if (kid == NULL || *kid == '#')
		return NULL;
	alg = strtok_r(NULL, blanks, &rest);
	text = strtok_r(NULL, blanks, &rest);
	if (text == NULL || strtok_r(NULL, blanks, &rest) != NULL)
		return "not of the form KID ALG KEY";
	return add_key(r, kid, alg, text);
}

static const char *
check_mode(const struct reading *r)
{
	struct stat st;

	if (fstat(fileno(r->f), &st) == -1 || !S_ISREG(st.st_mode))
		return "it is not a file";
	if (st.st_mode & S_IWOTH)
		return "everybody may write to it: chmod o-rwx";
	if (r->has_secret && st.st_mode & S_IROTH)
		return "it has secrets and everybody may read it: chmod o-rwx";
	return NULL;
}

struct token_keys *
token_keys_load(const char *path, char *err, size_t size)
{
	struct reading r = { .path = path };
	char line[LINE_SIZE];

	r.keys = calloc(1, sizeof(*r.keys));
	if (r.keys != NULL)
		r.keys->key = calloc(KEYS_MAX, sizeof(*r.keys->key));
	if (r.keys == NULL || r.keys->key == NULL) {
		snprintf(err, size, "out of memory");
		goto fail;
	}
	r.f = fopen(path, "re");
	if (r.f == NULL) {
		snprintf(err, size, "could not read \"%s\": %s", path,
		    strerror(errno));
		goto fail;
	}
	while (r.why == NULL && fgets(line, sizeof(line), r.f) != NULL) {
		r.line++;
		r.why = read_line(&r, line);
	}
	explicit_bzero(line, sizeof(line));
	if (r.why != NULL) {
		snprintf(err, size, "%s:%d: %s", path, r.line, r.why);
		goto fail;
	}
	r.why = check_mode(&r);
	if (r.why == NULL && ferror(r.f))
		r.why = "could not be read";
	if (r.why == NULL && r.keys->n == 0)
		r.why = "there is no key in it";
	if (r.why != NULL) {
		snprintf(err, size, "%s: %s", path, r.why);
		goto fail;
	}
	fclose(r.f);
	return r.keys;
fail:
	if (r.f != NULL)
		fclose(r.f);
	token_keys_free(r.keys);
	return NULL;
}

void
token_keys_free(struct token_keys *keys)
{
	if (keys == NULL)
		return;
	for (size_t i = 0; i < keys->n; i++) {
		struct token_key *k = &keys->key[i];

		free(k->kid);
		if (k->data != NULL)
			explicit_bzero(k->data, k->len);
		free(k->data);
	}
	free(keys->key);
	free(keys);
}
