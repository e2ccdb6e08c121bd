/*
 * test_hash_table.c - things to be found by a key that is in them.
 */
#include "unit.h"

#include "base/siphash.h"
#include "base/hash_table.h"

#define THINGS       1000
#define THINGS_POWER 1024

struct thing {
	struct hash_table_entry in_table;
	bool seen;
	char key[16];
	size_t n;
};

static struct thing things[THINGS];

static int
fill(void **state)
{
	static struct hash_table t;

	t.key_at = offsetof(struct thing, key);
	for (size_t i = 0; i < THINGS; i++) {
		struct thing *x = &things[i];

		/* Keys that are beginnings of others, and one without bytes. */
		x->n = (size_t)snprintf(x->key, sizeof(x->key), "%zu", i);
		if (i == 0)
			x->n = 0;
		x->seen = false;
		if (!hash_table_add(&t, x, x->n))
			return -1;
	}
	*state = &t;
	return 0;
}

static int
empty(void **state)
{
	struct hash_table *t = *state;
	struct thing *x;

	while ((x = hash_table_next(t, NULL)) != NULL)
		hash_table_remove(t, x);
	return t->bucket == NULL && t->n == 0 ? 0 : -1;
}

static void
each_is_found_by_its_key(void **state)
{
	struct hash_table *t = *state;

	assert_int_equal(t->n, THINGS);
	for (size_t i = 0; i < THINGS; i++)
		assert_ptr_equal(
		    hash_table_find(t, things[i].key, things[i].n), &things[i]);
	assert_null(hash_table_find(t, "1000", 4));
	assert_null(hash_table_find(t, "12\0", 3));
}

static void
what_is_taken_out_is_gone_and_the_rest_stays(void **state)
{
	struct hash_table *t = *state;

	for (size_t i = 0; i < THINGS; i += 2)
		hash_table_remove(t, &things[i]);
	assert_int_equal(t->n, THINGS / 2);
	for (size_t i = 0; i < THINGS; i++) {
		const struct thing *found =
		    hash_table_find(t, things[i].key, things[i].n);

		assert_true(found == (i % 2 == 0 ? NULL : &things[i]));
	}
}

static void
a_walk_meets_each_once_though_they_are_taken_out(void **state)
{
	struct hash_table *t = *state;
	struct thing *x, *next;
	size_t n = 0;

	for (x = hash_table_next(t, NULL); x != NULL; x = next, n++) {
		next = hash_table_next(t, x);
		assert_false(x->seen);
		x->seen = true;
		if (n % 3 != 0)
			hash_table_remove(t, x);
	}
	assert_int_equal(n, THINGS);
	assert_int_equal(t->n, (THINGS + 2) / 3);
}

static void
an_empty_one_has_nothing(void **state)
{
	struct hash_table t = { 0 };

	assert_null(hash_table_find(&t, "a", 1));
	assert_null(hash_table_next(&t, NULL));
}

/*
 * Keys that fall into one bucket by the hash that uthash has, as anybody can
 * choose topics or names: with it each look took as many steps as there are.
 */
static void
chosen_keys_do_not_gather(void **state)
{
	struct hash_table t = { .key_at = offsetof(struct thing, key) };
	size_t n = 0, longest = 0;

	for (unsigned i = 0; n < THINGS; i++) {
		struct thing *x = &things[n];
		unsigned hash;

		x->n = (size_t)snprintf(x->key, sizeof(x->key), "p/%u", i);
		HASH_JEN(x->key, x->n, hash);
		if (hash % THINGS_POWER != 0)
			continue;
		assert_true(hash_table_add(&t, x, x->n));
		n++;
	}
	for (size_t i = 0; i < t.n_buckets; i++) {
		size_t length = 0;

		for (struct hash_table_entry *e = t.bucket[i]; e != NULL;
		     e = e->next)
			length++;
		longest = MAX(longest, length);
	}
	/* Two in each; by chance there are never so many. */
	assert_true(longest < 30);
	for (size_t i = 0; i < n; i++) {
		assert_ptr_equal(
		    hash_table_find(&t, things[i].key, things[i].n),
		    &things[i]);
		hash_table_remove(&t, &things[i]);
	}
}

int
main(void)
{
#define FILLED(test) cmocka_unit_test_setup_teardown(test, fill, empty)
	const struct CMUnitTest tests[] = {
		FILLED(each_is_found_by_its_key),
		FILLED(what_is_taken_out_is_gone_and_the_rest_stays),
		FILLED(a_walk_meets_each_once_though_they_are_taken_out),
		cmocka_unit_test(an_empty_one_has_nothing),
		cmocka_unit_test(chosen_keys_do_not_gather),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
