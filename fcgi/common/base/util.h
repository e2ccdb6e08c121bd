/*
 * util.h - clocks, random numbers, UTF-8, and a few macros.
 */
#ifndef PGFEED_UTIL_H
#define PGFEED_UTIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Callbacks have parameters that they do not need, and the rest of a struct is
 * zero. configure says so to the compiler as well, but with clang an -Wextra in
 * the user's CFLAGS, which come last, asks for these warnings again.
 */
#ifdef __clang__
#pragma clang diagnostic ignored "-Wunused-parameter"
#pragma clang diagnostic ignored "-Wmissing-field-initializers"
#endif

#define MUSTCHECK    __attribute__((warn_unused_result))
#define PRINTF(f, a) __attribute__((format(printf, f, a)))
#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
#define MIN(a, b)    ((a) < (b) ? (a) : (b))
#define MAX(a, b)    ((a) > (b) ? (a) : (b))

/* The struct of that type in which p points to the member. */
#define container_of(p, type, member) \
	((type *)(void *)((char *)(p)-offsetof(type, member)))

/* Returns the monotonic clock in milliseconds. */
int64_t now_ms(void);

/* Returns microseconds since 1970, for latencies against the database's clock. */
int64_t wall_us(void);

/*
 * Returns a random number from low to high inclusive. For jitter, not for
 * secrets.
 */
uint32_t random_between(uint32_t low, uint32_t high);

/*
 * Blocks (hold) or unblocks SIGTERM and SIGINT in this thread; threads that it
 * starts inherit the mask.
 */
void hold_stop_signals(bool hold);

/* Returns whether the n bytes at s are well-formed UTF-8 (RFC 3629). */
bool utf8_valid(const char *s, size_t n);

/*
 * Copies the n bytes at src to dst, of size bytes, for a log or a terminal:
 * what is a control character, reorders text or is no UTF-8 becomes \xHH, byte
 * by byte. dst ends in a NUL. Returns how many bytes of src had no room; 4
 * bytes for each byte of src and 6 more are enough.
 */
size_t text_escape(char *dst, size_t size, const char *src, size_t n);

#endif
