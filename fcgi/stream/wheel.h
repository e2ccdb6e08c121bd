/*
 * wheel.h - when each stream needs a look: a hashed timing wheel.
 *
 * Writing to a stream does not touch the wheel. A stream whose time comes is
 * looked at, and put where its next time is, if it wrote in between; so a
 * heartbeat costs O(1) per stream and period, and nothing per event.
 */
#ifndef PGFEED_WHEEL_H
#define PGFEED_WHEEL_H

#include "subscriber.h"

#define WHEEL_SLOTS   512
#define WHEEL_TICK_MS 100

struct wheel {
	struct sub_list slot[WHEEL_SLOTS];
	int64_t done; /* ticks up to here have been taken */
};

void wheel_init(struct wheel *, int64_t now);

/*
 * Puts s where it is found at that time (milliseconds), give or take a tick;
 * a time far away is found early.
 */
void wheel_add(struct wheel *, struct sub *s, int64_t when);
void wheel_remove(struct sub *);
void wheel_move(struct wheel *, struct sub *, int64_t when);

/* Moves those whose time has come to the list due, from which they move on. */
void wheel_take_due(struct wheel *, int64_t now, struct sub_list *due);

#endif
