/*
 * tally.h - how many streams each of something has.
 */
#ifndef PGFEED_TALLY_H
#define PGFEED_TALLY_H

#include "base/hash_table.h"

struct tally {
	struct hash_table_entry in_table;
	uint32_t streams;
	char key[];
};

/*
 * Counts one more stream for the key of n bytes. Returns its entry, for
 * tally_leave(); NULL when there are most of them already, which is at least 1,
 * or no memory.
 */
struct tally *tally_join(
    struct hash_table *, const void *key, size_t n, uint32_t most);

/* One stream less; the entry may be gone afterwards. */
void tally_leave(struct hash_table *, struct tally *);

#endif
