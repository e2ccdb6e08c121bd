/*
 * filter.c - what a stream wants, and who wants an event.
 */
#include <stdlib.h>
#include <string.h>

#include "stream/client/filter.h"
#include "base/log.h"
#include "feed/topic.h"

#define FRESH_KEPT 64 /* more room than this is given back after a turn */

/* A topic, or a prefix without its star, and the filters that name it. */
struct route {
	char *name;
	struct filter **filter;
	size_t n, cap;
	UT_hash_handle hh;
};

struct filters {
	struct filter *all;
	struct route *exact;
	struct route *prefix;
	size_t longest_prefix; /* bytes of the longest so far */
};

struct filters *
filters_new(void)
{
	struct filters *fs = calloc(1, sizeof(*fs));

	if (fs == NULL)
		log_fatal("out of memory");
	return fs;
}

void
filters_free(struct filters *fs)
{
	struct filter *f, *next;

	HASH_ITER (hh, fs->all, f, next) {
		f->refs = 1;
		filter_unref(fs, f);
	}
	free(fs);
}

size_t
filters_count(struct filters *fs)
{
	return HASH_COUNT(fs->all);
}

static struct route **
route_table(struct filters *fs, const char *pattern, size_t *n)
{
	*n = strlen(pattern);
	if (!topic_is_prefix(pattern, *n))
		return &fs->exact;
	*n -= 1; /* the star */
	return &fs->prefix;
}

static bool
add_route(struct filters *fs, const char *pattern, struct filter *f)
{
	size_t n, cap;
	struct route **table = route_table(fs, pattern, &n), *r;
	struct filter **p;

	HASH_FIND(hh, *table, pattern, n, r);
	if (r == NULL) {
		r = calloc(1, sizeof(*r));
		if (r == NULL || (r->name = strndup(pattern, n)) == NULL) {
			free(r);
			return false;
		}
		HASH_ADD_KEYPTR(hh, *table, r->name, n, r);
		if (table == &fs->prefix)
			fs->longest_prefix = MAX(fs->longest_prefix, n);
	}
	if (r->n == r->cap) {
		cap = r->cap == 0 ? 2 : r->cap * 2;
		p = realloc(r->filter, cap * sizeof(struct filter *));
		if (p == NULL)
			return false;
		r->filter = p;
		r->cap = cap;
	}
	r->filter[r->n++] = f;
	return true;
}

