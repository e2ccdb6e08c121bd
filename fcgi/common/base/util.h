/*
 * util.h - small things that every file may use.
 */
#ifndef PGFEED_UTIL_H
#define PGFEED_UTIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MUSTCHECK    __attribute__((warn_unused_result))
#define PRINTF(f, a) __attribute__((format(printf, f, a)))
#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
#define MIN(a, b)    ((a) < (b) ? (a) : (b))
#define MAX(a, b)    ((a) > (b) ? (a) : (b))

/* Milliseconds of the monotonic clock. */
int64_t now_ms(void);

/* Microseconds since 1970, for latencies against the database's clock. */
int64_t wall_us(void);

/*
 * A random number from low to high inclusive, for jitter: not for secrets.
 */
uint32_t random_between(uint32_t low, uint32_t high);

/*
 * Makes SIGTERM and SIGINT wait for this thread and those that it starts, or
 * lets them come.
 */
void hold_stop_signals(bool hold);

/* Whether the n bytes at s are well-formed UTF-8 (RFC 3629). */
bool utf8_valid(const char *s, size_t n);

#endif
