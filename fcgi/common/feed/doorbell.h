/*
 * doorbell.h - state machine that decides whether writers must ring.
 *
 * PostgreSQL serialises the commits of transactions that NOTIFY, across the
 * flush of the log. So a writer rings the doorbell only while a gateway is
 * asleep, which the gateway's row in pgfeed.gateway says. A gateway that is
 * awake fetches every few milliseconds and needs no doorbell.
 *
 *     AWAKE --few commits--> FALLING --row is committed--> WAITING
 *       ^                                                    |
 *       |                             holders of then gone, and a fetch
 *       +---------------- many rings ---- ASLEEP <-----------+
 *
 * The functions do no I/O. The caller polls doorbell_step() when its connection
 * is free, does that step, and reports the result. docs/ordering.md has the
 * proof.
 */
#ifndef PGFEED_DOORBELL_H
#define PGFEED_DOORBELL_H

#include "base/util.h"

struct doorbell;

enum doorbell_step {
	DOORBELL_NOTHING,
	/* commit a row that says awake, then call doorbell_told() */
	DOORBELL_WAKE,
	/* commit a row that says asleep, then call doorbell_told() */
	DOORBELL_SLEEP,
	DOORBELL_HOLDERS, /* read the holders of the sequence's lock */
};

/* Returns a doorbell. Exits without memory. For start-up only. */
struct doorbell *doorbell_new(void);
void doorbell_free(struct doorbell *);

/*
 * Starts over as AWAKE: the connection is new, and the database has no row for
 * it.
 */
void doorbell_reset(struct doorbell *, int64_t now_ms);

/* Counts a notification. */
void doorbell_rang(struct doorbell *, int64_t now_ms);

/*
 * Reports a complete fetch; busy: the fetch brought events. The caller must
 * have sent the fetch after reporting the step before it as done.
 */
void doorbell_fetched(struct doorbell *, bool busy, int64_t now_ms);

/* Returns the next step. */
enum doorbell_step doorbell_step(struct doorbell *, int64_t now_ms);

/* Reports that the row of DOORBELL_WAKE or DOORBELL_SLEEP is committed. */
void doorbell_told(struct doorbell *, int64_t now_ms);

/*
 * Report a reading for DOORBELL_HOLDERS: doorbell_add() for each holder's name,
 * then doorbell_end().
 */
void doorbell_add(struct doorbell *, const char *name);
void doorbell_end(struct doorbell *, int64_t now_ms);

/* Returns the milliseconds between two fetches without a ring. */
int64_t doorbell_fetch_ms(const struct doorbell *, int64_t now_ms);

bool doorbell_is_asleep(const struct doorbell *);

#endif
