/*
 * topic_params.h - the topics that a request names, in its path and its query.
 *
 * The one mapping, for subscriptions and for posts:
 *
 *	path   what follows base_path, else what follows SCRIPT_NAME, else
 *	       PATH_INFO, with %HH decoded. It has no empty segment, thus no
 *	       slash at its end.
 *	query  each topic=, topic[]= and topic[0]= (PHP and others write a list
 *	       so), exactly as it is.
 *
 * A request that names no topic means TOPIC_DEFAULT, but one that has topics=
 * instead is refused with a hint: its sender meant something else.
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
 * Adds the topic or pattern in the path to b, decoded and not yet checked;
 * nothing when the path ends with the base.
 */
void topic_path_add(
    struct buf *b, const char *base_path, const struct topic_path *);

/*
 * Returns what is wrong with the n bytes at s as a topic of a path (with
 * pattern: or as a pattern), a sentence for the client, or NULL.
 */
const char *topic_path_wrong(const char *s, size_t n, bool pattern);

/*
 * Returns the first pair that names a topic and follows after; the first of
 * all when after is NULL. NULL when there is none.
 */
const struct param *topic_param_next(
    const struct query *, const struct param *after);

/*
 * Returns what is wrong with a query that names no topic, a sentence for the
 * client, or NULL when the request means TOPIC_DEFAULT.
 */
const char *topic_params_hint(const struct query *);

#endif
