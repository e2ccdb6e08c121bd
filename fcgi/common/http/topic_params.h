/*
 * topic_params.h - the topics of a request, from its path and its query.
 *
 * Subscriptions and posts share this mapping:
 *
 *	path   the part behind base_path, else the part behind SCRIPT_NAME, else
 *	       PATH_INFO, with %HH decoded. It has no empty segment, thus no
 *	       slash at its end.
 *	query  each topic=, topic[]= and topic[0]= (PHP and others write a list
 *	       so), exactly as it is.
 *
 * A request that names no topic means TOPIC_DEFAULT. But a request with topics=
 * is refused with a hint, since its sender meant another topic.
 */
#ifndef PGFEED_TOPIC_PARAMS_H
#define PGFEED_TOPIC_PARAMS_H

#include "http/query.h"

/* Variables of the request (RFC 3875), "" when they are missing. */
struct topic_path {
	const char *uri;         /* REQUEST_URI */
	const char *script_name; /* SCRIPT_NAME */
	const char *path_info;   /* PATH_INFO */
};

/*
 * Adds the topic or pattern in the path to b, decoded and not checked. Adds
 * nothing when the path ends with the base.
 */
void topic_path_add(
    struct buf *b, const char *base_path, const struct topic_path *);

/*
 * Returns NULL if the n bytes at s are a valid topic of a path (or, with
 * pattern, a topic or pattern), else a sentence for the client.
 */
const char *topic_path_wrong(const char *s, size_t n, bool pattern);

/*
 * Returns the first pair behind after that names a topic, or NULL. NULL as
 * after means the first of all.
 */
const struct param *topic_param_next(
    const struct query *, const struct param *after);

/*
 * Checks a query that names no topic. Returns NULL when the request means
 * TOPIC_DEFAULT, else a sentence for the client.
 */
const char *topic_params_hint(const struct query *);

#endif