static void
remove_route(struct filters *fs, const char *pattern, struct filter *f)
{
	size_t n, i;
	struct route **table = route_table(fs, pattern, &n), *r;

	HASH_FIND(hh, *table, pattern, n, r);
	if (r == NULL)
		return;
	for (i = 0; i < r->n; i++) {
		if (r->filter[i] == f) {
			r->filter[i] = r->filter[--r->n];
			break;
		}
	}
	if (r->n == 0) {
		HASH_DEL(*table, r);
		free(r->filter);
		free(r->name);
		free(r);
	}
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The key for sorted patterns; NULL: no memory. */
static char *
make_key(struct shape shape, const char *const *pattern, size_t n)
{
	struct buf b = BUF_INIT;

	buf_addc(&b, (char)('0' + shape.format));
	buf_addc(&b, (char)((shape.brief ? 'a' : 'A') + shape.pad));
	for (const char *s = shape.cors; *s != '\0'; s++) {
		if (*s != '\r' && *s != '\n')
			buf_addc(&b, *s);
	}
	for (size_t i = 0; i < n; i++) {
		if (i > 0 && strcmp(pattern[i], pattern[i - 1]) == 0)
			continue;
		buf_addc(&b, '\n');
		buf_addstr(&b, pattern[i]);
	}
	if (buf_failed(&b))
		buf_fini(&b);
	return b.data;
}

static void
free_filter(struct filters *fs, struct filter *f)
{
	for (size_t i = 0; i < f->topics.n; i++) {
		remove_route(fs, f->topics.pattern[i], f);
		free(f->topics.pattern[i]);
	}
	free(f->topics.pattern);
	free((char *)f->shape.cors);
	free(f->fresh);
	free(f->key);
	free(f);
}

/* Takes over key. */
static struct filter *
new_filter(struct filters *fs, struct shape shape, char *key)
{
	struct filter *f = calloc(1, sizeof(*f));
	const char *p;
	size_t n = 0;

	if (f == NULL) {
		free(key);
		return NULL;
	}
	f->key = key;
	f->topics.key = strchr(key, '\n');
	f->format = shape.format;
	f->shape = shape;
	f->shape.cors = strdup(shape.cors);
	LIST_INIT(&f->live);
	LIST_INIT(&f->apart);
	for (p = key; (p = strchr(p, '\n')) != NULL; p++)
		n++;
	f->topics.pattern = calloc(n, sizeof(*f->topics.pattern));
	for (p = key;
	     f->topics.pattern != NULL && (p = strchr(p, '\n')) != NULL;) {
		char *s = strndup(p + 1, strcspn(p + 1, "\n"));

		p++;
		if (s == NULL)
			break;
		f->topics.pattern[f->topics.n++] = s;
		if (!add_route(fs, s, f))
			break;
	}
	if (f->topics.n < n || f->topics.pattern == NULL ||
	    f->shape.cors == NULL) {
		free_filter(fs, f);
		return NULL;
	}
	HASH_ADD_KEYPTR(hh, fs->all, f->key, strlen(f->key), f);
	return f;
}

struct filter *
filter_get(struct filters *fs, struct shape shape, const char *const *pattern,
    size_t n)
{
	const char **sorted = calloc(n, sizeof(*sorted));
	struct filter *f = NULL;
	char *key;

	if (sorted == NULL)
		return NULL;
	if (shape.cors == NULL)
		shape.cors = "";
	memcpy(sorted, pattern, n * sizeof(*sorted));
	qsort(sorted, n, sizeof(*sorted), by_name);
	key = make_key(shape, sorted, n);
	free(sorted);
	if (key == NULL)
		return NULL;
	HASH_FIND(hh, fs->all, key, strlen(key), f);
	if (f != NULL)
		free(key);
	else
		f = new_filter(fs, shape, key);
	if (f != NULL)
		f->refs++;
	return f;
}

void
filter_end_turn(struct filters *fs, struct filter *f, struct filter_list *turn)
{
	TAILQ_REMOVE(turn, f, in_turn);
	f->n_fresh = 0;
	if (f->cap_fresh > FRESH_KEPT) {
		free(f->fresh);
		f->fresh = NULL;
		f->cap_fresh = 0;
	}
	filter_unref(fs, f);
}

void
filter_unref(struct filters *fs, struct filter *f)
{
	if (--f->refs > 0)
		return;
	HASH_DEL(fs->all, f);
	free_filter(fs, f);
}

static bool
takes(const struct filter *f, const char *topic)
{
	for (size_t i = 0; i < f->topics.n; i++) {
		if (topic_matches(f->topics.pattern[i], topic))
			return true;
	}
	return false;
}

const char *
filter_topic(const struct filter *f, const struct feed_event *e)
{
	const char *topic = e->topic;

	while (topic != NULL && !takes(f, topic))
		topic = feed_event_next_topic(e, topic);
	return topic;
}

static bool
note(struct filter *f, uint64_t seq, struct filter_list *turn)
{
	size_t cap;
	uint64_t *p;

	if (LIST_EMPTY(&f->live) && LIST_EMPTY(&f->apart))
		return true;
	/* It may take several of the topics, or one by two patterns. */
	if (f->n_fresh > 0 && f->fresh[f->n_fresh - 1] == seq)
		return true;
	if (f->n_fresh == f->cap_fresh) {
		cap = f->cap_fresh == 0 ? 4 : f->cap_fresh * 2;
		p = realloc(f->fresh, cap * sizeof(*p));
		if (p == NULL)
			return false;
		f->fresh = p;
		f->cap_fresh = cap;
	}
	if (f->n_fresh == 0) {
		TAILQ_INSERT_TAIL(turn, f, in_turn);
		f->refs++;
	}
	f->fresh[f->n_fresh++] = seq;
	return true;
}

static bool
note_route(struct route *table, const char *name, size_t n, uint64_t seq,
    struct filter_list *turn)
{
	struct route *r;
	bool ok = true;

	HASH_FIND(hh, table, name, n, r);
	for (size_t i = 0; r != NULL && i < r->n; i++)
		ok = note(r->filter[i], seq, turn) && ok;
	return ok;
}

static bool
note_topic(struct filters *fs, const char *topic, uint64_t seq,
    struct filter_list *turn)
{
	bool ok = note_route(fs->exact, topic, strlen(topic), seq, turn);
	size_t n = 0;
	const char *slash;

	if (fs->prefix == NULL)
		return ok;
	do {
		ok = note_route(fs->prefix, topic, n, seq, turn) && ok;
		slash = strchr(topic + n, '/');
		n = slash != NULL ? (size_t)(slash - topic) + 1 : 0;
	} while (n > 0 && n <= fs->longest_prefix);
	return ok;
}

bool
filters_note(struct filters *fs, const struct feed_event *e, uint64_t seq,
    struct filter_list *turn)
{
	bool ok = true;

	for (const char *topic = e->topic; topic != NULL;
	     topic = feed_event_next_topic(e, topic))
		ok = note_topic(fs, topic, seq, turn) && ok;
	return ok;
}
