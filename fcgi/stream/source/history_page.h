/*
 * history_page.h - pages of history, kept for a while so that streams can share them.
 */
#ifndef PGFEED_HISTORY_PAGE_H
#define PGFEED_HISTORY_PAGE_H

#include <sys/queue.h>

#include "stream/source/feed_event.h"

enum history_page_kind {
	HISTORY_PAGE_RANGE,  /* the rows with from < id <= to */
	HISTORY_PAGE_HOLES,  /* rows found in the holes of one position */
	HISTORY_PAGE_LOCATE, /* no rows: to is where the last N events begin */
};

struct history_page {
	enum history_page_kind kind;
	char *key;
	int64_t from, to;
	bool full;      /* HISTORY_PAGE_HOLES: there may be more rows */
	int64_t oldest; /* ids below it may be missing */
	char *feed;     /* the feed's position when this was read */
	struct feed_event **entry;
	size_t n, bytes;
	unsigned refs;
	int64_t read_ms, used_ms;
	TAILQ_ENTRY(history_page) in_cache;
};

struct history_page_cache {
	TAILQ_HEAD(, history_page) pages; /* the newest first */
	size_t bytes;
};

void history_page_cache_init(struct history_page_cache *);

/* Frees all pages, whoever refers to them. */
void history_page_cache_fini(struct history_page_cache *);

/*
 * A page to be filled with up to rows entries, for the topics and whatever
 * else key names, when the feed was at that position. NULL: no memory.
 */
struct history_page *history_page_new(
    enum history_page_kind, const char *key, const char *feed, size_t rows);

/* Frees a page that is in no cache; NULL is no page. */
void history_page_free(struct history_page *);

/* Adds e, which is the page's from here on. */
void history_page_add(struct history_page *, struct feed_event *e);

/* The cache takes over a page that is complete. */
void history_page_cache_add(struct history_page_cache *, struct history_page *);

/*
 * The page of that kind and key; a HISTORY_PAGE_RANGE has to go on behind id last. The
 * caller counts its reference. NULL: there is none.
 */
struct history_page *history_page_cache_find(struct history_page_cache *,
    enum history_page_kind, const char *key, int64_t last);

/* Whether a page with that key ends with id to. */
bool history_page_cache_ends_at(struct history_page_cache *,
    enum history_page_kind, const char *key, int64_t to);

/* Gives a reference back. */
void history_page_unref(struct history_page *);

/* Drops what nobody refers to: what is old or too much, or all of it. */
void history_page_cache_clean(struct history_page_cache *, bool all);

#endif
