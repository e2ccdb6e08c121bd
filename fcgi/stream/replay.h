/*
 * replay.h - history from the table, in pages that streams share.
 *
 * A stream whose position lies before the ring asks for the page that goes on
 * from there. Streams with the same topics are served from one page wherever
 * they stand in it, so a thousand that come back at once cost a few queries.
 */
#ifndef PGFEED_REPLAY_H
#define PGFEED_REPLAY_H

#include <sys/queue.h>
#include <event2/event.h>

#include "config.h"
#include "cursor.h"
#include "entry.h"
#include "filter.h"
#include "page.h"

struct replay;

/* Somebody who waits for a page; embedded in a stream. */
struct waiter {
	LIST_ENTRY(waiter) entry;
	struct job *job; /* NULL when not waiting */
};

struct replay_calls {
	const struct cursor *(*feed)(void *arg); /* the feed's position */
	void (*ready)(struct waiter *, void *arg); /* look again */
};

struct replay *replay_new(struct event_base *, const struct config *,
    const struct replay_calls *, void *arg);
void replay_free(struct replay *);

/*
 * The page to go on with at position c, with a reference that the caller
 * gives back with page_unref(); or NULL, and then w waits: ready() is called
 * when it is worth asking again. A position with holes that the feed has
 * had gets a PAGE_HOLES first.
 */
struct page *replay_page(struct replay *, const struct filter *,
    const struct cursor *c, struct waiter *w);

/* As replay_page(), for where the last n events of the filter begin. */
struct page *replay_locate(struct replay *, const struct filter *, int64_t n,
    struct waiter *w);

/* Stops waiting. */
void replay_forget(struct waiter *);

/* The feed starts over: no page is worth anything any more. */
void replay_reset(struct replay *);

#endif
