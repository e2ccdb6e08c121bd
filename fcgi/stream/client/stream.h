/*
 * stream.h - one stream to one browser.
 *
 * A stream reads from a page of history or from the ring, by position; nothing
 * is ever queued for it. It writes a chunk at a time. When the socket takes
 * only a part, the chunk is made again from the same events later on, so a
 * reader that is slow costs no memory.
 */
#ifndef PGFEED_STREAM_H
#define PGFEED_STREAM_H

#include <sys/queue.h>
#include <event2/event.h>

#include "base/timer_wheel.h"
#include "feed/cursor.h"
#include "stream/client/filter.h"
#include "stream/source/history.h"
#include "stream/source/ring.h"

/* Every step goes through stream_set_state(). */
enum stream_state {
	STREAM_OPENING = 0, /* waits for the feed's position, or for its own */
	STREAM_ASKING,      /* in the list of the permission it waits for */
	STREAM_REPLAYING,   /* sending history from the table */
	STREAM_FOLLOWING,   /* following the ring, not yet at its head */
	STREAM_LIVE, /* has had everything; in one of its filter's lists */
	STREAM_CLOSED, /* closed, to be reaped */
};

/* Where a new stream wants to begin. */
enum stream_from { FROM_NOW, FROM_POSITION, FROM_EARLIEST, FROM_LAST_N };

/* What all streams share. */
struct feed {
	struct ring *ring;
	struct history *history;
	const struct cursor *(*position)(void *arg); /* the feed's own */
	void *arg;
};

struct stream {
	/* What a delivery touches comes first, so it is one line of cache. */
	LIST_ENTRY(stream) in_list; /* that of its state, if any */
	int64_t wrote_ms;
	int fd;
	uint16_t id;
	uint8_t state; /* enum stream_state */

	struct timer timer;
	TAILQ_ENTRY(stream) in_queue; /* to run, or to be reaped */
	struct waiter waiter;
	struct hub *hub;
	struct filter *filter;
	struct permission *permission;
	struct stream_list *waiting; /* its permission's, for ASKING */
	struct subscription *subscription; /* until the head of the response is out */
	struct event *room; /* while the socket is full */

	/* Its own position as text; NULL where it is the feed's, at `from`. */
	char *own;
	char *resume; /* while behind: the position at the chunk's end */
	struct history_page *page; /* while replaying */
	struct rest {
		size_t n;
		char bytes[];
	} * rest; /* of a control frame */

	uint64_t from, upto; /* the chunk: entries of the ring or the page */
	uint64_t live_from;  /* plain NOTIFYs before this are not for it */
	int64_t ends_ms;
	int64_t told; /* last of the position told last */
	uint64_t number;
	uint64_t ticket; /* of a client that waits for a place, or 0 */
	int64_t retry_ms; /* what it is told */
	const char *end_reason;       /* to be ended at the next boundary */
	struct stream_limit *address, *user; /* where it is counted */
	uint32_t sent;                /* bytes of the chunk that are out */
	uint32_t replayed;            /* events from the table */
	uint32_t place;               /* among all streams */
	uint8_t start;                /* enum stream_from */
	bool heartbeat_event;
	bool queued;  /* in the run queue */
	bool expires; /* at ends_ms, with its token */
	bool told_live;
	bool ahead; /* of the feed: to be compared with the highest id */
	bool ends_with_rest;
	bool delivered; /* it has had an event; for brief ones */
	bool at_once;   /* it does not even wait for the first event */
	bool full; /* a short response: there was no place for a stream */
	bool cgi;  /* it takes a place of cgi_streams */
};

enum stream_result {
	STREAM_MORE,      /* run it again soon */
	STREAM_CAUGHT_UP, /* at the ring's head */
	STREAM_BLOCKED,   /* when the socket takes more */
	STREAM_WAITING,   /* for a page */
	STREAM_DONE, /* a long-poll has its answer, or its last words are out */
	STREAM_GONE, /* the peer left */
	STREAM_PASSED, /* the ring's tail passed it in the middle of a chunk */
	STREAM_FAILED, /* there is no memory for it */
	STREAM_GAP,    /* what it would need next is gone */
};

/*
 * Checks the step and moves the stream between lists: STREAM_ASKING is the list
 * `waiting`, STREAM_LIVE one of its filter's. Nobody else touches these lists.
 */
void stream_set_state(struct stream *, enum stream_state);

/* Whether its place in the feed is known. */
static inline bool
stream_has_begun(const struct stream *s)
{
	return s->state != STREAM_OPENING && s->state != STREAM_ASKING;
}

/*
 * Writes the next chunk, or the rest of one. After STREAM_GAP, sub->own is the
 * position from which history is still there.
 */
enum stream_result stream_run(struct feed *, struct stream *) MUSTCHECK;

/* Whether something other than events may be written now. */
bool stream_at_boundary(const struct stream *);

/*
 * Writes output that is no event, padded if the stream needs it. last: then
 * the end of the request. Only at a boundary; STREAM_MORE when all is out.
 */
enum stream_result stream_write(
    struct stream *, struct buf *text, bool last) MUSTCHECK;

/*
 * A chunk made once for all current streams of a filter: entries from to upto
 * as records for request 1, and the same as plain output.
 */
struct batch {
	uint64_t from, upto;
	struct buf records, output;
	unsigned events;
	bool last; /* the answer to a long-poll, complete */
};

/*
 * Fills b from the filter's fresh entries, beginning with the i-th; returns
 * the index of the first that is not in it. i itself means no memory.
 */
size_t batch_fill(struct batch *, struct feed *, struct filter *, size_t i);

/* Writes it to a current stream. STREAM_CAUGHT_UP when all is out. */
enum stream_result stream_offer(
    struct feed *, struct stream *, const struct batch *) MUSTCHECK;

/* The text of the position of a stream at a boundary. */
void stream_position(
    struct feed *, struct stream *, char text[CURSOR_TEXT_MAX]);

/*
 * Adds the whole answer to a long-poll: cors are lines of its head or "", gap is the inside of an object or
 * NULL, events the inside of an array.
 */
void poll_add_answer(struct buf *, const char *cors, const char *cursor,
    const char *gap, const char *events, size_t n);

#endif
