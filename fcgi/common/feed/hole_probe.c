/*
 * hole_probe.c - proof that unseen ids have no owner any more.
 *
 * The transaction that drew an id holds a lock on the sequence until after its
 * commit is visible. So the probe freezes the holes and then reads the holders
 * of the lock. When all of these have released the lock, one more fetch follows.
 * A frozen hole that is still missing then is dead.
 *
 *     holes --freeze--> generation: W = holders --strike out--> W empty
 *                            ^                                     |
 *                            +------------- drop <---- fetch ------+
 *
 * A transaction that stays open would keep a generation open, and with it every
 * id that other transactions roll back meanwhile. But an idle session draws no
 * ids. A holder owns no id above V if its session has been idle since S in one
 * reading, V is the highest id read after that, and the session is idle since
 * the same S in a later reading. Such a holder keeps only the frozen holes up to
 * V. A prepared transaction is idle for good.
 *
 * So there are two generations side by side. STRICT waits for the end of all
 * its holders and of no later ones, so it ends even if transactions overlap for
 * ever. QUIET ends when all remaining holders are idle, drops the holes above
 * their ids and begins again.
 *
 * Always: the holders of a reading were read after the holes frozen for it; a
 *         floor holds for ids drawn before the reading it was confirmed in.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "feed/hole_probe.h"

#define HOLE_AGE_MS  50 /* most holes close without a probe in this time */
#define MAX_HOLDERS  4096
#define HOLDER_BYTES 32
/* begins the name of a prepared transaction after a restart */
#define PREPARED_MARK "-1/"

struct holder {
	char name[HOLDER_BYTES];
	int64_t quiet_since;
	/* the holder owned no higher id when it was first quiet */
	int64_t floor;
	bool has_floor;
	bool confirmed;  /* the holder has been quiet since */
	bool awaited[2]; /* member of W, for each generation */
};

enum { STRICT, QUIET, GENERATIONS };

struct generation {
	bool active;
	bool decided;  /* result: some frozen holes have no owner */
	int64_t floor; /* frozen holes above have no owner */
	struct cursor frozen;
};

struct hole_probe {
	struct generation gen[GENERATIONS];
	/* holes have been open since, while neither generation is active */
	int64_t since_ms;
	struct holder *last, *now;
	size_t n_last, n_now;
};

struct hole_probe *
hole_probe_new(void)
{
	struct hole_probe *p = calloc(1, sizeof(*p));

	if (p != NULL) {
		p->last = calloc(MAX_HOLDERS, sizeof(*p->last));
		p->now = calloc(MAX_HOLDERS, sizeof(*p->now));
	}
	if (p == NULL || p->last == NULL || p->now == NULL)
		log_fatal("out of memory");
	return p;
}

void
hole_probe_free(struct hole_probe *p)
{
	free(p->last);
	free(p->now);
	free(p);
}

static void
stop(struct hole_probe *p)
{
	for (int i = 0; i < GENERATIONS; i++)
		p->gen[i].active = p->gen[i].decided = false;
	p->since_ms = 0;
}

void
hole_probe_reset(struct hole_probe *p)
{
	stop(p);
	p->n_last = 0;
}

bool
hole_probe_is_due(struct hole_probe *p, const struct cursor *g, int64_t now_ms)
{
	if (g->n == 0) {
		stop(p);
		return false;
	}
	if (hole_probe_is_decided(p))
		return false;
	if (p->gen[STRICT].active || p->gen[QUIET].active)
		return true;
	if (p->since_ms == 0)
		p->since_ms = now_ms;
	return now_ms - p->since_ms >= HOLE_AGE_MS;
}

/* --- a reading */

void
hole_probe_begin(struct hole_probe *p, const struct cursor *g)
{
	for (int i = 0; i < GENERATIONS; i++) {
		if (!p->gen[i].active)
			cursor_copy(&p->gen[i].frozen, g);
	}
	p->n_now = 0;
}

static const struct holder *
find(const struct hole_probe *p, const char *name)
{
	for (size_t i = 0; i < p->n_last; i++) {
		if (strcmp(p->last[i].name, name) == 0)
			return &p->last[i];
	}
	return NULL;
}

