/*
 * address.c - how many streams each client address has.
 */
#include "address.h"
#include "client_address.h"

struct tally *
address_join(struct tally **table, const char *text, uint32_t most)
{
	struct client_key key = client_key(text);

	return tally_join(table, &key, sizeof(key), most);
}
