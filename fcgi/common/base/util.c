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

/* The bytes of the character at p, or 0: RFC 3629 section 4 allows none. */
static size_t
utf8_length(const unsigned char *p, const unsigned char *end)
{
	unsigned c = *p, low = 0x80, high = 0xbf;
	size_t n;

	if (c < 0x80)
		return 1;
	/* No overlong form, no surrogate. */
	if (c >= 0xc2 && c <= 0xdf)
		n = 2;
	else if (c >= 0xe0 && c <= 0xef) {
		n = 3;
		if (c == 0xe0)
			low = 0xa0;
		if (c == 0xed)
			high = 0x9f;
	} else if (c >= 0xf0 && c <= 0xf4) {
		n = 4;
		if (c == 0xf0)
			low = 0x90;
		if (c == 0xf4)
			high = 0x8f;
	} else
		return 0;
	if ((size_t)(end - p) < n)
		return 0;
	for (size_t i = 1; i < n; i++) {
		if (p[i] < low || p[i] > high)
			return 0;
		low = 0x80;
		high = 0xbf;
	}
	return n;
}

bool
utf8_valid(const char *s, size_t n)
{
	const unsigned char *p = (const unsigned char *)s, *end = p + n;
	size_t length;

	for (; p < end; p += length) {
		length = utf8_length(p, end);
		if (length == 0)
			return false;
	}
	return true;
}

/*
 * Whether a terminal shows the character, n bytes at p, where it stands: it is
 * no control character (C0, DEL, C1), no line separator (U+2028, U+2029) and
 * none that turns the text around (U+202A to U+202E, U+2066 to U+2069).
 */
static bool
is_plain(const unsigned char *p, size_t n)
{
	if (n == 1)
		return *p >= 0x20 && *p != 0x7f;
	if (n == 2)
		return !(p[0] == 0xc2 && p[1] < 0xa0);
	if (n == 3 && p[0] == 0xe2 && p[1] == 0x80)
		return p[2] < 0xa8 || p[2] > 0xae;
	if (n == 3 && p[0] == 0xe2 && p[1] == 0x81)
		return p[2] < 0xa6 || p[2] > 0xa9;
	return n > 0;
}

size_t
text_escape(char *dst, size_t size, const char *src, size_t n)
{
	static const char hex[] = "0123456789abcdef";
	const unsigned char *p = (const unsigned char *)src, *end = p + n;
	size_t done = 0;

	while (p < end && done + 5 < size) {
		size_t length = utf8_length(p, end);

		if (is_plain(p, length)) {
			memcpy(dst + done, p, length);
			done += length;
			p += length;
			continue;
		}
		for (length = MAX(length, 1);
		     length > 0 && done + 5 < size; length--, p++) {
			dst[done++] = '\\';
			dst[done++] = 'x';
			dst[done++] = hex[*p >> 4];
			dst[done++] = hex[*p & 15];
		}
	}
	dst[done] = '\0';
	return (size_t)(end - p);
}
