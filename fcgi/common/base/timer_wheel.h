/*
 * timer_wheel.h - hashed timing wheel: what has to be looked at when.
 *
 * The owner does not move an entry whenever its time changes, but when its old
 * time comes. A stream that is written to therefore costs nothing here, and a
 * heartbeat costs O(1) per stream and period.
 */
#ifndef PGFEED_TIMER_WHEEL_H
#define PGFEED_TIMER_WHEEL_H

#include <sys/queue.h>

#include "base/util.h"

#define TIMER_WHEEL_SLOTS   512
#define TIMER_WHEEL_TICK_MS 100

/* Embedded in what has a time. */
struct timer {
	LIST_ENTRY(timer) in_slot;
};

LIST_HEAD(timer_list, timer);

struct timer_wheel {
	struct timer_list slot[TIMER_WHEEL_SLOTS];
	int64_t done; /* ticks up to here have been taken */
};

void timer_wheel_init(struct timer_wheel *, int64_t now_ms);

/*
 * Adds a timer for that time, give or take a tick. A time beyond the wheel's
 * turn (51 s) is due early.
 */
void timer_wheel_add(struct timer_wheel *, struct timer *, int64_t when_ms);
void timer_wheel_remove(struct timer *);
void timer_wheel_move(struct timer_wheel *, struct timer *, int64_t when_ms);

/* Moves the timers whose time has come to the list due. */
void timer_wheel_take_due(
    struct timer_wheel *, int64_t now_ms, struct timer_list *due);

#endif
