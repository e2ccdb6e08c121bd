/*
 * hash_table.h - intrusive hash table; the key is a part of the element.
 *
 * Like uthash, with 16 bytes per element instead of 56: some tables have an
 * element for each stream.
 */
#ifndef PGFEED_HASH_TABLE_H
#define PGFEED_HASH_TABLE_H

#include "base/util.h"

/* The first member of an element. */
struct hash_table_entry {
	struct hash_table_entry *next; /* in its bucket */
	uint32_t hash;
	uint32_t n; /* bytes of the key */
};

/* A table of zeros, except key_at, is empty and has no memory. */
struct hash_table {
	size_t key_at; /* offset of the key in an element, bytes */
	size_t n;
	size_t n_buckets; /* a power of 2 */
	struct hash_table_entry **bucket;
};

/* Returns the element with this key of n bytes, or NULL. */
void *hash_table_find(const struct hash_table *, const void *key, size_t n);

/*
 * Adds an element whose key of n bytes is set and not yet in the table. Returns
 * false, and adds nothing, without memory.
 */
bool hash_table_add(struct hash_table *, void *thing, size_t n) MUSTCHECK;

/* Removes an element of the table. An empty table has no memory. */
void hash_table_remove(struct hash_table *, void *thing);

/*
 * Returns the element after the given one; NULL gives the first. The caller may
 * remove elements that were returned earlier, but must not add any.
 */
void *hash_table_next(const struct hash_table *, const void *thing);

#endif
