/*
 * status_pages.h - how the gateway is doing: live, ready, JSON and OpenMetrics.
 */
#ifndef PGFEED_STATUS_PAGES_H
#define PGFEED_STATUS_PAGES_H

#include "config/config.h"
#include "stream/hub/hub.h"
#include "stream/source/listener.h"
#include "stream/admission/subscribe.h"

/* Answers one of pgfeed's own pages and closes the connection. */
void status_answer(enum history_page_wanted, struct taken,
    const struct config *, const struct hub *, const struct listener *);

/*
 * Logs a line about the streams since the last call, unless none came, left or
 * was refused. open: how many are open now.
 */
void status_log_minute(size_t open);

#endif
