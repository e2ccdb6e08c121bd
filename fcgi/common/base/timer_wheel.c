/*
 * timer_wheel.c - hashed timing wheel.
 */
#include "base/timer_wheel.h"

void
timer_wheel_init(struct timer_wheel *w, int64_t now_ms)
{
	for (size_t i = 0; i < TIMER_WHEEL_SLOTS; i++)
		LIST_INIT(&w->slot[i]);
	w->done = now_ms / TIMER_WHEEL_TICK_MS;
}

void
timer_wheel_add(struct timer_wheel *w, struct timer *t, int64_t when_ms)
{
	int64_t tick = when_ms / TIMER_WHEEL_TICK_MS + 1;

	tick = MAX(tick, w->done + 1);
	tick = MIN(tick, w->done + TIMER_WHEEL_SLOTS - 1);
	LIST_INSERT_HEAD(&w->slot[tick % TIMER_WHEEL_SLOTS], t, in_slot);
}

void
timer_wheel_remove(struct timer *t)
{
	LIST_REMOVE(t, in_slot);
}

void
timer_wheel_move(struct timer_wheel *w, struct timer *t, int64_t when_ms)
{
	timer_wheel_remove(t);
	timer_wheel_add(w, t, when_ms);
}

void
timer_wheel_take_due(
    struct timer_wheel *w, int64_t now_ms, struct timer_list *due)
{
	int64_t tick = now_ms / TIMER_WHEEL_TICK_MS;
	struct timer *t;

	tick = MIN(tick, w->done + TIMER_WHEEL_SLOTS);
	while (w->done < tick) {
		struct timer_list *slot;

		w->done++;
		slot = &w->slot[w->done % TIMER_WHEEL_SLOTS];
		while ((t = LIST_FIRST(slot)) != NULL) {
			timer_wheel_remove(t);
			LIST_INSERT_HEAD(due, t, in_slot);
		}
	}
	w->done = MAX(w->done, now_ms / TIMER_WHEEL_TICK_MS);
}
