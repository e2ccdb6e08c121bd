/*
 * stream_limits.h - number of streams per address and user.
 */
#ifndef PGFEED_STREAM_LIMITS_H
#define PGFEED_STREAM_LIMITS_H

#include "base/hash_table.h"

struct stream_limit {
	struct hash_table_entry in_table;
	uint32_t streams;
	char key[];
};

/*
 * Counts one more stream for the key of n bytes. Returns its entry, for
 * stream_limit_remove(); NULL when there are most of them already, which is at least 1,
 * or no memory.
 */
struct stream_limit *stream_limit_add(
    struct hash_table *, const void *key, size_t n, uint32_t most);

/* One stream less; the entry may be gone afterwards. */
void stream_limit_remove(struct hash_table *, struct stream_limit *);

#endif
