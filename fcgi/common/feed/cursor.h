/*
 * cursor.h - position in the feed: the set of events that a client has had.
 *
 * Ids are drawn before their transactions commit, so they become visible out
 * of order and no single number says what has been seen. A position is
 * therefore a history, a timeline and a set: every id <= last, except the
 * holes. A hole is an id that was drawn, but whose event has not been seen and
 * is not known to be dead. Where ids begin anew, another history begins.
 *
 * Always: holes are inclusive ranges in ascending order, disjoint, and at
 * least one seen id lies between two of them; 1 <= low <= high < last. So
 * last itself is seen, and one set has one representation. last is 0 before
 * the first event.
 *
 * Text, as it stands in an SSE id, in Last-Event-ID and in JSON:
 *
 *	cursor = [tli "~"] last *("." gap ["-" more]) ["_" tag]
 *	tli    = decimal, 2 to 4294967295; left out for timeline 1
 *	last   = decimal, 0 to 9223372036854775807
 *	gap    = base 36, how many seen ids lie above this range, up to the
 *	         range before or up to and including last; at least 1
 *	more   = base 36, how many ids the range has beyond one; left out for 0
 *	tag    = base 36, four digits, at random for each history but the
 *	         first of a database, which has none
 *
 * Ranges stand from the highest to the lowest, digits are 0-9a-z, no number
 * has a leading zero. Nearly always it is a plain number.
 *
 *	12345           everything up to 12345
 *	12345.3         ... except 12342
 *	12345.3.1-2     ... except 12342 and 12338, 12339, 12340
 *	2~12345.a-z     on timeline 2, everything except 12300 to 12335
 *	12345_k3x9      everything up to 12345 of a later history
 *
 * All characters are unreserved in a URL (RFC 3986, 2.3) and need no quoting
 * in a header field or in JSON. To clients the text is opaque.
 *
 * Pure: no I/O, no memory of its own, no clock. A struct cursor is 4 kB, so
 * pass pointers and copy with cursor_copy(). "Exactly once" rests on one rule:
 * a function that runs out of ranges claims less, never more. Claiming less
 * costs a delay or a repeated event, claiming more loses one.
 */
#ifndef PGFEED_CURSOR_H
#define PGFEED_CURSOR_H

#include "base/util.h"

#define CURSOR_MAX_RANGES 256

/*
 * Maximum ranges of the feed's own position. The union of the positions of two
 * gateways has the unseen ids that both have, and fits into CURSOR_MAX_RANGES.
 */
#define CURSOR_FEED_RANGES 128

/* Room for the longest text, with its NUL. */
#define CURSOR_TEXT_MAX (11 + 19 + CURSOR_MAX_RANGES * (2 + 2 * 13) + 5 + 1)

/* The tag of a history as a number; 0 for the first. */
#define CURSOR_TAG_MIN (36 * 36 * 36)
#define CURSOR_TAG_MAX (36 * 36 * 36 * 36 - 1)

struct cursor {
	uint32_t tli;
	uint32_t history; /* its tag */
	unsigned n;       /* ranges in use */
	int64_t last;
	struct cursor_range {
		int64_t low, high;
	} hole[CURSOR_MAX_RANGES];
};

/* Sets a position to everything up to last, of the first history; last >= 0. */
void cursor_init(struct cursor *, uint32_t tli, int64_t last);

/* Sets a position to everything up to last, of like's history and timeline. */
void cursor_init_like(
    struct cursor *, const struct cursor *like, int64_t last);

/*
 * Reads the tag of a history as text, "" for the first. Returns false for text
 * that cursor_print() does not write.
 */
MUSTCHECK bool cursor_parse_tag(uint32_t *history, const char *s);

/* Copies src to dst, with the ranges in use only. */
void cursor_copy(struct cursor *dst, const struct cursor *src);

/*
 * Reads the n bytes at s, which come from a client. Returns false, with *c
 * undefined, for text that cursor_print() would not have written.
 */
MUSTCHECK bool cursor_parse(struct cursor *c, const char *s, size_t n);

/*
 * Writes the text and a NUL. Returns its length without the NUL. With a size of
 * CURSOR_TEXT_MAX the text always fits; where it does not fit, the result is 0
 * and buf is the empty string.
 */
size_t cursor_print(const struct cursor *, char *buf, size_t size);

/* Returns whether the client has had id: id <= last, and not in a hole. */
bool cursor_has(const struct cursor *, int64_t id);
bool cursor_has_hole(const struct cursor *, int64_t id);

/*
 * Returns the highest id up to which the client has had every id: the lowest
 * hole - 1, or last.
 */
int64_t cursor_low(const struct cursor *);

/* Returns the number of ids in holes. */
uint64_t cursor_holes(const struct cursor *);

/*
 * Marks id as had. If id is above last, the ids in between become a hole. If id
 * is inside a hole, the hole loses it. Otherwise nothing changes. O(1) above
 * last. Returns false, with *c unchanged, when this takes more than
 * CURSOR_MAX_RANGES ranges: the caller must not deliver the event, which waits
 * until a hole closes.
 */
MUSTCHECK bool cursor_step(struct cursor *c, int64_t id);

/*
 * Marks id as had in a replay towards g. In a replay, ids that are neither
 * delivered nor holes of g are dead, or belong to other topics. So of the ids
 * in between, only those that g does not have become holes. Holes of c below id
 * stay; cursor_union(c, c, g) at the end of a replay settles them.
 */
MUSTCHECK bool cursor_step_through(
    struct cursor *c, int64_t id, const struct cursor *g);

/*
 * Removes the ids from low to high from the holes, since they are finished.
 * Returns false, with *c unchanged, when splitting a range would take more than
 * CURSOR_MAX_RANGES: the ids stay open and may be dropped later.
 */
bool cursor_drop(struct cursor *c, int64_t low, int64_t high);

/*
 * Removes the ids that g has from c's holes: a replay towards g has not
 * delivered them, so they are dead or belong to other topics. Where that would
 * take more than CURSOR_MAX_RANGES, ids stay open.
 */
void cursor_settle(struct cursor *c, const struct cursor *g);

/* Does the same as cursor_settle() for the ids up to and including this one. */
void cursor_settle_to(struct cursor *c, const struct cursor *g, int64_t id);

/* Returns whether history, timeline and set are the same. */
bool cursor_equal(const struct cursor *a, const struct cursor *b);

/*
 * Returns whether b has every id that a has. Returns false for positions of
 * different histories or timelines.
 */
bool cursor_subset(const struct cursor *a, const struct cursor *b);

/*
 * Sets out to the ids that a or b has. out may be a or b. Returns false when
 * out has fewer ids, which is safe to use and may repeat events:
 * - more than CURSOR_MAX_RANGES ranges would be needed. Neighbouring holes with
 *   the fewest ids between them are joined, and those ids are open again.
 * - the histories or timelines differ, which the caller should have checked
 *   before. Then out = a.
 */
bool cursor_union(
    struct cursor *out, const struct cursor *a, const struct cursor *b);

#endif
