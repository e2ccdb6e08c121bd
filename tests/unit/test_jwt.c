/*
 * test_jwt.c - which tokens are good, and what the file with the keys says.
 */
#include <sys/stat.h>
#include <unistd.h>

#include "unit.h"

#include "auth/jwt_keys.h"
#include "token_samples.h"

static char secret[] = SECRET, other[] = OTHER, pem_rsa[] = PEM_RSA,
	    pem_es256[] = PEM_ES256, pem_es384[] = PEM_ES384,
	    pem_es512[] = PEM_ES512, pem_ed25519[] = PEM_ED25519;

static struct jwt_key keys[] = {
	{ .kid = NULL, .alg = "HS256", .data = secret, .len = 64 },
	{ .kid = (char[]){ "k" }, .alg = "HS256", .data = secret, .len = 64 },
	{ .kid = (char[]){ "k" }, .alg = "HS384", .data = secret, .len = 64 },
	{ .kid = (char[]){ "k" }, .alg = "HS512", .data = secret, .len = 64 },
	{ .kid = (char[]){ "twice" },
	    .alg = "HS256",
	    .data = secret,
	    .len = 64 },
	{ .kid = (char[]){ "twice" },
	    .alg = "HS256",
	    .data = other,
	    .len = 64 },
	{ .kid = (char[]){ "r" }, .alg = "RS256", .data = pem_rsa },
	{ .kid = (char[]){ "r" }, .alg = "RS384", .data = pem_rsa },
	{ .kid = (char[]){ "r" }, .alg = "RS512", .data = pem_rsa },
	{ .kid = (char[]){ "e" }, .alg = "ES256", .data = pem_es256 },
	{ .kid = (char[]){ "e" }, .alg = "ES384", .data = pem_es384 },
	{ .kid = (char[]){ "e" }, .alg = "ES512", .data = pem_es512 },
	{ .kid = (char[]){ "ed" }, .alg = "EdDSA", .data = pem_ed25519 },
};

static const struct jwt_rules plain = { "", "", "sub", 30 };

static enum jwt_result
judge(const char *token, const struct jwt_rules *rules, int64_t now,
    const char **why)
{
	struct jwt_content content;
	enum jwt_result rc = jwt_judge(token, strlen(token), keys,
	    ARRAY_LEN(keys), rules, now, &content, why);

	if (rc == TOKEN_OK) {
		assert_non_null(content.who);
		assert_int_equal(content.claims[0], '{');
		free(content.who);
		free(content.claims);
	}
	return rc;
}

static int
set_up(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		if (keys[i].len == 0)
			keys[i].len = strlen(keys[i].data);
	}
	return 0;
}

static void
judge_sample(const struct sample *s, const char *expected)
{
	const char *why = NULL;
	enum jwt_result rc = judge(s->token, &plain, NOW, &why);

	if (expected == NULL && rc != TOKEN_OK)
		fail_msg("%s: %s", s->what, why);
	if (expected == NULL)
		return;
	if (rc != TOKEN_REFUSED || strcmp(why, expected) != 0)
		fail_msg(
		    "%s: %d, %s", s->what, rc, rc == TOKEN_REFUSED ? why : "");
}

static void
each_sample_is_judged_as_it_should_be(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(samples); i++)
		judge_sample(&samples[i], samples[i].why);
}

static void
eddsa_is_taken_where_libjwt_has_it(void **state)
{
	size_t secret_min;
	bool has = jwt_alg("EdDSA", &secret_min);

	for (size_t i = 0; i < ARRAY_LEN(eddsa_samples); i++)
		judge_sample(&eddsa_samples[i],
		    has ? eddsa_samples[i].why
			: "the token's algorithm is not accepted");
}

/* Whatever is changed or left out, it is not good any more. */
static void
no_byte_of_a_token_may_change(void **state)
{
	for (size_t i = 0; i < 9; i++) { /* one of each algorithm */
		size_t n = strlen(samples[i].token);
		char *copy = strdup(samples[i].token);
		const char *why;

		for (size_t k = 0; k < n; k++) {
			copy[k] = copy[k] == 'x' ? 'y' : 'x';
			if (judge(copy, &plain, NOW, &why) == TOKEN_OK)
				fail_msg("%s: byte %zu", samples[i].what, k);
			copy[k] = samples[i].token[k];
			copy[n - 1 - k] = '\0';
			if (judge(copy, &plain, NOW, &why) == TOKEN_OK)
				fail_msg("%s: cut %zu", samples[i].what, k);
			copy[n - 1 - k] = samples[i].token[n - 1 - k];
		}
		free(copy);
	}
}

