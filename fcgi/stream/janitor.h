/*
 * janitor.h - retention: new partitions, old events, old keys.
 *
 * The janitor has a thread and a connection of its own, since none of its work
 * is urgent. Any number of gateways may have one: the database admits one at a
 * time.
 */
#ifndef PGFEED_JANITOR_H
#define PGFEED_JANITOR_H

#include "config/config.h"

struct janitor;

/*
 * Starts the janitor. config must outlive it. Exits when no thread can be
 * created.
 */
struct janitor *janitor_new(const struct config *);

/* Stops the janitor, after the statement under way. */
void janitor_free(struct janitor *);

#endif
