/*
 * wheel.h - timers of a millisecond, as many as there are streams.
 *
 * A wheel of slots; setting and clearing is O(1), and a turn looks only at the
 * slots whose time has come.
 */
#ifndef BENCH_WHEEL_H
#define BENCH_WHEEL_H

#include <sys/queue.h>

#include "base/util.h"

#define WHEEL_SLOTS 4096

struct wheel_timer {
	LIST_ENTRY(wheel_timer) entry;
	int64_t due_ms;
	bool set;
};

LIST_HEAD(wheel_slot, wheel_timer);

struct wheel {
	struct wheel_slot slot[WHEEL_SLOTS];
	int64_t now_ms;
	unsigned n; /* timers that are set */
};

void wheel_init(struct wheel *, int64_t now_ms);

/* Sets, or sets anew. */
void wheel_set(struct wheel *, struct wheel_timer *, int64_t due_ms);
void wheel_clear(struct wheel *, struct wheel_timer *);

/*
 * Moves to now and calls cb for each timer that is due, cleared before the
 * call; cb may set and clear timers.
 */
void wheel_turn(
    struct wheel *, int64_t now_ms, void (*cb)(struct wheel_timer *));

#endif
