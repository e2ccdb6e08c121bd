/*
 * subscriber.h - one stream to one browser.
 *
 * A stream reads from a page of history or from the ring, by position; nothing
 * is ever queued for it. It writes a chunk at a time. When the socket takes
 * only a part, the chunk is made again from the same events later on, so a
 * reader that is slow costs no memory.
 */
#ifndef PGFEED_SUBSCRIBER_H
#define PGFEED_SUBSCRIBER_H

#include <sys/queue.h>
#include <event2/event.h>

#include "cursor.h"
#include "filter.h"
#include "replay.h"
#include "ring.h"

/* Every step goes through sub_set_state(), which knows the legal ones. */
enum sub_state {
	SUB_OPENING = 0, /* its position is not known yet */
	SUB_REPLAYING,   /* sending history from the table */
	SUB_FOLLOWING,   /* following the ring, not yet at its head */
	SUB_CURRENT,     /* has had everything; in one of its filter's lists */
	SUB_CLOSING,     /* closed, to be reaped */
};

/* Where a new stream wants to begin. */
enum sub_from { FROM_NOW, FROM_POSITION, FROM_EARLIEST, FROM_LAST_N };

/* What all streams share. */
struct feed {
	struct ring *ring;
	struct replay *replay;
	const struct cursor *(*position)(void *arg); /* the feed's own */
	void *arg;
};

struct sub {
	/* What a delivery touches comes first, so it is one line of cache. */
	LIST_ENTRY(sub) in_filter; /* or among those who wait for a right */
	int64_t wrote_ms;
	int fd;
	uint16_t id;
	uint8_t state; /* enum sub_state */

	LIST_ENTRY(sub) in_wheel;
	TAILQ_ENTRY(sub) in_queue; /* to run, or to be reaped */
	struct waiter waiter;
	struct hub *hub;
	struct filter *filter;
	struct right *right;
	struct join *join; /* until the head of the response is out */
	struct event *room; /* while the socket is full */

	/* Its own position as text; NULL where it is the feed's, at `from`. */
	char *own;
	char *resume;      /* while behind: the position at the chunk's end */
	struct page *page; /* while replaying */
	struct rest {
		size_t n;
		char bytes[];
	} *rest; /* of a control frame */

	uint64_t from, upto; /* the chunk: entries of the ring or the page */
	uint64_t live_from;  /* plain NOTIFYs before this are not for it */
	int64_t ends_ms;
	int64_t told; /* last of the position told last */
	uint64_t number;
	const char *end_reason; /* to be ended at the next boundary */
	struct tally *address, *user; /* where they are counted */
	uint32_t sent;          /* bytes of the chunk that are out */
	uint32_t replayed;      /* events from the table */
	uint32_t place;         /* among all streams */
	uint8_t start;          /* enum sub_from */
	bool heartbeat_event;
	bool queued;  /* in the run queue */
	bool asking;  /* its right is not known yet */
	bool expires; /* at ends_ms, with its token */
	bool opened;  /* pgfeed.open is out */
	bool told_live;
	bool ahead; /* of the feed: to be compared with the highest id */
	bool ends_with_rest;
	bool delivered; /* it has had an event; for brief ones */
	bool at_once;   /* brief, and not even to wait for the first event */
};

enum sub_result {
	SUB_MORE,      /* run it again soon */
	SUB_CAUGHT_UP, /* at the ring's head */
	SUB_BLOCKED,   /* when the socket takes more */
	SUB_WAITING,   /* for a page */
	SUB_DONE,   /* a long-poll has its answer, or its last words are out */
	SUB_GONE,   /* the peer left */
	SUB_PASSED, /* the ring's tail passed it in the middle of a chunk */
	SUB_FAILED, /* there is no memory for it */
	SUB_GAP,    /* what it would need next is gone */
};

void sub_set_state(struct sub *, enum sub_state);

/*
 * Writes the next chunk, or the rest of one. After SUB_GAP, sub->own is the
 * position from which history is still there.
 */
enum sub_result sub_run(struct feed *, struct sub *) MUSTCHECK;

/* Whether something other than events may be written now. */
bool sub_at_boundary(const struct sub *);

/*
 * Writes output that is no event, padded if the stream needs it. last: then
 * the end of the request. Only at a boundary; SUB_MORE when all is out.
 */
enum sub_result sub_write(struct sub *, struct buf *text, bool last) MUSTCHECK;

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

/* Writes it to a current stream. SUB_CAUGHT_UP when all is out. */
enum sub_result sub_offer(
    struct feed *, struct sub *, const struct batch *) MUSTCHECK;

/* The text of the position of a stream at a boundary. */
void sub_position(struct feed *, struct sub *, char text[CURSOR_TEXT_MAX]);

/* Adds the whole answer to a long-poll; events is the inside of the array. */
void poll_add_answer(struct buf *, const char *cursor, const char *gap,
    const char *events, size_t n);

#endif
