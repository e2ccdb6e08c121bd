/*
 * address.c - how many streams each client address has.
 *
 * One browser can easily have all addresses of its IPv6 network of 64 bits
 * (RFC 8981), so those count as one.
 */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "address.h"

#define V6_NETWORK_BYTES 8

static void
make_key(uint8_t key[9], const char *text)
{
	struct in6_addr v6;
	struct in_addr v4;

	memset(key, 0, 9);
	if (inet_pton(AF_INET, text, &v4) == 1) {
		key[0] = sizeof(v4);
		memcpy(key + 1, &v4, sizeof(v4));
	} else if (inet_pton(AF_INET6, text, &v6) == 1 &&
		   IN6_IS_ADDR_V4MAPPED(&v6)) {
		key[0] = sizeof(v4);
		memcpy(key + 1, v6.s6_addr + 12, sizeof(v4));
	} else if (inet_pton(AF_INET6, text, &v6) == 1) {
		key[0] = V6_NETWORK_BYTES;
		memcpy(key + 1, &v6, V6_NETWORK_BYTES);
	}
}

struct address *
address_join(struct address **table, const char *text, uint32_t most)
{
	struct address *a;
	uint8_t key[9];

	make_key(key, text);
	HASH_FIND(hh, *table, key, sizeof(key), a);
	if (a == NULL) {
		a = calloc(1, sizeof(*a));
		if (a == NULL)
			return NULL;
		memcpy(a->key, key, sizeof(key));
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
