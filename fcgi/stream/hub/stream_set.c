/*
 * stream_set.c - all streams, and a look at which of them have ended.
 */
#include <stdlib.h>

#include "stream/hub/stream_set.h"

#define FIRST_ROOM 64

static bool
grow(struct stream_set *set)
{
	size_t room = set->room == 0 ? FIRST_ROOM : set->room * 2;
	struct pollfd *fds = realloc(set->fds, room * sizeof(*fds));
	struct stream **subs;

	if (fds == NULL)
		return false;
	set->fds = fds;
	subs = realloc(set->subs, room * sizeof(*subs));
	if (subs == NULL)
		return false;
	set->subs = subs;
	set->room = room;
	return true;
}

bool
stream_set_add(struct stream_set *set, struct stream *s)
{
	if (set->n == set->room && !grow(set))
		return false;
	s->place = (uint32_t)set->n++;
	set->subs[s->place] = s;
	set->fds[s->place] = (struct pollfd){ .fd = s->fd, .events = POLLIN };
	return true;
}

/*
 * The last one moves to its place. A round goes down, so the last one has been
 * looked at wherever the free place is: none is missed by moving.
 */
void
stream_set_remove(struct stream_set *set, struct stream *s)
{
	size_t last = --set->n;

	set->subs[s->place] = set->subs[last];
	set->fds[s->place] = set->fds[last];
	set->subs[s->place]->place = s->place;
	if (set->n == 0) {
		free(set->fds);
		free(set->subs);
		*set = (struct stream_set){ 0 };
	}
}

static void
look(struct stream_set *set, size_t begin, size_t end,
    void (*stir)(struct stream *, void *arg), void *arg)
{
	if (end == begin || poll(set->fds + begin, end - begin, 0) <= 0)
		return;
	for (size_t i = end; i-- > begin;)
		if (set->fds[i].revents != 0)
			stir(set->subs[i], arg);
}

void
stream_set_look(
    struct stream_set *set, void (*stir)(struct stream *, void *arg), void *arg)
{
	size_t end, n;

	if (set->looks == 0 || set->looked_at == 0) {
		set->looks = STREAMS_LOOKS;
		set->looked_at = set->n;
	}
	end = MIN(set->looked_at, set->n);
	n = MAX((end + set->looks - 1) / set->looks, STREAMS_LOOK_LEAST);
	set->looked_at = end - MIN(n, end);
	set->looks--;
	look(set, set->looked_at, end, stir, arg);
}

void
stream_set_look_all(
    struct stream_set *set, void (*stir)(struct stream *, void *arg), void *arg)
{
	set->looks = 0;
	look(set, 0, set->n, stir, arg);
}
