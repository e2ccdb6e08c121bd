/*
 * tally.c - how many streams each of something has.
 */
#include <stdlib.h>
#include <string.h>

#include "tally.h"

struct tally *
tally_join(struct tally **table, const void *key, size_t n, uint32_t most)
{
	struct tally *t;

	HASH_FIND(hh, *table, key, n, t);
	if (t == NULL) {
		t = calloc(1, sizeof(*t) + n);
		if (t == NULL)
			return NULL;
		memcpy(t->key, key, n);
		HASH_ADD(hh, *table, key[0], n, t);
	}
	if (t->streams >= most)
		return NULL;
	t->streams++;
	return t;
}

void
tally_leave(struct tally **table, struct tally *t)
{
	if (--t->streams > 0)
		return;
	HASH_DEL(*table, t);
	free(t);
}
