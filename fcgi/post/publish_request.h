/*
 * publish_request.h - parser of POSTs: the event that a request publishes.
 *
 * The parser is pure: it turns strings into an event, or into a fault.
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
 * "Field" means a field of a form. An empty topic, kind, key or next counts as
 * missing. Repeated ones must have the same value.
 */
#ifndef PGFEED_PUBLISH_REQUEST_H
#define PGFEED_PUBLISH_REQUEST_H

#include "base/buf.h"
#include "config/config.h"
#include "http/topic_params.h"
#include "process/post_counters.h"

#define KIND_MAX_BYTES 64
#define KEY_MAX_BYTES  255
#define NEXT_MAX_BYTES 2048 /* fits, escaped, into any web server's header */

/* Values of the POST; "" for one that is missing. */
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
	struct buf token; /* field of the form, see form_token.h */
	struct buf data;
};

/*
 * A reason to refuse a request: status, sentence for the client, and counter.
 */
struct fault {
	int status;
	enum outcome outcome;
	char detail[256];
};

/* Fills in a fault, with the detail that printf() would print. Returns -1. */
int fault_set(struct fault *, int status, enum outcome, const char *fmt, ...)
    PRINTF(4, 5);

void publish_request_init(struct publish_request *);
void publish_request_fini(struct publish_request *);

/*
 * Returns the maximum bytes of a body of this type; 0, with the fault filled
 * in, when pgfeed does not accept the type.
 */
size_t publish_request_body_limit(const struct config *, const char *content_type,
    const char *content_encoding, struct fault *);

/* Parses a POST into *d. Returns 0, or -1 with the fault filled in. */
int publish_request_parse(struct publish_request *, const struct config *,
    const struct publish_request_source *, struct fault *) MUSTCHECK;

#endif
