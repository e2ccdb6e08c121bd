/*
 * address.c - how many streams each client address has.
 */
#include <stdlib.h>

#include "address.h"

struct address *
address_join(struct address **table, const char *text, uint32_t most)
{
	struct client_key key = client_key(text);
	struct address *a;

	HASH_FIND(hh, *table, &key, sizeof(key), a);
	if (a == NULL) {
		a = calloc(1, sizeof(*a));
		if (a == NULL)
			return NULL;
		a->key = key;
		HASH_ADD(hh, *table, key, sizeof(a->key), a);
	}
	if (a->streams >= most) /* most is at least 1: a is not new */
		return NULL;
	a->streams++;
	return a;
}

void
address_leave(struct address **table, struct address *a)
{
	if (--a->streams > 0)
		return;
	HASH_DEL(*table, a);
	free(a);
}
