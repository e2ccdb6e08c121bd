/*
 * jwt_keys.c - files with keys, as a tired administrator writes them.
 *
 * The input is the file. "rsa", "p256", "p384", "p521" and "ed25519" stand for
 * files with a public key, "self" for the input itself, all else for files that
 * can't be read.
 */
#include <string.h>

#include "fuzz.h"
#include "auth/jwt_keys.h"
#include "token_samples.h"

struct input {
	const char *text;
	size_t n;
};

static const char *
read_pem(struct buf *b, const char *path, void *arg)
{
	static const struct {
		const char *path, *pem;
	} files[] = {
		{ "rsa", PEM_RSA },
		{ "p256", PEM_ES256 },
		{ "p384", PEM_ES384 },
		{ "p521", PEM_ES512 },
		{ "ed25519", PEM_ED25519 },
	};
	const struct input *in = arg;

	buf_addstr(b, "");
	if (strcmp(path, "self") == 0) {
		buf_add(b, in->text, in->n);
		return NULL;
	}
	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		if (strcmp(path, files[i].path) == 0) {
			buf_addstr(b, files[i].pem);
			return NULL;
		}
	}
	return "it can't be read";
}

static void
check(const struct jwt_keys *keys)
{
	bool secrets = false;

	FUZZ_CHECK(keys->n > 0 && keys->n <= 64);
	for (size_t i = 0; i < keys->n; i++) {
		const struct jwt_key *k = &keys->key[i];
		size_t secret_min;

		FUZZ_CHECK(jwt_alg(k->alg, &secret_min));
		FUZZ_CHECK(k->data != NULL && k->len >= secret_min);
		FUZZ_CHECK(k->data[k->len] == '\0');
		FUZZ_CHECK(secret_min > 0 ||
			   strstr(k->data, "BEGIN PUBLIC KEY") != NULL);
		secrets |= secret_min > 0;
		if (k->kid == NULL)
			continue;
		FUZZ_CHECK(*k->kid != '\0' && *k->kid != '#');
		FUZZ_CHECK(strcmp(k->kid, "*") != 0);
		FUZZ_CHECK(strpbrk(k->kid, " \t\r\n") == NULL);
	}
	FUZZ_CHECK(keys->has_secret == secrets);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { (const char *)data, size };
	const char *why;
	int line, lines = 1;
	struct jwt_keys *keys =
	    jwt_keys_parse(in.text, size, read_pem, &in, &line, &why);

	for (size_t i = 0; i < size; i++)
		lines += data[i] == '\n';
	FUZZ_CHECK(line >= 0 && line <= lines);
	FUZZ_CHECK((keys == NULL) == (why != NULL));
	if (keys != NULL)
		check(keys);
	jwt_keys_free(keys);
	return 0;
}
