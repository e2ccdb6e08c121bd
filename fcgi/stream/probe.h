/*
 * probe.h - who may still own the ids that nobody has seen.
 *
 * Pure bookkeeping: the listener asks the database and tells it here. In turn:
 *
 *	probe_begin(), probe_add() for each holder, probe_end()
 *	if probe_wants_high(): the highest id handed out, probe_set_high()
 *	if probe_is_decided(): a complete fetch, then probe_drop()
 */
#ifndef PGFEED_PROBE_H
#define PGFEED_PROBE_H

#include "cursor.h"

#define PROBE_ACTIVE (-1) /* a holder of which nothing is known */

struct probe;

/* Exits without memory. */
struct probe *probe_new(void);
void probe_free(struct probe *);

/* The connection is new: what is known of holders is worth nothing. */
void probe_reset(struct probe *);

/*
 * Whether the holders should be asked for: there are holes, some for longer
 * than most take to close, and nothing is decided that has not been done.
 */
bool probe_is_due(struct probe *, const struct cursor *g, int64_t now_ms);

/*
 * A reading of the holders of the sequence's lock, which begins after g has
 * its holes: a name each, and since when its session has done nothing, in any
 * unit, or PROBE_ACTIVE.
 */
void probe_begin(struct probe *, const struct cursor *g);
void probe_add(struct probe *, const char *name, int64_t quiet_since);
void probe_end(struct probe *);

/* The highest id handed out, asked for after the last reading. */
bool probe_wants_high(const struct probe *);
void probe_set_high(struct probe *, int64_t id);

/* Whether some holes have no owner: the next complete fetch tells the rest. */
bool probe_is_decided(const struct probe *);

/*
 * While that fetch runs and has found id in a hole without an owner: what it
 * did not find below it in the same hole is dead. Dropping it at once makes
 * room, where splitting the hole might need more ranges than there are.
 */
void probe_drop_below(const struct probe *, struct cursor *g, int64_t id);

/* The fetch is complete: drops from g what has no owner. */
void probe_drop(struct probe *, struct cursor *g);

#endif
