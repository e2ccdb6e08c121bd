/*
 * wheel.c - timers of a millisecond, as many as there are streams.
 */
#include "wheel.h"

void
wheel_init(struct wheel *w, int64_t now)
{
	for (unsigned i = 0; i < WHEEL_SLOTS; i++)
		LIST_INIT(&w->slot[i]);
	w->now_ms = now;
	w->n = 0;
}

void
wheel_clear(struct wheel *w, struct wheel_timer *t)
{
	if (!t->set)
		return;
	LIST_REMOVE(t, entry);
	t->set = false;
	w->n--;
}

void
wheel_set(struct wheel *w, struct wheel_timer *t, int64_t due)
{
	wheel_clear(w, t);
	t->due_ms = MAX(due, w->now_ms + 1);
	LIST_INSERT_HEAD(&w->slot[t->due_ms % WHEEL_SLOTS], t, entry);
	t->set = true;
	w->n++;
}

void
wheel_turn(struct wheel *w, int64_t now, void (*cb)(struct wheel_timer *))
{
	struct wheel_timer *t;

	while (w->now_ms < now) {
		struct wheel_slot *slot = &w->slot[++w->now_ms % WHEEL_SLOTS];
		struct wheel_slot later = LIST_HEAD_INITIALIZER(later);

		while ((t = LIST_FIRST(slot)) != NULL) {
			LIST_REMOVE(t, entry);
			if (t->due_ms > w->now_ms) {
				LIST_INSERT_HEAD(&later, t, entry);
				continue;
			}
			t->set = false;
			w->n--;
			cb(t);
		}
		while ((t = LIST_FIRST(&later)) != NULL) {
			LIST_REMOVE(t, entry);
			LIST_INSERT_HEAD(slot, t, entry);
		}
	}
}
