/*
 * address.h - how many streams each client address has.
 */
#ifndef PGFEED_ADDRESS_H
#define PGFEED_ADDRESS_H

#include <uthash.h>

#include "client_address.h"

struct address {
	uint32_t streams;
	struct client_key key;
	UT_hash_handle hh;
};

/*
 * Counts one more stream of the address written in text. Returns its entry,
 * for address_leave(); NULL when there are most of them already. Text that is
 * no address (a Unix socket's client) is one address of its own.
 */
struct address *address_join(
    struct address **table, const char *text, uint32_t most);

/* One stream less; the entry may be gone afterwards. */
void address_leave(struct address **table, struct address *);

#endif
