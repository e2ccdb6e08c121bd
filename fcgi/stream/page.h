/*
 * page.h - pages of history, kept for a while so that streams can share them.
 */
#ifndef PGFEED_PAGE_H
#define PGFEED_PAGE_H

#include <sys/queue.h>

#include "entry.h"

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

struct page_cache {
	TAILQ_HEAD(, page) pages; /* the newest first */
	size_t bytes;
};

void page_cache_init(struct page_cache *);

/* Frees all pages, whoever refers to them. */
void page_cache_fini(struct page_cache *);

/*
 * A page to be filled with up to rows entries, for the topics and whatever
 * else key names, when the feed was at that position. NULL: no memory.
 */
struct page *page_new(enum page_kind, const char *key, const char *feed,
    size_t rows);

/* Frees a page that is in no cache; NULL is no page. */
void page_free(struct page *);

/* Adds e, which is the page's from here on. */
void page_add(struct page *, struct entry *e);

/* The cache takes over a page that is complete. */
void page_cache_add(struct page_cache *, struct page *);

/*
 * The page of that kind and key; a PAGE_RANGE has to go on behind id last. The
 * caller counts its reference. NULL: there is none.
 */
struct page *page_cache_find(
    struct page_cache *, enum page_kind, const char *key, int64_t last);

/* Whether a page with that key ends with id to. */
bool page_cache_ends_at(
    struct page_cache *, enum page_kind, const char *key, int64_t to);

/* Gives a reference back. */
void page_unref(struct page *);

/* Drops what nobody refers to: what is old or too much, or all of it. */
void page_cache_clean(struct page_cache *, bool all);

#endif
