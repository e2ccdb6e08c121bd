/*
 * control_event.h - the events that a stream tells about itself: pgfeed.open,
 * .live, .gap and .bye. None of them reaches a page's onmessage.
 */
#ifndef PGFEED_CONTROL_EVENT_H
#define PGFEED_CONTROL_EVENT_H

#include <stdint.h>

#include "base/buf.h"

/* The stream begins at cursor, and is not silent for longer than that. */
void control_event_open(
    struct buf *, const char *cursor, int64_t heartbeat_ms);

/* From here on, events come as they happen. */
void control_event_live(struct buf *, const char *cursor);

/*
 * What follows cursor comes next, and events before it are gone: reason is
 * "expired", "timeline" or "unknown", oldest the first id that is kept.
 */
void control_event_gap(
    struct buf *, const char *cursor, const char *reason, int64_t oldest);

/* The members of a gap's data, as a long-poll's answer has them too. */
void control_event_gap_members(
    struct buf *, const char *reason, int64_t oldest);

/* A planned end; the client comes back. cursor: its position, or NULL. */
void control_event_bye(
    struct buf *, const char *cursor, const char *reason);

#endif
