/*
 * test_identity.c - who sent a request, as a CGI program is told of it.
 */
#include <sys/stat.h>
#include <unistd.h>

#include "unit.h"

#include "auth/identity.h"
#include "auth/jwt_keys.h"
#include "token_samples.h"

/* "0123456789abcdef", four times; and the other way round */
#define SECRET_B64                                                       \
	"MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWYwMTIzNDU2Nzg5YWJjZG" \
	"VmMDEyMzQ1Njc4OWFiY2RlZg"
#define OTHER_B64                                                        \
	"ZmVkY2JhOTg3NjU0MzIxMGZlZGNiYTk4NzY1NDMyMTBmZWRjYmE5ODc2NTQzMj" \
	"EwZmVkY2JhOTg3NjU0MzIxMA"

static char key_file[] = "/tmp/pgfeed-identity-XXXXXX";

static void
write_keys(const char *text)
{
	FILE *f = fopen(key_file, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	assert_int_equal(chmod(key_file, 0600), 0);
}

static int
set_up(void **state)
{
	int fd = mkstemp(key_file);

	if (fd == -1)
		return -1;
	close(fd);
	write_keys("k HS256 " SECRET_B64 "\n");
	return 0;
}

static int
tear_down(void **state)
{
	return unlink(key_file);
}

static void
configure(struct config *c, const char *identity, const char *cookie)
{
	char err[256];

	setenv("PGFEED_IDENTITY", identity, 1);
	setenv("PGFEED_JWT_KEYS", key_file, 1);
	setenv("PGFEED_JWT_COOKIE", cookie, 1);
	if (config_load(c, "/dev/null", err, sizeof(err)) == -1)
		fail_msg("%s", err);
}

struct seen {
	const char *user, *authorization, *cookie, *query;
};

static enum identity_result
find(const char *identity, const char *cookie, const struct seen *seen,
    struct identity *id, const char **why)
{
	struct request *r = request_from_cgi(10000);
	struct identities *ids;
	enum identity_result rc;
	struct query query;
	struct config c;

	configure(&c, identity, cookie);
	setenv("REMOTE_USER", seen->user != NULL ? seen->user : "", 1);
	setenv("HTTP_AUTHORIZATION",
	    seen->authorization != NULL ? seen->authorization : "", 1);
	setenv("HTTP_COOKIE", seen->cookie != NULL ? seen->cookie : "", 1);
	query_init(&query);
	if (seen->query != NULL)
		assert_int_equal(
		    query_parse(&query, seen->query, strlen(seen->query)),
		    PARAMS_OK);
	ids = identities_new(&c);
	rc = identity_find(ids, r, &query, id, why);
	identities_free(ids);
	query_fini(&query);
	config_free(&c);
	request_finish(r);
	return rc;
}

/* G is a good token of ada's, B is none; "-" is anonymous, "!" is refused. */
static void
the_first_that_is_there_counts(void **state)
{
	static const struct {
		const char *identity, *cookie;
		struct seen seen;
		const char *who;
	} table[] = {
		{ "", "", { "bob", "Bearer G", "t=G", "access_token=G" }, "-" },
		{ "remote_user", "", { "bob", NULL, NULL, NULL }, "bob" },
		{ "remote_user", "", { NULL, "Bearer G", NULL, NULL }, "-" },
		{ "remote_user", "", { NULL, "Bearer B", NULL, NULL }, "-" },
		{ "remote_user", "", { "a\nb", NULL, NULL, NULL }, "!" },
		{ "remote_user", "", { "*", NULL, NULL, NULL }, "!" },
		{ "remote_user", "", { "\xff", NULL, NULL, NULL }, "!" },
		{ "jwt", "", { "bob", NULL, NULL, NULL }, "-" },
		{ "jwt", "", { "bob", "Bearer G", NULL, NULL }, "ada" },
		{ "jwt", "", { NULL, "bearer  G", NULL, NULL }, "ada" },
		{ "jwt", "", { NULL, "Bearer B", NULL, NULL }, "!" },
		{ "jwt", "", { NULL, "Bearer ", NULL, NULL }, "!" },
		{ "jwt", "", { NULL, "Basic Ym9iOng=", NULL, NULL }, "-" },
		{ "jwt", "", { NULL, "G", NULL, NULL }, "-" },
		{ "jwt", "", { NULL, NULL, "t=G", NULL }, "-" },
		{ "jwt", "t", { NULL, NULL, "t=G", NULL }, "ada" },
		{ "jwt", "t", { NULL, NULL, "tt=B;  t=G ; t=B", NULL }, "ada" },
		{ "jwt", "t", { NULL, NULL, "a=t=G", NULL }, "-" },
		{ "jwt", "t", { NULL, NULL, "t=B", "access_token=G" }, "!" },
		{ "jwt", "t", { NULL, "Bearer G", "t=B", NULL }, "ada" },
		{ "jwt", "t", { NULL, "Bearer B", "t=G", NULL }, "!" },
		{ "jwt", "t", { NULL, NULL, "u=1", "access_token=G" }, "ada" },
		{ "jwt", "", { NULL, NULL, NULL, "access_token=B" }, "!" },
		{ "jwt", "", { NULL, NULL, NULL, "access_token=" }, "!" },
		{ "jwt", "", { NULL, NULL, NULL, "token=G" }, "-" },
		{ "jwt remote_user", "", { "bob", "Bearer B", NULL, NULL },
		    "bob" },
		{ "remote_user jwt", "", { NULL, "Bearer G", NULL, NULL },
		    "ada" },
	};

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		const char *fields[] = { table[i].seen.user,
			table[i].seen.authorization, table[i].seen.cookie,
			table[i].seen.query };
		struct buf b[4] = { BUF_INIT, BUF_INIT, BUF_INIT, BUF_INIT };
		struct identity id;
		enum identity_result rc;
		const char *why, *got;

		for (int k = 0; k < 4; k++) {
			const char *s = fields[k] != NULL ? fields[k] : "";

			buf_addstr(&b[k], "");
			for (; *s != '\0'; s++) {
				if (*s == 'G')
					buf_addstr(&b[k], samples[0].token);
				else
					buf_addc(&b[k], *s);
			}
		}
		rc = find(table[i].identity, table[i].cookie,
		    &(struct seen){
			b[0].data, b[1].data, b[2].data, b[3].data },
		    &id, &why);
		got = rc == IDENTITY_REFUSED ? "!"
		      : id.who == NULL       ? "-"
					     : id.who;
		if (strcmp(got, table[i].who) != 0)
			fail_msg("%zu: %s", i, got);
		if (rc == IDENTITY_REFUSED) {
			assert_non_null(why);
			assert_null(id.who);
		} else if (strcmp(got, "ada") == 0) {
			assert_int_equal(id.expires, NOW + 1000 + 30);
			assert_string_equal(
			    id.claims, "{\"sub\":\"ada\",\"exp\":2000001000}");
		} else {
			assert_int_equal(id.expires, 0);
			assert_string_equal(id.claims, "{}");
		}
		identity_fini(&id);
		for (int k = 0; k < 4; k++)
			buf_fini(&b[k]);
	}
}

