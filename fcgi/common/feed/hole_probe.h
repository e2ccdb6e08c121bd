/*
 * hole_probe.h - proof that unseen ids have no owner any more.
 *
 * The functions do no I/O. The listener reads the database and reports here, in
 * this order:
 *
 *	hole_probe_begin(), hole_probe_add() for each holder, hole_probe_end()
 *	if hole_probe_wants_high(): read the highest id, hole_probe_set_high()
 *	if hole_probe_is_decided(): a complete fetch, then hole_probe_drop()
 */
#ifndef PGFEED_HOLE_PROBE_H
#define PGFEED_HOLE_PROBE_H

#include "feed/cursor.h"

#define PROBE_ACTIVE (-1) /* the state of a holder of which nothing is known */

struct hole_probe;

/* Returns a probe. Exits without memory. */
struct hole_probe *hole_probe_new(void);
void hole_probe_free(struct hole_probe *);

/* Forgets all holders, since the connection is new. */
void hole_probe_reset(struct hole_probe *);

/*
 * Returns whether a reading of the holders is due: some holes are open for
 * longer than most take to close, and no result waits for a fetch.
 */
bool hole_probe_is_due(
    struct hole_probe *, const struct cursor *g, int64_t now_ms);

/*
 * Report a reading of the holders of the sequence's lock. The reading begins
 * after g has its holes. For each holder: a name, and the time since when its
 * session has been idle, in any unit, or PROBE_ACTIVE.
 */
void hole_probe_begin(struct hole_probe *, const struct cursor *g);
void hole_probe_add(struct hole_probe *, const char *name, int64_t quiet_since);
void hole_probe_end(struct hole_probe *);

/*
 * Whether the probe needs the highest id handed out, read after the last
 * reading; and its value.
 */
bool hole_probe_wants_high(const struct hole_probe *);
void hole_probe_set_high(struct hole_probe *, int64_t id);

/* Returns whether some holes have no owner. A complete fetch has to follow. */
bool hole_probe_is_decided(const struct hole_probe *);

/*
 * Reports that this fetch has found id in a hole without an owner. The lower
 * ids of that hole that it did not find are dead. Dropping them at once makes
 * room, where splitting the hole might need more ranges than a position has.
 */
void hole_probe_drop_below(
    const struct hole_probe *, struct cursor *g, int64_t id);

/* Reports that the fetch is complete: drops the ids without an owner from g. */
void hole_probe_drop(struct hole_probe *, struct cursor *g);

#endif
