/*
 * timer_wheel.c - when each stream needs a look.
 */
#include "stream/client/timer_wheel.h"

void
timer_wheel_init(struct timer_wheel *w, int64_t now)
{
	for (size_t i = 0; i < TIMER_WHEEL_SLOTS; i++)
		LIST_INIT(&w->slot[i]);
	w->done = now / TIMER_WHEEL_TICK_MS;
}

void
timer_wheel_add(struct timer_wheel *w, struct stream *s, int64_t when)
{
	int64_t tick = when / TIMER_WHEEL_TICK_MS + 1;

	tick = MAX(tick, w->done + 1);
	tick = MIN(tick, w->done + TIMER_WHEEL_SLOTS - 1);
	LIST_INSERT_HEAD(&w->slot[tick % TIMER_WHEEL_SLOTS], s, in_wheel);
}

void
timer_wheel_remove(struct stream *s)
{
	LIST_REMOVE(s, in_wheel);
}

void
timer_wheel_move(struct timer_wheel *w, struct stream *s, int64_t when)
{
	timer_wheel_remove(s);
	timer_wheel_add(w, s, when);
}

void
timer_wheel_take_due(
    struct timer_wheel *w, int64_t now, struct stream_list *due)
{
	int64_t tick = now / TIMER_WHEEL_TICK_MS;
	struct stream *s;

	tick = MIN(tick, w->done + TIMER_WHEEL_SLOTS);
	while (w->done < tick) {
		struct stream_list *slot;

		w->done++;
		slot = &w->slot[w->done % TIMER_WHEEL_SLOTS];
		while ((s = LIST_FIRST(slot)) != NULL) {
			timer_wheel_remove(s);
			LIST_INSERT_HEAD(due, s, in_wheel);
		}
	}
	w->done = MAX(w->done, now / TIMER_WHEEL_TICK_MS);
}
