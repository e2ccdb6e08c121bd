/*
 * history.h - history from the table, in pages that streams share.
 *
 * A stream whose position lies before the ring asks for the page that goes on
 * from there. Streams with the same topics are served from one page wherever
 * they stand in it, so a thousand that come back at once cost a few queries.
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

/* Somebody who waits for a page; embedded in a stream. */
struct waiter {
	LIST_ENTRY(waiter) entry;
	struct job *job; /* NULL when not waiting */
};

struct history_calls {
	const struct cursor *(*feed)(void *arg);   /* the feed's position */
	void (*ready)(struct waiter *, void *arg); /* look again */
};

struct history *history_new(struct event_base *, const struct config *,
    const struct history_calls *, void *arg);
void history_free(struct history *);

/*
 * The page to go on with at position c, with a reference that the caller
 * gives back with history_page_unref(); or NULL, and then w waits: ready() is called
 * when it is worth asking again. A position with holes that the feed has
 * had gets a HISTORY_PAGE_HOLES first.
 */
struct history_page *history_next_page(struct history *,
    const struct topic_set *, const struct cursor *c, struct waiter *w);

/* As history_next_page(), for where the last n events of these topics begin. */
struct history_page *history_locate(
    struct history *, const struct topic_set *, int64_t n, struct waiter *w);

/* Stops waiting. */
void history_forget(struct waiter *);

/* The feed starts over: no page is worth anything any more. */
void history_reset(struct history *);

#endif