static void
what_a_token_says_is_handed_on(void **state)
{
	struct jwt_content content;
	const char *why;

	assert_int_equal(
	    jwt_judge(samples[0].token, strlen(samples[0].token), keys,
		ARRAY_LEN(keys), &plain, NOW, &content, &why),
	    TOKEN_OK);
	assert_string_equal(content.who, "ada");
	assert_string_equal(
	    content.claims, "{\"sub\":\"ada\",\"exp\":2000001000}");
	assert_int_equal(content.expires, 2000001000 + plain.leeway);
	free(content.who);
	free(content.claims);
}

static void
without_keys_no_token_is_good(void **state)
{
	struct jwt_content content;
	const char *why;

	for (size_t i = 0; i < ARRAY_LEN(samples); i++)
		assert_int_equal(
		    jwt_judge(samples[i].token, strlen(samples[i].token), NULL,
			0, &plain, NOW, &content, &why),
		    TOKEN_REFUSED);
}

static void
time_passes(void **state)
{
	static const struct jwt_rules exact = { "", "", "sub", 0 };
	const char *why;

	assert_int_equal(
	    judge(samples[0].token, &exact, NOW + 999, &why), TOKEN_OK);
	assert_int_equal(
	    judge(samples[0].token, &exact, NOW + 1000, &why), TOKEN_REFUSED);
	assert_string_equal(why, "the token has expired");
}

/* With HMAC of a test's own: the rules about iss, aud and the user's claim. */
static void
rules_say_whose_tokens_are_meant(void **state)
{
	static const struct {
		const char *issuer, *audience, *user, *why;
	} table[] = {
		{ "https://id.example", "", "sub", NULL },
		{ "", "feed", "sub", NULL },
		{ "", "other", "sub", NULL },
		{ "https://id.example", "feed", "name", NULL },
		{ "https://id.exampl", "", "sub",
		    "the token's issuer is another" },
		{ "https://id.example/", "", "sub",
		    "the token's issuer is another" },
		{ "", "fee", "sub", "the token is for another audience" },
		{ "", "", "aud",
		    "the user in the token (claim sub, or what jwt_user says) is not a string: \"42\", not 42" },
		{ "", "", "email", "the token does not name a user" },
	};
	const char *why;

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		const struct jwt_rules rules = { table[i].issuer,
			table[i].audience, table[i].user, 30 };

		why = NULL;
		if ((judge(FOR_FEED, &rules, NOW, &why) == TOKEN_OK) !=
		    (table[i].why == NULL))
			fail_msg("%zu: %s", i, why);
		if (table[i].why != NULL)
			assert_string_equal(why, table[i].why);
	}
	/* A token that does not say it is refused where it matters. */
	assert_int_equal(
	    judge(samples[0].token, &(struct jwt_rules){ "i", "", "sub", 30 },
		NOW, &why),
	    TOKEN_REFUSED);
	assert_int_equal(
	    judge(samples[0].token, &(struct jwt_rules){ "", "a", "sub", 30 },
		NOW, &why),
	    TOKEN_REFUSED);
}

static void
a_long_token_is_not_even_looked_at(void **state)
{
	struct jwt_rules rules = { "", "", "sub", 30 };
	char text[TOKEN_MAX_BYTES + 2];
	const char *why;
	size_t n = strlen(samples[0].token);

	memset(text, 'x', sizeof(text));
	memcpy(text, samples[0].token, n);
	text[TOKEN_MAX_BYTES + 1] = '\0';
	assert_int_equal(judge(text, &rules, NOW, &why), TOKEN_REFUSED);
	assert_string_equal(why, "the token is too long");
	text[TOKEN_MAX_BYTES] = '\0';
	assert_int_equal(judge(text, &rules, NOW, &why), TOKEN_REFUSED);
	assert_string_not_equal(why, "the token is too long");
}

static void
base64url_is_strict(void **state)
{
	static const struct {
		const char *text, *bytes; /* NULL: it is none */
	} table[] = {
		{ "", "" },
		{ "Zg", "f" },
		{ "Zm8", "fo" },
		{ "Zm9v", "foo" },
		{ "Zm9vYg", "foob" },
		{ "_-8", "\xff\xef" },
		{ "Z", NULL },
		{ "Zm9vY", NULL },
		{ "Zh", NULL },
		{ "Zm9", NULL },
		{ "Zg==", NULL },
		{ "/+8", NULL },
		{ "Zm 9v", NULL },
		{ "Zm9v\n", NULL },
	};

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct buf b = BUF_INIT;

		buf_addstr(&b, "");
		if (jwt_base64url(&b, table[i].text, strlen(table[i].text)) !=
		    (table[i].bytes != NULL))
			fail_msg("%s", table[i].text);
		if (table[i].bytes != NULL) {
			assert_int_equal(b.len, strlen(table[i].bytes));
			assert_memory_equal(b.data, table[i].bytes, b.len);
		}
		buf_fini(&b);
	}
}