static const char *
who_with(const char *types, const char *type, char name[16])
{
	struct identity id;
	const char *why;

	setenv("PGFEED_AUTH_TYPES", types, 1);
	if (type != NULL)
		setenv("AUTH_TYPE", type, 1);
	else
		unsetenv("AUTH_TYPE");
	assert_int_equal(find("remote_user jwt", "",
			     &(struct seen){ .user = "bob" }, &id, &why),
	    IDENTITY_OK);
	snprintf(name, 16, "%s", id.who != NULL ? id.who : "-");
	identity_fini(&id);
	unsetenv("PGFEED_AUTH_TYPES");
	unsetenv("AUTH_TYPE");
	return name;
}

static void
a_user_counts_with_the_types_that_are_listed(void **state)
{
	static const struct {
		const char *types, *type, *who;
	} table[] = {
		{ "", NULL, "bob" },
		{ "", "Basic", "bob" },
		{ "Basic", "Basic", "bob" },
		{ "Negotiate, basic", "Basic", "bob" },
		{ "Basic", "Digest", "-" },
		{ "Basic", "Basi", "-" },
		{ "Basic", "Basic2", "-" },
		{ "Basic", "", "-" },
		{ "Basic", NULL, "-" },
	};

	setenv("HTTP_AUTH_TYPE", "Basic", 1);
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		char name[16];

		who_with(table[i].types, table[i].type, name);
		if (strcmp(name, table[i].who) != 0)
			fail_msg("%zu: %s", i, name);
	}
}

