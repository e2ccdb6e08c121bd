/*
 * publish_request.h - from what a request brings to the event that it means.
 *
 * Pure: strings in, an event or a reason against it out.
 *
 *	topic  path, else field _topic, else topic in the query
 *	       (http/topic_params.h)
 *	kind   field _kind, else kind in the query
 *	key    Idempotency-Key, else field _key, else key in the query
 *	next   field _next, else next in the query
 *	token  the field that the option form_token names
 *	data   JSON or text: the body, byte for byte
 *	       form: all other fields as one JSON object, in their order,
 *	       repeated names as an array; but a field "data" that is the only
 *	       one is the payload, byte for byte
 *
 * A field is one of a form. An empty topic, kind, key or next is none. One that
 * is there several times has the same value each time.
 */
#ifndef PGFEED_PUBLISH_REQUEST_H
#define PGFEED_PUBLISH_REQUEST_H

#include "base/buf.h"
#include "config/config.h"
#include "http/topic_params.h"
#include "process/post_counters.h"

#define KIND_MAX_BYTES 64
#define KEY_MAX_BYTES  255
#define NEXT_MAX_BYTES 2048 /* escaped, it fits into any web server's header */

/* What a POST brought; strings are "" when they are not there. */
struct publish_request_source {
	struct topic_path path;
	const char *query;        /* QUERY_STRING */
	const char *content_type; /* CONTENT_TYPE */
	const char *key;          /* HTTP_IDEMPOTENCY_KEY */
	const char *body;
	size_t body_len;
};

struct publish_request {
	struct buf topic;
	struct buf kind;  /* empty: none */
	struct buf key;   /* empty: none */
	struct buf next;  /* empty: none */
	struct buf token; /* of the form, see form_token.h */
	struct buf data;
};

/* Why not, as a status with a sentence for the client, and how it counts. */
struct fault {
	int status;
	enum outcome outcome;
	char detail[256];
};

void publish_request_init(struct publish_request *);
void publish_request_fini(struct publish_request *);

/*
 * How many bytes a body of this type may have; 0, with the fault filled in,
 * when the type is not taken.
 */
size_t draft_body_limit(const struct config *, const char *content_type,
    const char *content_encoding, struct fault *);

/* Fills in the draft; returns 0, or -1 with the fault filled in. */
int publish_request_parse(struct publish_request *, const struct config *,
    const struct publish_request_source *, struct fault *) MUSTCHECK;

#endif
