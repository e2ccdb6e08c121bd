/*
 * address.h - how many streams each client address has.
 */
#ifndef PGFEED_ADDRESS_H
#define PGFEED_ADDRESS_H

#include "tally.h"

/*
 * As tally_join(), for the address written in text: an IPv6 network of 64 bits
 * is one. Text that is no address (a Unix socket's client) is one of its own.
 */
struct tally *address_join(
    struct tally **table, const char *text, uint32_t most);

#endif
