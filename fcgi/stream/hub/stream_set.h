/*
 * stream_set.h - all streams, and a look at which of them have ended.
 *
 * epoll does not watch a stream that has nothing to write. The kernel calls the
 * watcher of a socket whenever its peer has read and there is room again, and
 * the web server pays for the call: 7 % of the cost of a delivery
 * (docs/bench/profile.md). So streams are looked at from time to time, by a
 * poll() that waits for nothing and leaves nothing behind in the sockets: 0.4
 * us for each, from an array of its own.
 */
#ifndef PGFEED_STREAM_SET_H
#define PGFEED_STREAM_SET_H

#include <poll.h>

#include "stream/client/stream.h"

/* All zeros is an empty one. */
struct stream_set {
	struct pollfd *fds; /* of the sub at the same index */
	struct stream **subs;
	size_t n, room;

	/* The round: those from here on have been looked at, looks are left. */
	size_t looked_at;
	unsigned looks;
};

/*
 * In so many looks at most each stream is looked at once; who leaves when some
 * have been is found in the next round at the latest. Few are all looked at
 * each time.
 */
#define STREAMS_LOOKS      10
#define STREAMS_LOOK_LEAST 256

/* All of them; the body may remove s, but no other, and may add none. */
#define STREAM_SET_FOREACH(s, left, set) \
	for (size_t left = (set)->n;     \
	     left > 0 && ((s) = (set)->subs[left - 1], true); left--)

/*
 * False, and it is not in it, when there is no memory; an empty one has none.
 */
bool stream_set_add(struct stream_set *, struct stream *) MUSTCHECK;
void stream_set_remove(struct stream_set *, struct stream *);

/*
 * Looks at the next of them, and tells of each that has closed or sent
 * something. stir() may remove that one, and no other.
 */
void stream_set_look(
    struct stream_set *, void (*stir)(struct stream *, void *arg), void *arg);

/* The same for all of them, whereafter a new round begins. */
void stream_set_look_all(
    struct stream_set *, void (*stir)(struct stream *, void *arg), void *arg);

#endif
