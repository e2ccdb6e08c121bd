/*
 * control_event.h - pgfeed's own events in a stream: pgfeed.open, .live, .gap
 * and .bye. None of them reaches a page's onmessage.
 */
#ifndef PGFEED_CONTROL_EVENT_H
#define PGFEED_CONTROL_EVENT_H

#include <stdint.h>

#include "base/buf.h"

/* A reason of pgfeed.bye: the database does not tell who may read the topics. */
#define BYE_DATABASE "database"

/*
 * Adds pgfeed.open: the stream begins at cursor and is silent for at most the
 * heartbeat's time.
 */
void control_event_open(struct buf *, const char *cursor, int64_t heartbeat_ms);

/* Adds pgfeed.live: the stream has reached the newest event. */
void control_event_live(struct buf *, const char *cursor);

/*
 * Adds pgfeed.gap: the event after cursor follows, and events before it are
 * gone. reason is "expired", "timeline" or "unknown"; oldest is the lowest id
 * that the table still has.
 */
void control_event_gap(
    struct buf *, const char *cursor, const char *reason, int64_t oldest);

/* Adds the members of a gap's data; the answer of a long-poll has them too. */
void control_event_gap_members(
    struct buf *, const char *reason, int64_t oldest);

/*
 * Adds pgfeed.bye: a planned end, after which the client reconnects. cursor is
 * the client's position, or NULL.
 */
void control_event_bye(struct buf *, const char *cursor, const char *reason);

#endif
