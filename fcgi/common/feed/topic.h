/*
 * topic.h - names of topics, and patterns that take a whole subtree.
 *
 * A topic is 1 to 255 bytes of UTF-8: segments joined by "/", none of them
 * empty, no control character, no "*". The first segment is not "-": below it
 * pgfeed serves its own pages. A pattern is a topic, or a topic followed by
 * slash and star, which takes every topic below it (not the topic itself).
 */
#ifndef PGFEED_TOPIC_H
#define PGFEED_TOPIC_H

#include "base/util.h"

#define TOPIC_MAX_BYTES 255
#define TOPIC_DEFAULT   "events"

/* Patterns that belong together: sorted, without doubles. */
struct topic_set {
	const char *key; /* equal for equal sets: each pattern behind a LF */
	char **pattern;
	size_t n;
};

bool topic_valid(const char *s, size_t n);
bool topic_pattern_valid(const char *s, size_t n);

/* Whether the pattern ends in slash and star. */
bool topic_is_prefix(const char *pattern, size_t n);

/* Whether topic is taken by pattern; both valid. */
bool topic_matches(const char *pattern, const char *topic);

#endif
