/*
 * wheel.c - when each stream needs a look.
 */
#include "wheel.h"

void
wheel_init(struct wheel *w, int64_t now)
{
	for (size_t i = 0; i < WHEEL_SLOTS; i++)
		LIST_INIT(&w->slot[i]);
	w->done = now / WHEEL_TICK_MS;
}

void
wheel_add(struct wheel *w, struct sub *s, int64_t when)
{
	int64_t tick = when / WHEEL_TICK_MS + 1;

	tick = MAX(tick, w->done + 1);
	tick = MIN(tick, w->done + WHEEL_SLOTS - 1);
	LIST_INSERT_HEAD(&w->slot[tick % WHEEL_SLOTS], s, in_wheel);
}

void
wheel_remove(struct sub *s)
{
	LIST_REMOVE(s, in_wheel);
}

void
wheel_move(struct wheel *w, struct sub *s, int64_t when)
{
	wheel_remove(s);
	wheel_add(w, s, when);
}

void
wheel_take_due(struct wheel *w, int64_t now, struct sub_list *due)
{
	int64_t tick = now / WHEEL_TICK_MS;
	struct sub *s;

	tick = MIN(tick, w->done + WHEEL_SLOTS);
	while (w->done < tick) {
		struct sub_list *slot;

		w->done++;
		slot = &w->slot[w->done % WHEEL_SLOTS];
		while ((s = LIST_FIRST(slot)) != NULL) {
			wheel_remove(s);
			LIST_INSERT_HEAD(due, s, in_wheel);
		}
	}
	w->done = MAX(w->done, now / WHEEL_TICK_MS);
}