/* --- the file with the keys */

struct file {
	char dir[64], path[80], pem[80];
	char err[512];
};

static void
write_file(const char *path, const char *text, mode_t mode)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	assert_int_equal(chmod(path, mode), 0);
}

static int
make_file(void **state)
{
	static struct file f;

	strcpy(f.dir, "/tmp/pgfeed-keys-XXXXXX");
	if (mkdtemp(f.dir) == NULL)
		return -1;
	snprintf(f.path, sizeof(f.path), "%s/keys", f.dir);
	snprintf(f.pem, sizeof(f.pem), "%s/rsa.pem", f.dir);
	write_file(f.pem, pem_rsa, 0644);
	*state = &f;
	return 0;
}

static int
remove_file(void **state)
{
	struct file *f = *state;

	unlink(f->path);
	unlink(f->pem);
	return rmdir(f->dir);
}

#define B64_32 "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

static void
a_file_has_keys(void **state)
{
	struct file *f = *state;
	struct jwt_keys *k;

	write_file(f->path,
	    "# a comment\n\n"
	    "a HS256 " B64_32 "\n"
	    "  a\tHS256  " B64_32 "=\r\n"
	    "* RS256 rsa.pem\n"
	    "b RS512 rsa.pem",
	    0640);
	k = jwt_keys_load(f->path, f->err, sizeof(f->err));
	if (k == NULL)
		fail_msg("%s", f->err);
	assert_int_equal(k->n, 4);
	assert_string_equal(k->key[0].kid, "a");
	assert_string_equal(k->key[0].alg, "HS256");
	assert_int_equal(k->key[0].len, 32);
	assert_int_equal(k->key[1].len, 32);
	assert_null(k->key[2].kid);
	assert_string_equal(k->key[2].data, pem_rsa);
	assert_string_equal(k->key[3].alg, "RS512");
	jwt_keys_free(k);
}

static void
a_bad_file_is_told(void **state)
{
	static const struct {
		const char *text, *told;
		mode_t mode;
	} table[] = {
		{ "a HS256 " B64_32 "\n", "world-readable", 0644 },
		{ "a RS256 rsa.pem\n", "world-writable", 0646 },
		{ "", "there is no key in it", 0600 },
		{ "# a\n", "there is no key in it", 0600 },
		{ "a\n", "keys:1: not of the form KID ALG KEY", 0600 },
		{ "\na HS256\n", "keys:2: not of the form", 0600 },
		{ "a HS256 " B64_32 " x\n", "not of the form", 0600 },
		{ "a none " B64_32 "\n", "the algorithm is none of", 0600 },
		{ "a hs256 " B64_32 "\n", "the algorithm is none of", 0600 },
		{ "a HS256 geheim!\n", "not in base64url", 0600 },
		{ "a HS256 c2VjcmV0\n", "too short", 0600 },
		{ "a HS384 " B64_32 "\n", "too short", 0600 },
		{ "a RS256 none.pem\n", "cannot be read", 0600 },
		{ "a RS256 keys\n", "does not have a public key", 0600 },
		{ "a ES256 rsa.pem\n", "does not have a public key", 0600 },
		{ "a RS256 .\n", "must be a regular file", 0600 },
		{ "a RS256 pipe\n", "must be a regular file", 0600 },
		{ "a RS256 /dev/zero\n", "must be a regular file", 0600 },
		{ "a RS256 large\n", "of at most 16kB", 0600 },
	};
	static char large[300 * 1024];
	struct file *f = *state;
	char pipe[80], many[80];

	snprintf(pipe, sizeof(pipe), "%s/pipe", f->dir);
	snprintf(many, sizeof(many), "%s/large", f->dir);
	assert_int_equal(mkfifo(pipe, 0600), 0);
	memset(large, '\n', sizeof(large) - 1);
	write_file(many, large, 0600);
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		write_file(f->path, table[i].text, table[i].mode);
		assert_null(jwt_keys_load(f->path, f->err, sizeof(f->err)));
		if (strstr(f->err, table[i].told) == NULL)
			fail_msg("%s: %s", table[i].text, f->err);
		assert_null(strstr(f->err, B64_32));
		assert_null(strstr(f->err, "geheim"));
	}
	unlink(f->path);
	assert_null(jwt_keys_load(f->path, f->err, sizeof(f->err)));
	assert_non_null(strstr(f->err, "could not read"));
	/* It would wait for a writer, or be read for ever. */
	assert_null(jwt_keys_load(pipe, f->err, sizeof(f->err)));
	assert_non_null(strstr(f->err, "pipe\": it is not a regular file"));
	assert_null(jwt_keys_load("/dev/zero", f->err, sizeof(f->err)));
	assert_non_null(strstr(f->err, "it is not a regular file"));
	assert_null(jwt_keys_load(f->dir, f->err, sizeof(f->err)));
	assert_non_null(strstr(f->err, "it is not a regular file"));
	assert_null(jwt_keys_load(many, f->err, sizeof(f->err)));
	assert_non_null(strstr(f->err, "it is too large"));
	unlink(pipe);
	unlink(many);
}

