/*
 * doorbell.c - state machine that decides whether writers must ring.
 *
 * The dangerous step is to fall asleep: a writer may have read "awake" and may
 * commit later without ringing. The writer's trigger ran after its INSERT, so
 * the writer holds the lock on the sequence until its commit is visible.
 * Therefore the gateway commits its row, reads the holders of the lock, and
 * goes on fetching until none of them holds the lock any more, and once more
 * after that reading. A writer that inserts later sees the row, and rings.
 *
 * Always: in ASLEEP, every transaction that can still commit an event without a
 *         ring has drawn its id after the row was committed. The only such
 *         transactions are those that switch the doorbell off themselves.
 */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "feed/doorbell.h"

#define AWAKE_FETCH_MS  4
#define STUCK_FETCH_MS  50   /* while old writers are slow to finish */
#define ASLEEP_FETCH_MS 1000 /* finds events of transactions that do not ring */
#define HOLDERS_MS      20
#define STUCK_MS        1000
/* the database deletes the rows of dead gateways */
#define REFRESH_MS      10000
#define DWELL_MS        1000 /* minimum time between two changes of the row */
#define WINDOW_MS       250
#define RINGS_TO_WAKE   25 /* per window: 100 commits a second */
#define QUIET_MS        1000
#define BUSY_TO_STAY    30 /* fetches with events in QUIET_MS */
#define NAME_BYTES      32
#define PREPARED_MARK   "-1/" /* begins the name of a prepared transaction */

enum state { AWAKE, FALLING, WAITING, ASLEEP };

struct doorbell {
	enum state state;
	bool told;          /* the committed row has this state */
	int64_t changed_ms; /* time of the last change of the row */
	int64_t told_ms;    /* time of the last write or refresh of the row */
	int64_t since_ms;   /* start of WAITING */

	int64_t window_ms; /* start of the window */
	unsigned count;    /* rings, or fetches with events, in the window */

	char (*awaited)[NAME_BYTES]; /* holders in the first reading */
	bool *seen;                  /* found in the reading under way */
	size_t n, room;
	bool is_first;    /* the reading under way is the first */
	bool has_holders; /* the first reading found a holder */
	bool no_memory;   /* no memory for a name of the first reading */
	bool last_fetch;  /* no holder is left: one more fetch is due */
	int64_t read_ms;  /* time of the last reading */
};

struct doorbell *
doorbell_new(void)
{
	struct doorbell *d = calloc(1, sizeof(*d));

	if (d == NULL)
		log_fatal("out of memory");
	return d;
}

void
doorbell_free(struct doorbell *d)
{
	free(d->awaited);
	free(d->seen);
	free(d);
}

static void
set_state(struct doorbell *d, enum state state, int64_t now)
{
	d->state = state;
	d->since_ms = d->window_ms = now;
	d->count = 0;
}

void
doorbell_reset(struct doorbell *d, int64_t now)
{
	set_state(d, AWAKE, now);
	d->told = true;
	d->changed_ms = d->told_ms = now;
}

void
doorbell_rang(struct doorbell *d, int64_t now)
{
	if (d->state == AWAKE)
		return;
	if (now - d->window_ms >= WINDOW_MS) {
		d->window_ms = now;
		d->count = 0;
	}
	d->count++;
	if (d->count >= RINGS_TO_WAKE && d->told &&
	    now - d->changed_ms >= DWELL_MS) {
		set_state(d, AWAKE, now);
		d->told = false;
	}
}

void
doorbell_fetched(struct doorbell *d, bool busy, int64_t now)
{
	switch (d->state) {
	case AWAKE:
		d->count += busy;
		if (now - d->window_ms < QUIET_MS)
			return;
		if (d->count < BUSY_TO_STAY && d->told &&
		    now - d->changed_ms >= DWELL_MS) {
			set_state(d, FALLING, now);
			d->told = false;
			return;
		}
		d->window_ms = now;
		d->count = 0;
		break;
	case WAITING:
		if (d->last_fetch)
			set_state(d, ASLEEP, now);
		break;
	case FALLING:
	case ASLEEP:
		break;
	}
}

enum doorbell_step
doorbell_step(struct doorbell *d, int64_t now)
{
	if (!d->told || now - d->told_ms >= REFRESH_MS)
		return d->state == AWAKE ? DOORBELL_WAKE : DOORBELL_SLEEP;
	if (d->state != WAITING || d->last_fetch)
		return DOORBELL_NOTHING;
	if (!d->is_first && now - d->read_ms < HOLDERS_MS)
		return DOORBELL_NOTHING;
	d->has_holders = d->no_memory = false;
	if (d->is_first)
		d->n = 0;
	if (d->n > 0)
		memset(d->seen, 0, d->n * sizeof(*d->seen));
	return DOORBELL_HOLDERS;
}

void
doorbell_told(struct doorbell *d, int64_t now)
{
	d->told_ms = now;
	if (d->told)
		return;
	d->told = true;
	d->changed_ms = now;
	if (d->state != FALLING)
		return;
	set_state(d, WAITING, now);
	d->is_first = true;
	d->last_fetch = false;
}

static bool
grow(struct doorbell *d)
{
	size_t room = d->room > 0 ? d->room * 2 : 16;
	void *awaited = realloc(d->awaited, room * sizeof(*d->awaited));
	void *seen;

	if (awaited == NULL)
		return false;
	d->awaited = awaited;
	seen = realloc(d->seen, room * sizeof(*d->seen));
	if (seen == NULL)
		return false;
	d->seen = seen;
	d->room = room;
	return true;
}

void
doorbell_add(struct doorbell *d, const char *name)
{
	if (strncmp(name, PREPARED_MARK, strlen(PREPARED_MARK)) == 0 ||
	    strlen(name) >= NAME_BYTES) {
		d->has_holders = true;
		return;
	}
	if (!d->is_first) {
		for (size_t i = 0; i < d->n; i++) {
			if (strcmp(d->awaited[i], name) == 0)
				d->seen[i] = d->has_holders = true;
		}
		return;
	}
	d->has_holders = true;
	if (d->n == d->room && !grow(d)) {
		d->no_memory = true;
		return;
	}
	d->seen[d->n] = true;
	strcpy(d->awaited[d->n++], name);
}

void
doorbell_end(struct doorbell *d, int64_t now)
{
	size_t n = 0;

	if (d->state != WAITING) /* rings have woken the gateway meanwhile */
		return;
	d->read_ms = now;
	if (d->no_memory)
		return; /* the next reading is the first one again */
	d->is_first = false;
	d->last_fetch = !d->has_holders;
	for (size_t i = 0; i < d->n; i++) {
		if (d->seen[i])
			memmove(d->awaited[n++], d->awaited[i], NAME_BYTES);
	}
	d->n = n;
}

int64_t
doorbell_fetch_ms(const struct doorbell *d, int64_t now)
{
	if (d->state == ASLEEP)
		return ASLEEP_FETCH_MS;
	return d->state == WAITING && now - d->since_ms >= STUCK_MS
		   ? STUCK_FETCH_MS
		   : AWAKE_FETCH_MS;
}

bool
doorbell_is_asleep(const struct doorbell *d)
{
	return d->state == ASLEEP;
}
