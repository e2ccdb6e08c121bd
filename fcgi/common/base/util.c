/*
 * util.c - clocks, jitter, signals and UTF-8.
 */
#include <sys/random.h>
#include <signal.h>
#include <string.h>
#include <time.h>

#include "base/util.h"

int64_t
now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int64_t
wall_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

uint32_t
random_between(uint32_t low, uint32_t high)
{
	uint32_t r;

	if (high <= low)
		return low;
	if (getrandom(&r, sizeof(r), GRND_NONBLOCK) != sizeof(r))
		r = (uint32_t)wall_us() * 2654435761u;
	return low + (uint32_t)((uint64_t)r * ((uint64_t)high - low + 1) >> 32);
}

void
hold_stop_signals(bool hold)
{
	sigset_t stops;

	sigemptyset(&stops);
	sigaddset(&stops, SIGTERM);
	sigaddset(&stops, SIGINT);
	pthread_sigmask(hold ? SIG_BLOCK : SIG_UNBLOCK, &stops, NULL);
}

bool
utf8_valid(const char *s, size_t n)
{
	const unsigned char *p = (const unsigned char *)s, *end = p + n;

	while (p < end) {
		unsigned c = *p++, low = 0x80, high = 0xbf, more;

		if (c < 0x80)
			continue;
		/* RFC 3629 section 4: no overlong form, no surrogate. */
		if (c >= 0xc2 && c <= 0xdf)
			more = 1;
		else if (c >= 0xe0 && c <= 0xef) {
			more = 2;
			if (c == 0xe0)
				low = 0xa0;
			if (c == 0xed)
				high = 0x9f;
		} else if (c >= 0xf0 && c <= 0xf4) {
			more = 3;
			if (c == 0xf0)
				low = 0x90;
			if (c == 0xf4)
				high = 0x8f;
		} else
			return false;
		for (; more > 0; more--) {
			if (p == end || *p < low || *p > high)
				return false;
			p++;
			low = 0x80;
			high = 0xbf;
		}
	}
	return true;
}
