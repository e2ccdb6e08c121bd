/*
 * ring.h - ring buffer of recent events.
 */
#ifndef PGFEED_RING_H
#define PGFEED_RING_H

#include "feed/cursor.h"
#include "stream/source/feed_event.h"

struct ring;

/*
 * Returns a ring of at most limit bytes of events (at least one event, whatever
 * its size), beginning at position base. Exits without memory.
 */
struct ring *ring_new(size_t limit_bytes, const struct cursor *base);
void ring_free(struct ring *);

/*
 * Appends e, which the ring then owns, and drops the oldest events beyond the
 * limit. Events are numbered; the first ever has the sequence number 0. Returns
 * false, with e freed, without memory.
 */
bool ring_append(struct ring *, struct feed_event *e) MUSTCHECK;

/* Returns the range of events in the ring: tail <= seq < head. */
uint64_t ring_tail(const struct ring *);
uint64_t ring_head(const struct ring *);
size_t ring_bytes(const struct ring *);
size_t ring_limit(const struct ring *);

/* Returns the bytes from event seq on; all bytes when seq has left the ring. */
size_t ring_bytes_from(const struct ring *, uint64_t seq);

/* Returns event seq, tail <= seq < head, valid until the next append. */
struct feed_event *ring_at(const struct ring *, uint64_t seq);

/* Returns the feed's position right before event seq, tail <= seq <= head. */
const char *ring_position(const struct ring *, uint64_t seq);

/*
 * Finds where a stream at position c goes on: sets *seq to the latest event
 * such that c has everything before it. Returns false when the ring does not go
 * back that far. From *seq on, the stream skips events that c has. *exact is
 * set when there are none: c is the very position before seq.
 */
bool ring_find(
    const struct ring *, const struct cursor *c, uint64_t *seq, bool *exact);

#endif
