/*
 * history_page.c - LRU cache of pages of history, shared by streams.
 *
 * Owner:  the cache owns its pages, streams hold references. A page with a
 *         reference stays, however old.
 */
#include <stdlib.h>
#include <string.h>

#include "stream/source/history_page.h"

#define CACHE_BYTES (16 * 1024 * 1024)
#define CACHE_MS    10000
#define LOCATE_MS   300 /* "the newest N" changes soon */

struct history_page *
history_page_new(
    enum history_page_kind kind, const char *key, const char *feed, size_t rows)
{
	struct history_page *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return NULL;
	p->kind = kind;
	p->key = strdup(key);
	p->feed = strdup(feed);
	p->entry = calloc(rows, sizeof(struct feed_event *));
	if (p->key == NULL || p->feed == NULL || p->entry == NULL) {
		history_page_free(p);
		return NULL;
	}
	return p;
}

void
history_page_free(struct history_page *p)
{
	if (p == NULL)
		return;
	for (size_t i = 0; i < p->n; i++)
		feed_event_free(p->entry[i]);
	free(p->entry);
	free(p->key);
	free(p->feed);
	free(p);
}

void
history_page_add(struct history_page *p, struct feed_event *e)
{
	p->entry[p->n++] = e;
	p->bytes += feed_event_size(e);
}

void
history_page_unref(struct history_page *p)
{
	p->refs--;
	p->used_ms = now_ms();
}

void
history_page_cache_init(struct history_page_cache *c)
{
	TAILQ_INIT(&c->pages);
	c->bytes = 0;
}

static void
drop(struct history_page_cache *c, struct history_page *p)
{
	TAILQ_REMOVE(&c->pages, p, in_cache);
	c->bytes -= p->bytes;
	history_page_free(p);
}

void
history_page_cache_fini(struct history_page_cache *c)
{
	struct history_page *p;

	while ((p = TAILQ_FIRST(&c->pages)) != NULL)
		drop(c, p);
}

void
history_page_cache_add(struct history_page_cache *c, struct history_page *p)
{
	p->used_ms = p->read_ms = now_ms();
	TAILQ_INSERT_HEAD(&c->pages, p, in_cache);
	c->bytes += p->bytes;
}

struct history_page *
history_page_cache_find(struct history_page_cache *c,
    enum history_page_kind kind, const char *key, int64_t last)
{
	struct history_page *p;

	TAILQ_FOREACH (p, &c->pages, in_cache) {
		if (p->kind == kind && strcmp(p->key, key) == 0 &&
		    (kind != HISTORY_PAGE_RANGE ||
			(p->from <= last && last < p->to)) &&
		    (kind != HISTORY_PAGE_LOCATE ||
			now_ms() - p->read_ms < LOCATE_MS))
			return p;
	}
	return NULL;
}

bool
history_page_cache_ends_at(struct history_page_cache *c,
    enum history_page_kind kind, const char *key, int64_t to)
{
	struct history_page *p;

	TAILQ_FOREACH (p, &c->pages, in_cache) {
		if (p->kind == kind && strcmp(p->key, key) == 0 && p->to == to)
			return true;
	}
	return false;
}

void
history_page_cache_clean(struct history_page_cache *c, bool all)
{
	struct history_page *p, *next;
	int64_t now = now_ms();

	for (p = TAILQ_FIRST(&c->pages); p != NULL; p = next) {
		next = TAILQ_NEXT(p, in_cache);
		if (p->refs == 0 && (all || now - p->used_ms > CACHE_MS ||
					c->bytes > CACHE_BYTES))
			drop(c, p);
	}
}
