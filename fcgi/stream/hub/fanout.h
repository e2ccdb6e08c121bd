/*
 * fanout.h - writes what is new to all live streams.
 *
 * A turn: events are appended to the ring and noted with the filters that take
 * them. A flush then encodes each of these filters' events once and writes them
 * to its live streams, one send() per stream.
 */
#ifndef PGFEED_FANOUT_H
#define PGFEED_FANOUT_H

#include "stream/client/stream.h"

struct fanout_calls {
	/*
	 * A stream did not take all of it and is no longer live, or it has
	 * ended, or its peer is gone. The callee may close that stream.
	 */
	void (*result)(struct stream *, enum stream_result, void *arg);
	/* A stream with a position of its own goes on by itself now. */
	void (*behind)(struct stream *, void *arg);
	/* A brief stream has had its events. */
	void (*served)(struct stream *, void *arg);
};

/* Plain data, so that it is part of the hub; fanout_init() sets it up. */
struct fanout {
	struct feed *feed;
	struct filters *filters;
	struct fanout_calls calls;
	void *arg;
	struct filter_list turn; /* filters with fresh events */
	size_t turn_bytes;
	struct batch batch;
};

/* The feed and the filters must outlive it. */
void fanout_init(struct fanout *, struct feed *, struct filters *,
    const struct fanout_calls *, void *arg);
void fanout_fini(struct fanout *);

/*
 * Appends e to the ring, which owns it then, and notes it with its filters.
 * Flushes when much has gathered. False without memory: the event is lost.
 */
bool fanout_add(struct fanout *, struct feed_event *e) MUSTCHECK;

/* Writes what was added since the last flush. */
void fanout_flush(struct fanout *);

#endif
