/*
 * janitor.h - looks after history: new partitions, old events, old keys.
 *
 * It runs in a thread of its own with a connection of its own, since nothing
 * of it is urgent. Any number of gateways may do it: the database lets one at
 * a time.
 */
#ifndef PGFEED_JANITOR_H
#define PGFEED_JANITOR_H

#include "config/config.h"

struct janitor;

/* Starts it; config must outlive it. Exits when a thread can't be made. */
struct janitor *janitor_new(const struct config *);

/* Ends it, waiting for the statement under way at most. */
void janitor_free(struct janitor *);

#endif
