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

struct replay;

enum page_kind {
	PAGE_RANGE,  /* the rows with from < id <= to */
	PAGE_HOLES,  /* rows found in the holes of one position */
	PAGE_LOCATE, /* no rows: to is where the last N events begin */
};

struct page {
	enum page_kind kind;
	char *key;
	int64_t from, to;
	bool full;      /* PAGE_HOLES: there may be more rows */
	int64_t oldest; /* ids below it may be missing */
	char *feed;     /* the feed's position when this was read */
	struct entry **entry;
	size_t n, bytes;
	unsigned refs;
	int64_t read_ms, used_ms;
	TAILQ_ENTRY(page) in_cache;
};

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

void page_unref(struct replay *, struct page *);

/* Stops waiting. */
void replay_forget(struct waiter *);

/* The feed starts over: no page is worth anything any more. */
void replay_reset(struct replay *);

#endif
