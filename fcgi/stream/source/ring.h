/*
 * ring.h - the window of recent events kept in memory.
 */
#ifndef PGFEED_RING_H
#define PGFEED_RING_H

#include "feed/cursor.h"
#include "stream/source/feed_event.h"

struct ring;

/*
 * A ring that holds at most limit bytes of events (at least one event
 * whatever its size), beginning at position base. Exits without memory.
 */
struct ring *ring_new(size_t limit_bytes, const struct cursor *base);
void ring_free(struct ring *);

/*
 * Appends e, which is the ring's from here on, and drops the oldest entries
 * beyond the limit. Entries are numbered: the sequence number of the first
 * ever is 0. Returns false, with e freed, when there is no memory.
 */
bool ring_append(struct ring *, struct feed_event *e) MUSTCHECK;

/* The entries held are those with tail <= seq < head. */
uint64_t ring_tail(const struct ring *);
uint64_t ring_head(const struct ring *);
size_t ring_bytes(const struct ring *);
size_t ring_limit(const struct ring *);

/* Bytes from entry seq on; of all there are when it is gone. */
size_t ring_bytes_from(const struct ring *, uint64_t seq);

/* tail <= seq < head. Valid until the next append. */
struct feed_event *ring_at(const struct ring *, uint64_t seq);

/* The feed's position right before entry seq; tail <= seq <= head. */
const char *ring_position(const struct ring *, uint64_t seq);

/*
 * Where somebody at position c goes on: sets *seq to the latest entry such
 * that c has everything before it. False when the ring does not go back that
 * far. From there on, entries that c has are to be skipped; *exact tells that
 * there are none, c being the very position before seq.
 */
bool ring_find(
    const struct ring *, const struct cursor *c, uint64_t *seq, bool *exact);

#endif
