/*
 * history_page.h - LRU cache of pages of history, shared by streams.
 */
#ifndef PGFEED_HISTORY_PAGE_H
#define PGFEED_HISTORY_PAGE_H

#include <sys/queue.h>

#include "stream/source/feed_event.h"

enum history_page_kind {
	HISTORY_PAGE_RANGE, /* rows with from < id <= to */
	HISTORY_PAGE_HOLES, /* rows in the holes of one position */
	/* no rows; to is the position before the last N events */
	HISTORY_PAGE_LOCATE,
};

struct history_page {
	enum history_page_kind kind;
	char *key;
	int64_t from, to;
	bool full;      /* HISTORY_PAGE_HOLES: more rows may follow */
	int64_t oldest; /* ids below this one may be missing */
	char *feed;     /* the feed's position at the time of the query */
	struct feed_event **entry;
	size_t n, bytes;
	unsigned refs;
	int64_t read_ms, used_ms;
	TAILQ_ENTRY(history_page) in_cache;
};

struct history_page_cache {
	TAILQ_HEAD(, history_page) pages; /* the newest page first */
	size_t bytes;
};

void history_page_cache_init(struct history_page_cache *);

/* Frees all pages, even those with references. */
void history_page_cache_fini(struct history_page_cache *);

/*
 * Returns a page with room for rows events, for the topics and the rest of key,
 * at that position of the feed; or NULL without memory.
 */
struct history_page *history_page_new(
    enum history_page_kind, const char *key, const char *feed, size_t rows);

/* Frees a page that is in no cache. NULL is allowed. */
void history_page_free(struct history_page *);

/* Adds e, which the page then owns. */
void history_page_add(struct history_page *, struct feed_event *e);

/* Gives a complete page to the cache. */
void history_page_cache_add(struct history_page_cache *, struct history_page *);

/*
 * Returns the page of that kind and key, or NULL. A HISTORY_PAGE_RANGE has to
 * go on behind id last. The caller counts its reference.
 */
struct history_page *history_page_cache_find(struct history_page_cache *,
    enum history_page_kind, const char *key, int64_t last);

/* Returns whether a page with that key ends with id to. */
bool history_page_cache_ends_at(struct history_page_cache *,
    enum history_page_kind, const char *key, int64_t to);

/* Drops a reference. */
void history_page_unref(struct history_page *);

/*
 * Drops pages without references: those that are old or beyond the limit, or
 * all.
 */
void history_page_cache_clean(struct history_page_cache *, bool all);

#endif
