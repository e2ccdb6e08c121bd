/*
 * hash_table.c - intrusive hash table.
 *
 * Always: an element is in the bucket of its hash; there are at most twice as
 *         many elements as buckets, unless memory was short.
 */
#include <stdlib.h>
#include <string.h>

#include "base/siphash.h"
#include "base/hash_table.h"

#define BUCKETS_MIN 16

static struct hash_table_entry **
bucket_of(const struct hash_table *t, uint32_t hash)
{
	return &t->bucket[hash & (t->n_buckets - 1)];
}

void *
hash_table_find(const struct hash_table *t, const void *key, size_t n)
{
	uint32_t hash = hash_bytes(key, n);
	struct hash_table_entry *e = t->n > 0 ? *bucket_of(t, hash) : NULL;

	while (
	    e != NULL && (e->hash != hash || e->n != n ||
			     memcmp((const char *)e + t->key_at, key, n) != 0))
		e = e->next;
	return e;
}

static void
insert(struct hash_table *t, struct hash_table_entry *e)
{
	struct hash_table_entry **bucket = bucket_of(t, e->hash);

	e->next = *bucket;
	*bucket = e;
}

static bool
grow(struct hash_table *t)
{
	struct hash_table old = *t;
	size_t n = MAX(BUCKETS_MIN, t->n_buckets * 2);
	struct hash_table_entry **bucket =
	    calloc(n, sizeof(struct hash_table_entry *));

	if (bucket == NULL)
		return t->n_buckets > 0; /* it gets slower */
	t->bucket = bucket;
	t->n_buckets = n;
	for (size_t i = 0; i < old.n_buckets; i++) {
		struct hash_table_entry *e, *next;

		for (e = old.bucket[i]; e != NULL; e = next) {
			next = e->next;
			insert(t, e);
		}
	}
	free(old.bucket);
	return true;
}

bool
hash_table_add(struct hash_table *t, void *thing, size_t n)
{
	struct hash_table_entry *e = thing;

	if (t->n >= t->n_buckets * 2 && !grow(t))
		return false;
	e->n = (uint32_t)n;
	e->hash = hash_bytes((const char *)thing + t->key_at, n);
	insert(t, e);
	t->n++;
	return true;
}

void
hash_table_remove(struct hash_table *t, void *thing)
{
	struct hash_table_entry *e = thing, **p = bucket_of(t, e->hash);

	while (*p != e)
		p = &(*p)->next;
	*p = e->next;
	if (--t->n > 0)
		return;
	free(t->bucket);
	t->bucket = NULL;
	t->n_buckets = 0;
}

void *
hash_table_next(const struct hash_table *t, const void *thing)
{
	const struct hash_table_entry *e = thing;
	size_t i = 0;

	if (e != NULL && e->next != NULL)
		return e->next;
	if (e != NULL)
		i = (e->hash & (t->n_buckets - 1)) + 1;
	while (i < t->n_buckets && t->bucket[i] == NULL)
		i++;
	return i < t->n_buckets ? t->bucket[i] : NULL;
}
