/*
 * feed_event.h - one event as the gateway keeps it, in the ring or in a page of
 * history.
 */
#ifndef PGFEED_FEED_EVENT_H
#define PGFEED_FEED_EVENT_H

#include <string.h>

#include "base/buf.h"

enum format {
	FORMAT_RAW,  /* SSE, data is the payload */
	FORMAT_JSON, /* SSE, data is one JSON object */
	FORMAT_POLL, /* one JSON answer */
};

struct feed_event {
	int64_t id;    /* 0: a plain NOTIFY, which has no row */
	int64_t at_us; /* microseconds since 1970, from the database */
	int64_t last;  /* last of the position, for binary search */
	/* bytes appended to the ring up to and including this event */
	uint64_t end;
	size_t data_len;
	/* Strings behind the struct, in the same allocation. */
	const char *topic;
	const char *also; /* further topics, see feed_event_next_topic() */
	const char *kind; /* or NULL */
	const char *by;   /* name of the writer, or NULL */
	const char *data;
	const char *position; /* the feed's position right after this event */
	/* The event as JSON with its first topic. NULL until the first use. */
	char *json;
	size_t json_len;
};

/*
 * Returns a new event with copies of the arguments, or NULL without memory.
 * also has the further topics with a LF between two, or is NULL. last belongs
 * to position.
 */
struct feed_event *feed_event_new(int64_t id, int64_t at_us, const char *topic,
    const char *also, const char *kind, const char *data, size_t n,
    const char *by, const char *position, int64_t last);

void feed_event_free(struct feed_event *);

/*
 * Returns the bytes to charge for the event. They include the JSON, made or
 * not.
 */
size_t feed_event_size(const struct feed_event *);

/* Returns the event's topic behind topic, or NULL. */
static inline const char *
feed_event_next_topic(const struct feed_event *e, const char *topic)
{
	if (topic == e->topic)
		return e->also;
	topic += strlen(topic) + 1;
	return *topic != '\0' ? topic : NULL;
}

/*
 * Adds {"topic","id","at","kind","by","data"}. topic is the topic of the event
 * that the reader has subscribed to.
 */
void feed_event_add_json(
    struct buf *, struct feed_event *, const char *topic);

/*
 * Adds the event as an SSE frame of that format, with topic as above. position
 * is the text of the id line, or NULL for none.
 */
void feed_event_add_sse(struct buf *, struct feed_event *, const char *topic,
    enum format, const char *position);

#endif
