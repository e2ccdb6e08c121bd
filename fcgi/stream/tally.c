/*
 * tally.c - how many streams each of something has.
 */
#include <stdlib.h>
#include <string.h>

#include "tally.h"

struct tally *
tally_join(struct table *table, const void *key, size_t n, uint32_t most)
{
	struct tally *t;

	table->key_at = offsetof(struct tally, key);
	t = table_find(table, key, n);
	if (t == NULL) {
		t = calloc(1, offsetof(struct tally, key) + n);
		if (t == NULL)
			return NULL;
		memcpy(t->key, key, n);
		if (!table_add(table, t, n)) {
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
tally_leave(struct table *table, struct tally *t)
{
	if (--t->streams > 0)
		return;
	table_remove(table, t);
	free(t);
}
