/*
 * hash_table.h - things to be found by a key that is in them.
 *
 * As uthash, with 16 bytes in each thing instead of 56: of some there is one
 * for every stream.
 */
#ifndef PGFEED_HASH_TABLE_H
#define PGFEED_HASH_TABLE_H

#include "base/util.h"

/* The first member of whatever is in a table. */
struct hash_table_entry {
	struct hash_table_entry *next; /* in its bucket */
	uint32_t hash;
	uint32_t n; /* bytes of the key */
};

/* All zeros, but for key_at, is an empty one that has no memory. */
struct hash_table {
	size_t key_at; /* where the key is in its things */
	size_t n;
	size_t n_buckets; /* a power of 2 */
	struct hash_table_entry **bucket;
};

/* The thing with the n bytes of key, or NULL. */
void *hash_table_find(const struct hash_table *, const void *key, size_t n);

/*
 * Adds a thing, whose key of n bytes is in its place and no other's. False, and
 * it is not in it, when there is no memory.
 */
bool hash_table_add(struct hash_table *, void *thing, size_t n) MUSTCHECK;

/* Takes out a thing that is in it. Without things there is no memory. */
void hash_table_remove(struct hash_table *, void *thing);

/*
 * The thing behind one, which may be NULL: the first. Taking out what was
 * handed out before is all right, adding is not.
 */
void *hash_table_next(const struct hash_table *, const void *thing);

#endif
