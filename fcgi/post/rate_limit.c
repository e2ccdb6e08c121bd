/*
 * rate_limit.c - token buckets: posts per second of an address or a user.
 *
 * A bucket is one number (the generic cell rate algorithm, ITU-T I.371): the
 * time when the bucket will be full if no post comes. Each post adds the time
 * that one token takes to flow in. The number must not get further ahead than
 * the burst.
 *
 * Always: the table is in the order of last use, the oldest first.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/siphash.h"
#include "post/rate_limit.h"
#include "base/log.h"


struct bucket {
	int64_t full_us;
	UT_hash_handle hh;
	char key[]; /* as long as the table's entry says */
};

struct rate_limit {
	const char *what;
	int64_t rate;
	/* time for one token to flow in, and for all */
	int64_t one_us, burst_us;

	pthread_mutex_t mutex; /* protects the members below */
	struct bucket *table;
	struct log_limit complaint;
};

struct rate_limit *
rate_limit_new(const char *what, int64_t rate, int64_t burst)
{
	struct rate_limit *l;

	if (rate == 0)
		return NULL;
	l = calloc(1, sizeof(*l));
	if (l == NULL)
		log_fatal("could not start: out of memory");
	l->what = what;
	l->rate = rate;
	l->one_us = 1000000 / rate;
	l->burst_us = burst * l->one_us;
	pthread_mutex_init(&l->mutex, NULL);
	return l;
}

static void
forget(struct rate_limit *l, struct bucket *b)
{
	HASH_DEL(l->table, b);
	free(b);
}

void
rate_limit_free(struct rate_limit *l)
{
	if (l == NULL)
		return;
	while (l->table != NULL)
		forget(l, l->table);
	pthread_mutex_destroy(&l->mutex);
	free(l);
}

/*
 * Returns the bucket of a key and moves it to the table's end, or NULL without
 * memory.
 */
static struct bucket *
find(struct rate_limit *l, const void *key, size_t n)
{
	struct bucket *b;

	HASH_FIND(hh, l->table, key, n, b);
	if (b != NULL)
		HASH_DEL(l->table, b);
	else {
		if (HASH_COUNT(l->table) == LIMIT_KEYS)
			forget(l, l->table);
		b = calloc(1, sizeof(*b) + n);
		if (b == NULL)
			return NULL;
		memcpy(b->key, key, n);
	}
	HASH_ADD_KEYPTR(hh, l->table, b->key, n, b);
	return b;
}

/* Logs refusals, at most once a second. */
static void
complain(struct rate_limit *l, const char *name, int64_t now)
{
	uint64_t refused = log_limit_take(&l->complaint, 1, now);

	if (refused > 0)
		log_warning("%s \"%s\": more than %lld posts a second (%llu refused)",
		    l->what, name, (long long)l->rate,
		    (unsigned long long)refused);
}

int64_t
rate_limit_take(struct rate_limit *l, const void *key, size_t n,
    const char *name, int64_t now)
{
	int64_t over = 0, full;
	struct bucket *b;

	if (l == NULL)
		return 0;
	pthread_mutex_lock(&l->mutex);
	b = find(l, key, n);
	if (b != NULL) {
		full = MAX(b->full_us, now * 1000) + l->one_us;
		over = full - (now * 1000 + l->burst_us);
		if (over <= 0)
			b->full_us = full;
		else
			complain(l, name, now);
	}
	pthread_mutex_unlock(&l->mutex);
	return over > 0 ? (over + 999) / 1000 : 0;
}
