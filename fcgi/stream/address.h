/*
 * address.h - how many streams each client address has.
 */
#ifndef PGFEED_ADDRESS_H
#define PGFEED_ADDRESS_H

#include <netinet/in.h>
#include <stdint.h>
#include <uthash.h>

/* An IPv4 address, or the network of 64 bits that an IPv6 one is in. */
struct address {
	uint32_t streams;
	uint8_t key[9]; /* length of what follows, in bytes; then that */
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
