/*
 * feed.h - takes the bytes of one stream apart, however they are cut.
 *
 *	FastCGI records --> head --> body --> SSE lines --> events
 *	                    head --> chunks (RFC 9112, 7.1) ^
 *
 * Lines end in LF or CRLF; a CR of its own, which nobody here sends, is not
 * taken for a line end. The id of an event counts when its blank line is read
 * (HTML standard, 9.2.6), so a stream that is cut resumes before the event
 * that was cut.
 */
#ifndef BENCH_FEED_H
#define BENCH_FEED_H

#include "base/buf.h"

enum feed_kind {
	FEED_HTTP,    /* a web server's answer */
	FEED_FASTCGI, /* records of a FastCGI responder, request id 1 */
};

struct feed_event {
	const char *type; /* NULL when there was none */
	const char *data; /* NUL-terminated */
	size_t len;
};

typedef void feed_cb(void *arg, const struct feed_event *);

struct feed {
	enum feed_kind kind;
	unsigned char state, record_type, head_bytes;
	unsigned char head[8];
	bool in_body, chunked, ended;
	int status; /* of the answer, 0 before the head is read */
	int64_t retry_ms;
	size_t left;    /* of the record or chunk */
	size_t padding; /* behind the record */
	size_t chunk_left;
	unsigned char chunk_state;
	struct buf line; /* begun, or the head */
	struct buf type, data, id;
	struct buf last_id; /* of the last whole event */
	bool has_id, has_data;
};

/* Before the first connection, and after the last. */
void feed_init(struct feed *, enum feed_kind);
void feed_fini(struct feed *);

/* A new connection: forgets everything but last_id and retry_ms. */
void feed_reset(struct feed *);

/*
 * Takes n bytes and calls cb for each whole event, comments and ids left out.
 * ended is set when the answer ended in order. -1 when it makes no sense.
 */
int feed_take(struct feed *, const char *s, size_t n, feed_cb *cb, void *arg);

#endif
