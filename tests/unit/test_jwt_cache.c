/*
 * test_jwt_cache.c - which good tokens are known, and until when.
 */
#include "unit.h"

#include "auth/jwt_cache.h"

static void
add(struct jwt_cache **table, const char *token, const char *who)
{
	struct jwt_content c = { (char *)(uintptr_t)who, (char[]){ "{}" },
		1000 };

	jwt_cache_add(table, token, strlen(token), &c);
}

static bool
is_known(
    struct jwt_cache **table, const char *token, const char *who, int64_t now)
{
	struct jwt_content c;

	if (!jwt_cache_find(table, token, strlen(token), now, &c))
		return false;
	assert_string_equal(c.who, who);
	assert_string_equal(c.claims, "{}");
	assert_int_equal(c.expires, 1000);
	free(c.who);
	free(c.claims);
	return true;
}

static void
a_token_is_known_until_it_expires(void **state)
{
	struct jwt_cache *table = NULL;

	assert_false(is_known(&table, "a.b.c", "", 1));
	add(&table, "a.b.c", "ada");
	add(&table, "a.b.c", "ada");
	add(&table, "a.b.d", "bob");
	assert_true(is_known(&table, "a.b.c", "ada", 1));
	assert_true(is_known(&table, "a.b.d", "bob", 1));
	assert_false(is_known(&table, "a.b", "", 1));
	assert_false(is_known(&table, "a.b.cc", "", 1));
	assert_true(is_known(&table, "a.b.c", "ada", 999));
	assert_false(is_known(&table, "a.b.c", "", 1000));
	assert_false(is_known(&table, "a.b.c", "", 1));
	assert_true(is_known(&table, "a.b.d", "bob", 1));
	jwt_cache_clear(&table);
	assert_null(table);
	assert_false(is_known(&table, "a.b.d", "", 1));
}

static void
who_was_not_asked_for_longest_goes(void **state)
{
	struct jwt_cache *table = NULL;
	char token[32];

	add(&table, "first", "ada");
	for (int i = 1; i < 3 * TOKEN_CACHE_MAX; i++) {
		snprintf(token, sizeof(token), "%d", i);
		add(&table, token, "bob");
		assert_true(is_known(&table, "first", "ada", 1));
	}
	assert_true(is_known(&table, token, "bob", 1));
	assert_false(is_known(&table, "1", "", 1));
	jwt_cache_clear(&table);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_token_is_known_until_it_expires),
		cmocka_unit_test(who_was_not_asked_for_longest_goes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
