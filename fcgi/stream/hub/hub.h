/*
 * hub.h - all streams: who joins, who gets what, who has to go.
 */
#ifndef PGFEED_HUB_H
#define PGFEED_HUB_H

#include <event2/event.h>

#include "config/config.h"
#include "auth/identity.h"
#include "stream/source/listener.h"
#include "fastcgi/request.h"
#include "stream/client/stream.h"

struct hub;
struct subscription;

struct hub *hub_new(struct event_base *, const struct config *);
void hub_free(struct hub *);

/*
 * What the hub makes of the listener's news; pass these to listener_new() with
 * the hub as arg, then tell it the listener.
 */
extern const struct listener_calls hub_listener_calls;
void hub_set_listener(struct hub *, struct listener *);

/* Takes over j and its connection. */
void hub_join(struct hub *, struct subscription *j);

/*
 * Says goodbye to all streams, spread over SPREAD_MS; done() when they are
 * gone.
 */
void hub_shut_down(struct hub *, void (*done)(void *), void *arg);

/* When it was made, by now_ms(). */
int64_t hub_since_ms(const struct hub *);
size_t hub_streams(const struct hub *);

/* The clients that poll because no place for a stream is free. */
size_t hub_waiting(const struct hub *);
size_t hub_filters(const struct hub *);

/*
 * How far the stream that is most behind is behind: the age of the oldest event
 * that a stream which was live still has to get; 0 when all have everything.
 */
int64_t hub_lag_ms(const struct hub *);
size_t hub_permissions(const struct hub *);
const struct ring *hub_ring(const struct hub *);

#endif
