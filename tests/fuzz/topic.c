/*
 * topic.c - names and patterns as strangers write them.
 *
 * The input is a pattern and a topic, one a line. What is taken keeps every
 * promise of topic.h, and a pattern takes what it says by a second way of
 * looking at it.
 */
#include <string.h>

#include "fuzz.h"
#include "feed/topic.h"

static void
check_topic(const char *s, size_t n)
{
	FUZZ_CHECK(n >= 1 && n <= TOPIC_MAX_BYTES);
	FUZZ_CHECK(utf8_valid(s, n));
	for (size_t i = 0; i < n; i++) {
		FUZZ_CHECK((unsigned char)s[i] >= 0x20 && s[i] != 0x7f);
		FUZZ_CHECK(strchr("*{}", s[i]) == NULL);
	}
	FUZZ_CHECK(strncmp(s, "-/", 2) != 0);
	FUZZ_CHECK(topic_pattern_valid(s, n) && !topic_is_prefix(s, n));
	FUZZ_CHECK(topic_matches(s, s));
}

/* A path is what lies between two slashes without an empty segment. */
static void
check_path(const char *s, size_t n)
{
	FUZZ_CHECK(topic_fits_path(s, n) ==
		   (n > 0 && s[0] != '/' && s[n - 1] != '/' &&
		       memmem(s, n, "//", 2) == NULL));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *s = (const char *)data;
	const char *line = size > 0 ? memchr(s, '\n', size) : NULL;
	size_t n = line != NULL ? (size_t)(line - s) : size, m;
	char pattern[TOPIC_MAX_BYTES + 3], topic[TOPIC_MAX_BYTES + 1];
	bool below;

	check_path(s, n);
	if (!topic_pattern_valid(s, n)) {
		FUZZ_CHECK(!topic_valid(s, n));
		return 0;
	}
	FUZZ_CHECK(n < sizeof(pattern));
	memcpy(pattern, s, n);
	pattern[n] = '\0';
	if (topic_valid(s, n))
		check_topic(pattern, n);
	else
		FUZZ_CHECK(topic_is_prefix(s, n) &&
			   (n == 1 || topic_valid(s, n - 1)));

	if (line == NULL || !topic_valid(line + 1, size - n - 1))
		return 0;
	m = size - n - 1;
	memcpy(topic, line + 1, m);
	topic[m] = '\0';
	check_topic(topic, m);
	below = topic_is_prefix(pattern, n) && m >= n - 1 &&
		memcmp(topic, pattern, n - 1) == 0;
	FUZZ_CHECK(topic_matches(pattern, topic) ==
		   (below || strcmp(pattern, topic) == 0));
	return 0;
}
