/*
 * topic.c - names of topics, and patterns of topics.
 */
#include <string.h>

#include "feed/topic.h"

bool
topic_valid(const char *s, size_t n)
{
	if (n == 0 || n > TOPIC_MAX_BYTES || !utf8_valid(s, n))
		return false;
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)s[i];

		if (c < 0x20 || c == 0x7f || c == '*' || c == '{' || c == '}')
			return false;
	}
	return !(n >= 2 && memcmp(s, "-/", 2) == 0);
}

bool
topic_is_prefix(const char *pattern, size_t n)
{
	return n > 0 && pattern[n - 1] == '*' &&
	       (n == 1 || pattern[n - 2] == '/');
}

bool
topic_pattern_valid(const char *s, size_t n)
{
	if (n == 1 && *s == '*')
		return true;
	return topic_valid(s, topic_is_prefix(s, n) ? n - 1 : n);
}

bool
topic_fits_path(const char *s, size_t n)
{
	char before = '/';

	for (size_t i = 0; i < n; i++) {
		if (s[i] == '/' && before == '/')
			return false;
		before = s[i];
	}
	return before != '/';
}

bool
topic_matches(const char *pattern, const char *topic)
{
	size_t n = strlen(pattern);

	if (topic_is_prefix(pattern, n))
		return strncmp(pattern, topic, n - 1) == 0;
	return strcmp(pattern, topic) == 0;
}