/* What a browser can make the web server say begins with HTTP_. */
static void
a_header_is_no_identity(void **state)
{
	static const char *const forged[] = { "HTTP_REMOTE_USER",
		"HTTP_X_REMOTE_USER", "HTTP_X_FORWARDED_USER", "HTTP_AUTH_TYPE",
		"HTTP_X_FORWARDED_ACCESS_TOKEN", "HTTP_X_AUTH_REQUEST_USER" };
	struct identity id;
	const char *why;

	for (size_t i = 0; i < ARRAY_LEN(forged); i++)
		setenv(forged[i], "root", 1);
	assert_int_equal(
	    find("remote_user jwt", "t", &(struct seen){ 0 }, &id, &why),
	    IDENTITY_OK);
	assert_null(id.who);
	identity_fini(&id);
}

static enum identity_result
try(struct identities *ids, const char *token)
{
	struct request *r = request_from_cgi(10000);
	struct identity id;
	const char *why;
	enum identity_result rc;
	char value[4096];

	snprintf(value, sizeof(value), "Bearer %s", token);
	setenv("HTTP_AUTHORIZATION", value, 1);
	rc = identity_find(ids, r, NULL, &id, &why);
	identity_fini(&id);
	request_finish(r);
	return rc;
}

static const char *
sample(const char *what)
{
	for (size_t i = 0; i < ARRAY_LEN(samples); i++) {
		if (strcmp(samples[i].what, what) == 0)
			return samples[i].token;
	}
	fail_msg("no sample \"%s\"", what);
	return NULL;
}

static void
wait_for(struct identities *ids, const char *token, enum identity_result rc)
{
	for (int i = 0; i < 1000 && try(ids, token) != rc; i++)
		usleep(10000);
	assert_int_equal(try(ids, token), rc);
}

static void
a_key_is_replaced_while_we_run(void **state)
{
	const char *before = samples[0].token;
	const char *after = sample("the second key of a kid");
	struct identities *ids;
	struct config c;

	configure(&c, "jwt", "");
	ids = identities_new(&c);
	assert_true(identities_take_tokens(ids));
	assert_int_equal(try(ids, before), IDENTITY_OK);
	assert_int_equal(try(ids, after), IDENTITY_REFUSED);

	write_keys("k HS256 " SECRET_B64 "\ntwice HS256 " OTHER_B64 "\n");
	wait_for(ids, after, IDENTITY_OK);
	assert_int_equal(try(ids, before), IDENTITY_OK);

	write_keys("twice HS256 " OTHER_B64 "\n");
	wait_for(ids, before, IDENTITY_REFUSED);
	assert_int_equal(try(ids, after), IDENTITY_OK);

	/* A broken one changes nothing, and the next good one counts. */
	write_keys("nonsense\n");
	for (int i = 0; i < 120; i++) {
		assert_int_equal(try(ids, after), IDENTITY_OK);
		usleep(10000);
	}
	write_keys("k HS256 " SECRET_B64 "\n");
	wait_for(ids, before, IDENTITY_OK);
	identities_free(ids);
	config_free(&c);
}

/* Only the file that names it was looked at. */
static void
a_public_key_that_everybody_may_write_is_refused(void **state)
{
	static const mode_t modes[] = { 0444, 0644, 0664, 0666, 0602 };
	char pem[] = "/tmp/pgfeed-identity-pem-XXXXXX", line[256], err[512];
	int fd = mkstemp(pem);

	assert_int_not_equal(fd, -1);
	assert_int_equal(write(fd, PEM_RSA, strlen(PEM_RSA)), strlen(PEM_RSA));
	close(fd);
	snprintf(line, sizeof(line), "k RS256 %s\n", pem);
	write_keys(line);
	for (size_t i = 0; i < ARRAY_LEN(modes); i++) {
		struct jwt_keys *keys;

		assert_int_equal(chmod(pem, modes[i]), 0);
		keys = jwt_keys_load(key_file, err, sizeof(err));
		if ((keys == NULL) != ((modes[i] & S_IWOTH) != 0))
			fail_msg("%o: %s", modes[i], err);
		if (keys == NULL)
			assert_non_null(strstr(err, ":1: the file of this public key is world-writable"));
		jwt_keys_free(keys);
	}
	unlink(pem);
	write_keys("k HS256 " SECRET_B64 "\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_that_is_there_counts),
		cmocka_unit_test(a_user_counts_with_the_types_that_are_listed),
		cmocka_unit_test(a_header_is_no_identity),
		cmocka_unit_test(a_key_is_replaced_while_we_run),
		cmocka_unit_test(
		    a_public_key_that_everybody_may_write_is_refused),
	};
	size_t secret_min;

	if (!jwt_alg("HS256", &secret_min)) {
		puts("SKIP: built without libjwt");
		return 77;
	}
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
