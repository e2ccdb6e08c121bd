/*
 * siphash.h - hashes that nobody outside can foresee.
 *
 * Topics, addresses and names come from strangers. If they knew the hash, they
 * could choose thousands that fall into one bucket of a table, and each look
 * into it would take thousands of steps.
 *
 * To be included instead of uthash.h, which then takes this hash.
 */
#ifndef PGFEED_SIPHASH_H
#define PGFEED_SIPHASH_H

#include "base/util.h"

/* SipHash-1-3 (Aumasson and Bernstein, 2012) of n bytes. */
uint64_t hash_sip(const uint64_t key[2], const void *, size_t n);

/* The same with a key that is drawn once in each process. From any thread. */
uint32_t hash_bytes(const void *, size_t n);

#define HASH_FUNCTION(bytes, n, hash) ((hash) = hash_bytes(bytes, n))
#include <uthash.h>

#endif
