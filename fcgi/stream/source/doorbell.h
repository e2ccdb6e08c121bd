/*
 * doorbell.h - whether writers must ring, as a state machine without I/O.
 *
 * PostgreSQL serialises the commits of transactions that NOTIFY, across the
 * flush of the log. So a writer rings only while a gateway is asleep: while the
 * row of that gateway in pgfeed.gateway says so. A gateway that is awake fetches
 * every few milliseconds and needs no bell.
 *
 *     AWAKE --few commits--> FALLING --row is committed--> WAITING
 *       ^                                                    |
 *       |                             holders of then gone, and a fetch
 *       +---------------- many rings ---- ASLEEP <-----------+
 *
 * The caller polls doorbell_step() when its connection is free, does what it
 * says, and reports the result. docs/ordering.md has the proof.
 */
#ifndef PGFEED_DOORBELL_H
#define PGFEED_DOORBELL_H

#include "base/util.h"

struct doorbell;

enum doorbell_step {
	DOORBELL_NOTHING,
	DOORBELL_WAKE,    /* commit a row that says awake: doorbell_told() */
	DOORBELL_SLEEP,   /* commit a row that says asleep: doorbell_told() */
	DOORBELL_HOLDERS, /* read the holders of the sequence's lock */
};

/* Exits without memory: this is start-up. */
struct doorbell *doorbell_new(void);
void doorbell_free(struct doorbell *);

/* The connection is new, and the database has no row of it: awake. */
void doorbell_reset(struct doorbell *, int64_t now_ms);

/* Counts a notification. */
void doorbell_rang(struct doorbell *, int64_t now_ms);

/*
 * Reports a fetch that has read all there was; busy: it brought events. Every
 * fetch must have been sent after the step before it was reported as done.
 */
void doorbell_fetched(struct doorbell *, bool busy, int64_t now_ms);

/* Returns what to do next. */
enum doorbell_step doorbell_step(struct doorbell *, int64_t now_ms);

/* The row that DOORBELL_WAKE or DOORBELL_SLEEP asked for is committed. */
void doorbell_told(struct doorbell *, int64_t now_ms);

/*
 * A reading for DOORBELL_HOLDERS: doorbell_add() for each holder's name, then
 * doorbell_end().
 */
void doorbell_add(struct doorbell *, const char *name);
void doorbell_end(struct doorbell *, int64_t now_ms);

/* Returns the milliseconds from one fetch to the next without a ring. */
int64_t doorbell_fetch_ms(const struct doorbell *, int64_t now_ms);

bool doorbell_is_asleep(const struct doorbell *);

#endif
