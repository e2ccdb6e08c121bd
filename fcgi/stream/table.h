/*
 * table.h - things to be found by a key that is in them.
 *
 * As uthash, with 16 bytes in each thing instead of 56: of some there is one
 * for every stream.
 */
#ifndef PGFEED_TABLE_H
#define PGFEED_TABLE_H

#include "util.h"

/* The first member of whatever is in a table. */
struct table_entry {
	struct table_entry *next; /* in its bucket */
	uint32_t hash;
	uint32_t n; /* bytes of the key */
};

/* All zeros, but for key_at, is an empty one that has no memory. */
struct table {
	size_t key_at; /* where the key is in its things */
	size_t n;
	size_t n_buckets; /* a power of 2 */
	struct table_entry **bucket;
};

/* The thing with the n bytes of key, or NULL. */
void *table_find(const struct table *, const void *key, size_t n);

/*
 * Adds a thing, whose key of n bytes is in its place and no other's. False, and
 * it is not in it, when there is no memory.
 */
bool table_add(struct table *, void *thing, size_t n) MUSTCHECK;

/* Takes out a thing that is in it. Without things there is no memory. */
void table_remove(struct table *, void *thing);

/*
 * The thing behind one, which may be NULL: the first. Taking out what was
 * handed out before is all right, adding is not.
 */
void *table_next(const struct table *, const void *thing);

#endif