static void
only_public_keys_may_be_read_by_everybody(void **state)
{
	struct file *f = *state;
	struct jwt_keys *k;

	write_file(f->path, "a RS256 rsa.pem\n", 0644);
	k = jwt_keys_load(f->path, f->err, sizeof(f->err));
	assert_non_null(k);
	jwt_keys_free(k);
}

static void
a_key_of_ed25519_is_for_eddsa(void **state)
{
	static const char *const others[] = { "RS256", "ES256" };
	struct file *f = *state;
	struct jwt_keys *k;
	size_t secret_min;
	bool has = jwt_alg("EdDSA", &secret_min);
	char line[64];

	write_file(f->path, "a EdDSA rsa.pem\n", 0600);
	assert_null(jwt_keys_load(f->path, f->err, sizeof(f->err)));
	assert_non_null(strstr(f->err,
	    has ? "does not have a public key" : "the algorithm is none of"));
	write_file(f->pem, pem_ed25519, 0644);
	k = jwt_keys_load(f->path, f->err, sizeof(f->err));
	assert_int_equal(k != NULL, has);
	jwt_keys_free(k);
	for (size_t i = 0; i < ARRAY_LEN(others); i++) {
		snprintf(line, sizeof(line), "a %s rsa.pem\n", others[i]);
		write_file(f->path, line, 0600);
		assert_null(jwt_keys_load(f->path, f->err, sizeof(f->err)));
		assert_non_null(strstr(f->err, "does not have a public key"));
	}
	write_file(f->pem, pem_rsa, 0644);
}

/* So that "pgfeed check-config" and the gateways say it at once. */
static void
without_libjwt_a_file_of_keys_is_refused(void **state)
{
	struct file *f = *state;
	const char *why = NULL;

	write_file(f->path, "a RS256 rsa.pem\n", 0600);
	assert_null(jwt_keys_load(f->path, f->err, sizeof(f->err)));
	assert_non_null(strstr(f->err, "built without libjwt"));
	assert_int_equal(
	    judge(samples[0].token, &plain, NOW, &why), TOKEN_REFUSED);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_sample_is_judged_as_it_should_be),
		cmocka_unit_test(eddsa_is_taken_where_libjwt_has_it),
		cmocka_unit_test(no_byte_of_a_token_may_change),
		cmocka_unit_test(a_long_token_is_not_even_looked_at),
		cmocka_unit_test(what_a_token_says_is_handed_on),
		cmocka_unit_test(without_keys_no_token_is_good),
		cmocka_unit_test(time_passes),
		cmocka_unit_test(rules_say_whose_tokens_are_meant),
		cmocka_unit_test(base64url_is_strict),
		cmocka_unit_test_setup_teardown(
		    a_file_has_keys, make_file, remove_file),
		cmocka_unit_test_setup_teardown(
		    a_bad_file_is_told, make_file, remove_file),
		cmocka_unit_test_setup_teardown(
		    only_public_keys_may_be_read_by_everybody, make_file,
		    remove_file),
		cmocka_unit_test_setup_teardown(
		    a_key_of_ed25519_is_for_eddsa, make_file, remove_file),
	};

	const struct CMUnitTest without_libjwt[] = {
		cmocka_unit_test_setup_teardown(
		    without_libjwt_a_file_of_keys_is_refused, make_file,
		    remove_file),
	};
	size_t secret_min;

	if (!jwt_alg("HS256", &secret_min))
		return cmocka_run_group_tests(without_libjwt, set_up, NULL);
	return cmocka_run_group_tests(tests, set_up, NULL);
}
