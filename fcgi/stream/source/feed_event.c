/*
 * feed_event.c - one event as the gateway keeps it.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

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
feed_event_new(int64_t id, int64_t at_us, const char *topic, const char *kind,
    const char *data, size_t n, const char *by, const char *position,
    int64_t last)
{
	size_t topic_len = strlen(topic), position_len = strlen(position);
	size_t kind_len = kind != NULL ? strlen(kind) : 0;
	size_t by_len = by != NULL ? strlen(by) : 0;
	struct feed_event *e;
	char *p;

	e = malloc(
	    sizeof(*e) + topic_len + kind_len + n + by_len + position_len + 5);
	if (e == NULL)
		return NULL;
	memset(e, 0, sizeof(*e));
	p = (char *)(e + 1);
	e->id = id;
	e->at_us = at_us;
	e->last = last;
	e->data_len = n;
	e->topic = put(&p, topic, topic_len);
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
	return sizeof(*e) + strlen(e->topic) + strlen(e->position) +
	       (e->kind != NULL ? strlen(e->kind) : 0) +
	       (e->by != NULL ? 2 * strlen(e->by) : 0) + 2 * e->data_len + 128;
}

/* RFC 3339 in UTC with microseconds. */
static void
add_time(struct buf *b, int64_t us)
{
	time_t seconds = (time_t)(us / 1000000);
	struct tm tm;

	if (us < 0 || gmtime_r(&seconds, &tm) == NULL) {
		buf_addstr(b, "1970-01-01T00:00:00.000000Z");
		return;
	}
	buf_addf(b, "%04d-%02d-%02dT%02d:%02d:%02d.%06dZ", tm.tm_year + 1900,
	    tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec,
	    (int)(us % 1000000));
}

const char *
feed_event_json(struct feed_event *e, size_t *n)
{
	struct buf b = BUF_INIT;

	if (e->json == NULL) {
		buf_addstr(&b, "{\"topic\":");
		buf_addjson(&b, e->topic, strlen(e->topic));
		if (e->id != 0)
			buf_addf(&b, ",\"id\":\"%lld\"", (long long)e->id);
		buf_addstr(&b, ",\"at\":\"");
		add_time(&b, e->at_us);
		buf_addstr(&b, "\",\"kind\":");
		if (e->kind != NULL)
			buf_addjson(&b, e->kind, strlen(e->kind));
		else
			buf_addstr(&b, "null");
		buf_addstr(&b, ",\"by\":");
		if (e->by != NULL)
			buf_addjson(&b, e->by, strlen(e->by));
		else
			buf_addstr(&b, "null");
		buf_addstr(&b, ",\"data\":");
		buf_addjson(&b, e->data, e->data_len);
		buf_addc(&b, '}');
		if (buf_failed(&b)) {
			buf_fini(&b);
			return NULL;
		}
		e->json = b.data;
		e->json_len = b.len;
	}
	*n = e->json_len;
	return e->json;
}

void
feed_event_add_sse(struct buf *b, struct feed_event *e, enum format format,
    const char *position)
{
	const char *json;
	size_t n;

	if (format == FORMAT_RAW) {
		sse_add_event(b, position, e->kind, e->data, e->data_len);
		return;
	}
	json = feed_event_json(e, &n);
	if (json == NULL)
		b->failed = true;
	else
		sse_add_event(b, position, NULL, json, n);
}
