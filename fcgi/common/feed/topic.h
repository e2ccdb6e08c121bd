/*
 * topic.h - names of topics, and patterns that take a whole subtree.
 *
 * A topic is 1 to 1,024 bytes of UTF-8 without control characters (below
 * U+0020, and U+007F), "*", "{" and "}". Slashes may stand anywhere, so an IRI
 * is a topic. Names that begin with "-/" are pgfeed's own and no topics.
 *
 * A pattern is a topic, or a prefix that ends with a slash and a star behind
 * it ("orders/" and "*"), which takes every topic that begins with the prefix,
 * or "*" alone, which takes every topic.
 */
#ifndef PGFEED_TOPIC_H
#define PGFEED_TOPIC_H

#include "base/util.h"

#define TOPIC_MAX_BYTES 1024
#define TOPIC_DEFAULT   "events"

/* What a user is told who sent something else. */
#define TOPIC_RULE                                                      \
	"a topic is 1 to 1024 bytes of UTF-8 without control characters," \
	" *, { and }, and does not begin with -/"

/* Patterns that belong together: sorted, without doubles. */
struct topic_set {
	const char *key; /* equal for equal sets: each pattern behind a LF */
	char **pattern;
	size_t n;
};

bool topic_valid(const char *s, size_t n);
bool topic_pattern_valid(const char *s, size_t n);

/*
 * Whether a topic or pattern can stand in the path of a URL: it has no empty
 * segment. Web servers merge slashes and add one at the end, so such a path
 * could mean two topics; the query says them exactly.
 */
bool topic_fits_path(const char *s, size_t n);

/* Whether the pattern is "*" or ends in a slash and "*". */
bool topic_is_prefix(const char *pattern, size_t n);

/* Whether topic is taken by pattern; both valid. */
bool topic_matches(const char *pattern, const char *topic);

#endif
