/*
 * admission.h - limits, identity and permission, before a stream begins.
 */
#ifndef PGFEED_ADMISSION_H
#define PGFEED_ADMISSION_H

#include <event2/event.h>

#include "config/config.h"
#include "stream/admission/subscribe.h"
#include "stream/hub/hub.h"

struct admission;

/* Connects to the database, and to the hub. Both must outlive the streams. */
struct admission *admission_new(
    struct event_base *, const struct config *, struct hub *);

/* After hub_free(), which gives back what the streams had. */
void admission_free(struct admission *);

/* Takes over the subscription with its connection: a stream, or a refusal. */
void admission_request(struct admission *, struct subscription *);

#endif
