/*
 * siphash.h - keyed hash (SipHash), and uthash with it.
 *
 * Topics, addresses and names come from strangers. A stranger who can predict
 * the hash can choose thousands of names that fall into one bucket, and each
 * look-up then takes thousands of steps.
 *
 * Include this file instead of uthash.h: uthash then uses the keyed hash.
 */
#ifndef PGFEED_SIPHASH_H
#define PGFEED_SIPHASH_H

#include "base/util.h"

/* Returns SipHash-1-3 (Aumasson and Bernstein, 2012) of n bytes. */
uint64_t hash_sip(const uint64_t key[2], const void *, size_t n);

/* Returns the hash with this process's random key. Any thread may call it. */
uint32_t hash_bytes(const void *, size_t n);

#define HASH_FUNCTION(bytes, n, hash) ((hash) = hash_bytes(bytes, n))
#include <uthash.h>

#endif
