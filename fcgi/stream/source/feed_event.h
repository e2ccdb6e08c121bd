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
	int64_t id;    /* 0: a plain NOTIFY, which is not in the table */
	int64_t at_us; /* microseconds since 1970, from the database */
	int64_t last;  /* last of the position, for searching */
	uint64_t end;  /* bytes appended to the ring, this one included */
	size_t data_len;
	/* These lie behind the struct, in the same allocation. */
	const char *topic;
	const char *also; /* further topics, see feed_event_next_topic() */
	const char *kind; /* or NULL */
	const char *by;   /* name of the writer, or NULL */
	const char *data;
	const char *position; /* the feed's position right after this event */
	/* The event as JSON with its first topic, made when first wanted. */
	char *json;
	size_t json_len;
};

/*
 * Makes an event from copies of all that is given; NULL when there is no
 * memory. also has the further topics with a LF between two, or is NULL. last
 * belongs to position.
 */
struct feed_event *feed_event_new(int64_t id, int64_t at_us, const char *topic,
    const char *also, const char *kind, const char *data, size_t n,
    const char *by, const char *position, int64_t last);

void feed_event_free(struct feed_event *);

/* Bytes to charge for it: its own, and the JSON's whether made or not. */
size_t feed_event_size(const struct feed_event *);

/* Returns the topic after topic, which is one of the event's, or NULL. */
static inline const char *
feed_event_next_topic(const struct feed_event *e, const char *topic)
{
	if (topic == e->topic)
		return e->also;
	topic += strlen(topic) + 1;
	return *topic != '\0' ? topic : NULL;
}

/*
 * Adds {"topic","id","at","kind","by","data"}. topic is one of the event's: the
 * one that its reader has subscribed to.
 */
void feed_event_add_json(
    struct buf *, struct feed_event *, const char *topic);

/*
 * Adds the event as an SSE frame of that format, with topic as above. position
 * is the id line's text, or NULL for none.
 */
void feed_event_add_sse(struct buf *, struct feed_event *, const char *topic,
    enum format, const char *position);

#endif