void
hole_probe_add(struct hole_probe *p, const char *name, int64_t quiet_since)
{
	const struct holder *before = find(p, name);
	struct holder *h;

	if (p->n_now == MAX_HOLDERS)
		return;
	h = &p->now[p->n_now++];
	memset(h, 0, sizeof(*h));
	snprintf(h->name, sizeof(h->name), "%s", name);
	h->quiet_since = quiet_since;
	if (before != NULL && before->has_floor &&
	    quiet_since != PROBE_ACTIVE && quiet_since == before->quiet_since) {
		h->floor = before->floor;
		h->has_floor = h->confirmed = true;
	}
	/*
	 * A generation begins with all present holders of the lock. Later
	 * readings keep the holders that are still there. A prepared
	 * transaction has a new name after a restart of the server, so any of
	 * them counts as a holder.
	 */
	for (int i = 0; i < GENERATIONS; i++)
		h->awaited[i] =
		    !p->gen[i].active ||
		    (before != NULL && before->awaited[i]) ||
		    strncmp(name, PREPARED_MARK, strlen(PREPARED_MARK)) == 0;
}

/* Returns the number of a generation's holders that are left. */
static void
conclude(struct hole_probe *p, int i)
{
	struct generation *gen = &p->gen[i];
	bool done = true;

	gen->floor = 0;
	for (size_t k = 0; k < p->n_last; k++) {
		const struct holder *h = &p->last[k];

		if (!h->awaited[i])
			continue;
		done = done && i == QUIET && h->confirmed;
		gen->floor = MAX(gen->floor, h->floor);
	}
	gen->decided = done && gen->frozen.n > 0 &&
		       gen->frozen.hole[gen->frozen.n - 1].high > gen->floor;
	gen->active = gen->decided || !done;
}

void
hole_probe_end(struct hole_probe *p)
{
	struct holder *read = p->now;

	p->now = p->last;
	p->last = read;
	p->n_last = p->n_now;
	conclude(p, STRICT);
	conclude(p, QUIET);
	/* A full list may lack holders: begin again. */
	if (p->n_last == MAX_HOLDERS)
		stop(p);
}

bool
hole_probe_wants_high(const struct hole_probe *p)
{
	for (size_t i = 0; i < p->n_last; i++) {
		if (p->last[i].quiet_since != PROBE_ACTIVE &&
		    !p->last[i].has_floor)
			return true;
	}
	return false;
}

void
hole_probe_set_high(struct hole_probe *p, int64_t id)
{
	for (size_t i = 0; i < p->n_last; i++) {
		struct holder *h = &p->last[i];

		if (h->quiet_since == PROBE_ACTIVE || h->has_floor)
			continue;
		h->floor = id;
		h->has_floor = true;
	}
}

/* --- what follows from it */

bool
hole_probe_is_decided(const struct hole_probe *p)
{
	return p->gen[STRICT].decided || p->gen[QUIET].decided;
}

void
hole_probe_drop_below(const struct hole_probe *p, struct cursor *g, int64_t id)
{
	for (int i = 0; i < GENERATIONS; i++) {
		const struct generation *gen = &p->gen[i];

		for (unsigned k = 0; gen->decided && k < gen->frozen.n; k++) {
			const struct cursor_range *r = &gen->frozen.hole[k];

			if (r->low < id && id <= r->high)
				cursor_drop(
				    g, MAX(r->low, gen->floor + 1), id - 1);
		}
	}
}

void
hole_probe_drop(struct hole_probe *p, struct cursor *g)
{
	for (int i = 0; i < GENERATIONS; i++) {
		struct generation *gen = &p->gen[i];

		for (unsigned k = 0; gen->decided && k < gen->frozen.n; k++)
			cursor_drop(g,
			    MAX(gen->frozen.hole[k].low, gen->floor + 1),
			    gen->frozen.hole[k].high);
		if (gen->decided)
			gen->active = gen->decided = false;
	}
	p->since_ms = 0;
}
