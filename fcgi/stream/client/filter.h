/*
 * filter.h - what a stream wants: topics and a format; and who wants an event.
 *
 * Streams that want the same share one filter, and so one encoded batch per
 * turn. The set of filters finds those that take a topic without looking at
 * the others: one look-up for the topic and one for each of its prefixes.
 */
#ifndef PGFEED_FILTER_H
#define PGFEED_FILTER_H

#include <sys/queue.h>

#include "feed/topic.h"
#include "stream/source/feed_event.h"
#include "base/siphash.h"

struct stream;

/* How events look on the wire: streams that share a filter share that too. */
struct shape {
	enum format format;
	uint8_t pad; /* a write fills whole units of so many RECORD_PADDED */
	bool brief;  /* it ends with the first events */
	/* FORMAT_POLL: header lines for a page of another origin,
	 * "" or NULL for none. */
	const char *cors;
};

LIST_HEAD(stream_list, stream);

struct filter {
	char *key; /* shape and cors, then the sorted patterns, each behind a LF */
	struct topic_set
	    topics;         /* its key is the part of key behind the shape */
	enum format format; /* the shape's, as it is asked for so often */
	struct shape shape; /* its cors belongs to the filter */
	unsigned refs;
	/* Streams that have had everything so far. */
	struct stream_list live; /* at the feed's own position */
	struct stream_list apart;   /* with a position of their own */
	/* Entries of this turn that it takes, by sequence number. */
	uint64_t *fresh;
	size_t n_fresh, cap_fresh;
	TAILQ_ENTRY(filter) in_turn; /* when n_fresh > 0 */
	UT_hash_handle hh;
};

TAILQ_HEAD(filter_list, filter);

struct filters;

struct filters *filters_new(void);
void filters_free(struct filters *);
size_t filters_count(struct filters *);

/*
 * The filter for these valid patterns (1 or more, in any order, doubles
 * allowed) in that shape, with a reference for the caller. NULL: no memory.
 */
struct filter *filter_get(
    struct filters *, struct shape, const char *const *pattern, size_t n);
void filter_unref(struct filters *, struct filter *);

/* Returns the first of the event's topics that it takes, or NULL. */
const char *filter_topic(const struct filter *, const struct feed_event *);

/*
 * Notes entry seq, e, with every filter that takes one of its topics; those that had none
 * before are added to turn, with a reference. False when memory ran out on the way: a filter
 * may have missed it.
 */
bool filters_note(struct filters *, const struct feed_event *e, uint64_t seq,
    struct filter_list *turn) MUSTCHECK;

/* Its fresh entries have been written: takes it off the turn's list. */
void filter_end_turn(
    struct filters *, struct filter *, struct filter_list *turn);

#endif
