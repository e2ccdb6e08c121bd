/*
 * feed_event.c - one event as the gateway keeps it.
 */
#include <stdlib.h>
#include <string.h>

#include "stream/source/feed_event.h"
#include "http/sse.h"

static const char *
put(char **p, const char *s, size_t n)
{
	char *at = *p;

	memcpy(at, s, n);
	at[n] = '\0';
	*p += n + 1;
	return at;
}

struct feed_event *
feed_event_new(int64_t id, int64_t at_us, const char *topic, const char *also,
    const char *kind, const char *data, size_t n, const char *by,
    const char *position, int64_t last)
{
	size_t topic_len = strlen(topic), position_len = strlen(position);
	size_t also_len = also != NULL ? strlen(also) : 0;
	size_t kind_len = kind != NULL ? strlen(kind) : 0;
	size_t by_len = by != NULL ? strlen(by) : 0;
	struct feed_event *e;
	char *p;

	e = malloc(sizeof(*e) + topic_len + also_len + kind_len + n + by_len +
		   position_len + 7);
	if (e == NULL)
		return NULL;
	memset(e, 0, sizeof(*e));
	p = (char *)(e + 1);
	e->id = id;
	e->at_us = at_us;
	e->last = last;
	e->data_len = n;
	e->topic = put(&p, topic, topic_len);
	if (also_len > 0) { /* a NUL behind each, and one behind all of them */
		char *list = p;

		e->also = put(&p, also, also_len);
		*p++ = '\0';
		while ((list = strchr(list, '\n')) != NULL)
			*list++ = '\0';
	}
	e->kind = kind != NULL ? put(&p, kind, kind_len) : NULL;
	e->data = put(&p, data, n);
	e->by = by != NULL ? put(&p, by, by_len) : NULL;
	e->position = put(&p, position, position_len);
	return e;
}

void
feed_event_free(struct feed_event *e)
{
	if (e == NULL)
		return;
	free(e->json);
	free(e);
}

size_t
feed_event_size(const struct feed_event *e)
{
	/*
	 * All data but the struct lies in one piece, up to the end of position.
	 */
	return sizeof(*e) +
	       (size_t)(e->position + strlen(e->position) - e->topic) +
	       e->data_len + (e->by != NULL ? strlen(e->by) : 0) + 128;
}

static void
add_object(struct buf *b, const struct feed_event *e, const char *topic)
{
	buf_addstr(b, "{\"topic\":");
	buf_addjson(b, topic, strlen(topic));
	if (e->id != 0)
		buf_addf(b, ",\"id\":\"%lld\"", (long long)e->id);
	buf_addstr(b, ",\"at\":\"");
	buf_addtime(b, e->at_us);
	buf_addstr(b, "\",\"kind\":");
	if (e->kind != NULL)
		buf_addjson(b, e->kind, strlen(e->kind));
	else
		buf_addstr(b, "null");
	buf_addstr(b, ",\"by\":");
	if (e->by != NULL)
		buf_addjson(b, e->by, strlen(e->by));
	else
		buf_addstr(b, "null");
	buf_addstr(b, ",\"data\":");
	buf_addjson(b, e->data, e->data_len);
	buf_addc(b, '}');
}

/* Keeps the object with the first topic. Returns false without memory. */
static bool
keep_json(struct feed_event *e)
{
	struct buf b = BUF_INIT;

	if (e->json != NULL)
		return true;
	add_object(&b, e, e->topic);
	if (buf_failed(&b)) {
		buf_fini(&b);
		return false;
	}
	e->json = b.data;
	e->json_len = b.len;
	return true;
}

void
feed_event_add_json(struct buf *b, struct feed_event *e, const char *topic)
{
	if (topic != e->topic)
		add_object(b, e, topic);
	else if (keep_json(e))
		buf_add(b, e->json, e->json_len);
	else
		b->failed = true;
}

void
feed_event_add_sse(struct buf *b, struct feed_event *e, const char *topic,
    enum format format, const char *position)
{
	struct buf json = BUF_INIT;

	if (format == FORMAT_RAW) {
		sse_add_event(b, position, e->kind, e->data, e->data_len);
		return;
	}
	if (topic == e->topic && keep_json(e)) {
		sse_add_event(b, position, NULL, e->json, e->json_len);
		return;
	}
	add_object(&json, e, topic);
	if (buf_failed(&json))
		b->failed = true;
	else
		sse_add_event(b, position, NULL, json.data, json.len);
	buf_fini(&json);
}
