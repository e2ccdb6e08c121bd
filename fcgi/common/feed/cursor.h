/*
 * cursor.h - a position in the feed: which events somebody has had.
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
 * The feed itself stays below this, so that what somebody has had from two
 * gateways, whose unseen ids are those that both have not seen, fits as well.
 */
#define CURSOR_FEED_RANGES 128

/* Room for the longest text there can be, with its NUL. */
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

/* Everything up to last, of the first history; last >= 0. */
void cursor_init(struct cursor *, uint32_t tli, int64_t last);

/* Everything up to last, of the history and timeline that like has. */
void cursor_init_like(
    struct cursor *, const struct cursor *like, int64_t last);

/*
 * Reads the tag of a history as text, "" for the first. False for anything
 * else than what cursor_print() writes.
 */
MUSTCHECK bool cursor_parse_tag(uint32_t *history, const char *s);

/* dst = src, copying only the ranges in use. */
void cursor_copy(struct cursor *dst, const struct cursor *src);

/*
 * Reads the n bytes at s, which come from a stranger. False, with *c
 * undefined, for anything that cursor_print() would not have written.
 */
MUSTCHECK bool cursor_parse(struct cursor *c, const char *s, size_t n);

/*
 * Writes the text and a NUL; returns its length without the NUL. With a size
 * of CURSOR_TEXT_MAX it always fits; where it does not, the result is 0 and
 * buf is the empty string.
 */
size_t cursor_print(const struct cursor *, char *buf, size_t size);

/* Whether id counts as had: id <= last and no hole. */
bool cursor_has(const struct cursor *, int64_t id);
bool cursor_has_hole(const struct cursor *, int64_t id);

/* Every id up to here is had: the lowest hole - 1, or last. */
int64_t cursor_low(const struct cursor *);

/* How many ids are open. */
uint64_t cursor_holes(const struct cursor *);

/*
 * Marks id as had. Above last, the ids stepped over become a hole; inside a
 * hole, id leaves it; otherwise nothing happens. O(1) above last. False, with
 * *c unchanged, when it would take more than CURSOR_MAX_RANGES ranges: the
 * event must not be handed out now, it waits until a hole closes.
 */
MUSTCHECK bool cursor_step(struct cursor *c, int64_t id);

/*
 * The step of a replay towards g, in which ids that are neither handed out
 * nor holes of g are dead or of no interest: like cursor_step(), but of the
 * ids stepped over only those that g does not have become holes. Holes of c
 * below id stay; cursor_union(c, c, g) at the end of a replay settles them.
 */
MUSTCHECK bool cursor_step_through(
    struct cursor *c, int64_t id, const struct cursor *g);

/*
 * Declares the ids from low to high finished: they are holes no more. False,
 * with *c unchanged, when cutting them out of one range would take more than
 * CURSOR_MAX_RANGES: they stay open and may be dropped later.
 */
bool cursor_drop(struct cursor *c, int64_t low, int64_t high);

/*
 * Drops from c's holes the ids that g has: what a replay towards g has not
 * brought is dead or of no interest. Where that would take more than
 * CURSOR_MAX_RANGES, ids stay open.
 */
void cursor_settle(struct cursor *c, const struct cursor *g);

/* As cursor_settle(), for the ids up to and including this one. */
void cursor_settle_to(struct cursor *c, const struct cursor *g, int64_t id);

/* Same history, timeline and set. */
bool cursor_equal(const struct cursor *a, const struct cursor *b);

/*
 * Whether b has everything that a has. Positions of different histories or
 * timelines do not compare: false both ways.
 */
bool cursor_subset(const struct cursor *a, const struct cursor *b);

/*
 * out = what a or b has; out may be a or b. False when out claims less than
 * that, which is safe to use and may repeat events:
 *  - more than CURSOR_MAX_RANGES ranges would be needed: neighbouring holes
 *    with the fewest ids between them are joined, and those ids are open
 *    again;
 *  - the histories or timelines differ, which the caller should have looked
 *    at before: out = a, as b says nothing about it.
 */
bool cursor_union(
    struct cursor *out, const struct cursor *a, const struct cursor *b);

#endif
