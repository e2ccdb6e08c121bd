/*
 * history.h - history from the table, in pages that streams share.
 *
 * A stream whose position lies before the ring requests the page behind that
 * position. A page serves all streams with the same topics whose positions lie
 * within it, so a thousand that reconnect at once cost a few queries.
 */
#ifndef PGFEED_HISTORY_H
#define PGFEED_HISTORY_H

#include <sys/queue.h>
#include <event2/event.h>

#include "config/config.h"
#include "feed/cursor.h"
#include "stream/source/feed_event.h"
#include "feed/topic.h"
#include "stream/source/history_page.h"

struct history;

/* A stream that waits for a page; embedded in the stream. */
struct waiter {
	LIST_ENTRY(waiter) entry;
	struct job *job; /* NULL while not waiting */
};

struct history_calls {
	/* returns the feed's position */
	const struct cursor *(*feed)(void *arg);
	/* called when it is worth trying again */
	void (*ready)(struct waiter *, void *arg);
};

struct history *history_new(struct event_base *, const struct config *,
    const struct history_calls *, void *arg);
void history_free(struct history *);

/*
 * Returns the page behind position c, with a reference that the caller drops
 * with history_page_unref(). Returns NULL if there is none yet; w then waits,
 * and ready() is called when it is worth trying again. For a position with
 * holes that the feed has had, the first page is a HISTORY_PAGE_HOLES.
 */
struct history_page *history_next_page(struct history *,
    const struct topic_set *, const struct cursor *c, struct waiter *w);

/* Does the same for the position before the last n events of these topics. */
struct history_page *history_locate(
    struct history *, const struct topic_set *, int64_t n, struct waiter *w);

/* Makes w wait no longer. */
void history_forget(struct waiter *);

/* Drops all pages, since the feed starts over. */
void history_reset(struct history *);

#endif
