/*
 * status.h - how the gateway is doing: live, ready, JSON and OpenMetrics.
 */
#ifndef PGFEED_STATUS_H
#define PGFEED_STATUS_H

#include "config.h"
#include "hub.h"
#include "listener.h"
#include "subscribe.h"

/* Answers one of pgfeed's own pages and closes the connection. */
void status_answer(enum page_wanted, struct taken, const struct config *,
    const struct hub *, const struct listener *);

#endif
