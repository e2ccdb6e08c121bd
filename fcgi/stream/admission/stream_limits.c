/*
 * stream_limits.c - number of streams per address and user.
 */
#include <stdlib.h>
#include <string.h>

#include "stream/admission/stream_limits.h"

struct stream_limit *
stream_limit_add(
    struct hash_table *table, const void *key, size_t n, uint32_t most)
{
	struct stream_limit *t;

	table->key_at = offsetof(struct stream_limit, key);
	t = hash_table_find(table, key, n);
	if (t == NULL) {
		t = calloc(1, offsetof(struct stream_limit, key) + n);
		if (t == NULL)
			return NULL;
		memcpy(t->key, key, n);
		if (!hash_table_add(table, t, n)) {
			free(t);
			return NULL;
		}
	}
	if (t->streams >= most)
		return NULL;
	t->streams++;
	return t;
}

void
stream_limit_remove(struct hash_table *table, struct stream_limit *t)
{
	if (--t->streams > 0)
		return;
	hash_table_remove(table, t);
	free(t);
}
