/*
 * tally.c - how many streams each of something has.
 */
#include <stdlib.h>
#include <string.h>

#include "stream/admission/tally.h"

struct tally *
tally_join(struct hash_table *table, const void *key, size_t n, uint32_t most)
{
	struct tally *t;

	table->key_at = offsetof(struct tally, key);
	t = hash_table_find(table, key, n);
	if (t == NULL) {
		t = calloc(1, offsetof(struct tally, key) + n);
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
tally_leave(struct hash_table *table, struct tally *t)
{
	if (--t->streams > 0)
		return;
	hash_table_remove(table, t);
	free(t);
}
