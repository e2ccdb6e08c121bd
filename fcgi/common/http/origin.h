/*
 * origin.h - which pages may post, and where a form's answer may lead.
 *
 * A browser says on whose behalf it posts: Sec-Fetch-Site and Origin can't be
 * set by a page (Fetch Standard, forbidden request headers). Whoever sends
 * neither is no browser of today; a Referer is then all there is to go by.
 * What a proxy says about the host (X-Forwarded-*) can be said by anybody
 * and is never asked.
 */
#ifndef PGFEED_ORIGIN_H
#define PGFEED_ORIGIN_H

#include "base/buf.h"
#include "config/config.h"

/* The headers that matter; "" when they are not there. */
struct origin_source {
	const char *host;       /* HTTP_HOST */
	bool https;             /* the web server itself speaks TLS here */
	const char *origin;     /* HTTP_ORIGIN */
	const char *fetch_site; /* HTTP_SEC_FETCH_SITE */
	const char *referer;    /* HTTP_REFERER */
};

enum origin_verdict {
	ORIGIN_SAME,    /* our own pages, or no page at all */
	ORIGIN_ALLOWED, /* listed in the option origins */
	ORIGIN_FOREIGN,
};

/* Judges a request by the headers above and the option origins. */
enum origin_verdict origin_judge(
    const struct config *, const struct origin_source *);

/*
 * Adds to b, as the value of a Location header, a path on this host that next
 * leads to: next is a path, or a URL of the same origin. Returns false, and
 * leaves b alone, when it leads elsewhere or is not a URL.
 */
bool origin_redirect(
    struct buf *b, const struct origin_source *, const char *next, size_t n);

#endif
