/*
 * topic.h - names of topics, and patterns of topics.
 *
 * A topic is 1 to 1,024 bytes of UTF-8 without control characters (below
 * U+0020, and U+007F), "*", "{" and "}". Slashes may stand anywhere, so an IRI
 * is a topic. Names that begin with "-/" are pgfeed's own and no topics.
 *
 * A pattern is a topic; or a prefix that ends with a slash, with a star behind
 * it ("orders/" and "*"), which matches every topic that begins with the
 * prefix; or "*" alone, which matches every topic.
 */
#ifndef PGFEED_TOPIC_H
#define PGFEED_TOPIC_H

#include "base/util.h"

#define TOPIC_MAX_BYTES 1024
#define TOPIC_DEFAULT   "events"

/* The rule for a topic, as a message to users. */
#define TOPIC_RULE                                                      \
	"a topic is 1 to 1024 bytes of UTF-8 without control characters," \
	" *, { and }, and does not begin with -/"

/* The patterns of one subscription: sorted, without duplicates. */
struct topic_set {
	/* equal for equal sets: each pattern with a LF before it */
	const char *key;
	char **pattern;
	size_t n;
};

bool topic_valid(const char *s, size_t n);
bool topic_pattern_valid(const char *s, size_t n);

/*
 * Returns whether a topic or pattern can stand in the path of a URL: it must
 * not have an empty segment. Web servers merge slashes and add one at the end,
 * so such a path could mean two topics. The query has no such limit.
 */
bool topic_fits_path(const char *s, size_t n);

/* Returns whether the pattern is "*" or ends in a slash and "*". */
bool topic_is_prefix(const char *pattern, size_t n);

/* Returns whether pattern matches topic. Both must be valid. */
bool topic_matches(const char *pattern, const char *topic);

#endif
