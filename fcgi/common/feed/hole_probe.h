/*
 * hole_probe.h - who may still own the ids that nobody has seen.
 *
 * Pure bookkeeping: the listener asks the database and tells it here. In turn:
 *
 *	hole_probe_begin(), hole_probe_add() for each holder, hole_probe_end()
 *	if hole_probe_wants_high(): the highest id handed out, hole_probe_set_high()
 *	if hole_probe_is_decided(): a complete fetch, then hole_probe_drop()
 */
#ifndef PGFEED_HOLE_PROBE_H
#define PGFEED_HOLE_PROBE_H

#include "feed/cursor.h"

#define PROBE_ACTIVE (-1) /* a holder of which nothing is known */

struct hole_probe;

/* Exits without memory. */
struct hole_probe *hole_probe_new(void);
void hole_probe_free(struct hole_probe *);

/* The connection is new: what is known of holders is worth nothing. */
void hole_probe_reset(struct hole_probe *);

/*
 * Whether the holders should be asked for: there are holes, some for longer
 * than most take to close, and nothing is decided that has not been done.
 */
bool hole_probe_is_due(
    struct hole_probe *, const struct cursor *g, int64_t now_ms);

/*
 * A reading of the holders of the sequence's lock, which begins after g has
 * its holes: a name each, and since when its session has done nothing, in any
 * unit, or PROBE_ACTIVE.
 */
void hole_probe_begin(struct hole_probe *, const struct cursor *g);
void hole_probe_add(struct hole_probe *, const char *name, int64_t quiet_since);
void hole_probe_end(struct hole_probe *);

/* The highest id handed out, asked for after the last reading. */
bool hole_probe_wants_high(const struct hole_probe *);
void hole_probe_set_high(struct hole_probe *, int64_t id);

/* Whether some holes have no owner: the next complete fetch tells the rest. */
bool hole_probe_is_decided(const struct hole_probe *);

/*
 * While that fetch runs and has found id in a hole without an owner: what it
 * did not find below it in the same hole is dead. Dropping it at once makes
 * room, where splitting the hole might need more ranges than there are.
 */
void hole_probe_drop_below(
    const struct hole_probe *, struct cursor *g, int64_t id);

/* The fetch is complete: drops from g what has no owner. */
void hole_probe_drop(struct hole_probe *, struct cursor *g);

#endif
