/*
 * siphash.c - keyed hash (SipHash).
 *
 * One round per eight bytes and three at the end (SipHash-1-3), fewer than the
 * two and four of the original. The tables of several languages use this
 * variant, since no hash value is visible outside the process.
 */
#include <sys/random.h>
#include <sys/types.h>
#include <endian.h>
#include <pthread.h>
#include <string.h>

#include "base/siphash.h"

static uint64_t
rotate(uint64_t x, unsigned bits)
{
	return x << bits | x >> (64 - bits);
}

static void
mix(uint64_t v[4])
{
	v[0] += v[1];
	v[2] += v[3];
	v[1] = rotate(v[1], 13) ^ v[0];
	v[3] = rotate(v[3], 16) ^ v[2];
	v[0] = rotate(v[0], 32);
	v[2] += v[1];
	v[0] += v[3];
	v[1] = rotate(v[1], 17) ^ v[2];
	v[3] = rotate(v[3], 21) ^ v[0];
	v[2] = rotate(v[2], 32);
}

static void
take_word(uint64_t v[4], uint64_t word)
{
	v[3] ^= word;
	mix(v);
	v[0] ^= word;
}

uint64_t
hash_sip(const uint64_t key[2], const void *bytes, size_t n)
{
	uint64_t v[4] = { key[0] ^ UINT64_C(0x736f6d6570736575),
		key[1] ^ UINT64_C(0x646f72616e646f6d),
		key[0] ^ UINT64_C(0x6c7967656e657261),
		key[1] ^ UINT64_C(0x7465646279746573) };
	const unsigned char *p = bytes;
	uint64_t last = (uint64_t)n << 56;

	for (; n >= 8; p += 8, n -= 8) {
		uint64_t word;

		memcpy(&word, p, 8);
		take_word(v, le64toh(word));
	}
	while (n-- > 0)
		last |= (uint64_t)p[n] << (8 * n);
	take_word(v, last);
	v[2] ^= 0xff;
	mix(v);
	mix(v);
	mix(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

static uint64_t own_key[2];

/* At boot, before the kernel has random numbers, the clock takes their place. */
static void
draw_key(void)
{
	if (getrandom(own_key, sizeof(own_key), GRND_NONBLOCK) !=
	    (ssize_t)sizeof(own_key)) {
		own_key[0] = (uint64_t)wall_us();
		own_key[1] = (uint64_t)(uintptr_t)&own_key;
	}
}

uint32_t
hash_bytes(const void *bytes, size_t n)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, draw_key);
	return (uint32_t)hash_sip(own_key, bytes, n);
}
