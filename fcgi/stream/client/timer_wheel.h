/*
 * timer_wheel.h - when each stream needs a look: a hashed timing wheel.
 *
 * Writing to a stream does not touch the wheel. A stream whose time comes is
 * looked at, and put where its next time is, if it wrote in between; so a
 * heartbeat costs O(1) per stream and period, and nothing per event.
 */
#ifndef PGFEED_TIMER_WHEEL_H
#define PGFEED_TIMER_WHEEL_H

#include "stream/client/stream.h"

#define TIMER_WHEEL_SLOTS   512
#define TIMER_WHEEL_TICK_MS 100

struct timer_wheel {
	struct stream_list slot[TIMER_WHEEL_SLOTS];
	int64_t done; /* ticks up to here have been taken */
};

void timer_wheel_init(struct timer_wheel *, int64_t now);

/*
 * Puts s where it is found at that time (milliseconds), give or take a tick;
 * a time far away is found early.
 */
void timer_wheel_add(struct timer_wheel *, struct stream *s, int64_t when);
void timer_wheel_remove(struct stream *);
void timer_wheel_move(struct timer_wheel *, struct stream *, int64_t when);

/* Moves those whose time has come to the list due, from which they move on. */
void timer_wheel_take_due(
    struct timer_wheel *, int64_t now, struct stream_list *due);

#endif
