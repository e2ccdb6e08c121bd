/*
 * hub.h - all streams: who joins, who gets what, who has to go.
 */
#ifndef PGFEED_HUB_H
#define PGFEED_HUB_H

#include <netinet/in.h>
#include <event2/event.h>

#include "config/config.h"
#include "auth/identity.h"
#include "stream/source/listener.h"
#include "fastcgi/request.h"
#include "stream/client/stream.h"

struct hub;

/* What a browser asked for; made by subscribe.c, in another thread. */
struct join {
	struct taken conn;
	enum format format;
	enum stream_from start;
	char *position; /* FROM_POSITION: as it was sent */
	int64_t last_n; /* FROM_LAST_N */
	char **pattern; /* valid topic patterns, at least one */
	size_t n;
	char *cors;      /* header lines, "" for none */
	int64_t wait_ms; /* FORMAT_POLL, and brief streams */
	unsigned pad;    /* see struct shape */
	bool brief;
	bool heartbeat_event;
	bool head_only; /* HEAD: the head that a GET would get, and the end */
	char address[INET6_ADDRSTRLEN]; /* of the client, or "" */
	struct identity identity;
	bool may_sign_in; /* a token would be believed */
};

void join_free(struct join *);

struct hub *hub_new(struct event_base *, const struct config *);
void hub_free(struct hub *);

/*
 * What the hub makes of the listener's news; pass these to listener_new() with
 * the hub as arg, then tell it the listener.
 */
extern const struct listener_calls hub_listener_calls;
void hub_set_listener(struct hub *, struct listener *);

/* Takes over j and its connection. */
void hub_join(struct hub *, struct join *j);

/*
 * Says goodbye to all streams, spread over SPREAD_MS; done() when they are
 * gone.
 */
void hub_shut_down(struct hub *, void (*done)(void *), void *arg);

/* When it was made, by now_ms(). */
int64_t hub_since_ms(const struct hub *);
size_t hub_streams(const struct hub *);
size_t hub_filters(const struct hub *);

/*
 * How far the stream that is most behind is behind: the age of the oldest event
 * that a stream which was live still has to get; 0 when all have everything.
 */
int64_t hub_lag_ms(const struct hub *);
size_t hub_rights(const struct hub *);
const struct ring *hub_ring(const struct hub *);

#endif
