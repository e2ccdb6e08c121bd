/*
 * origin.h - CSRF protection: the origins that may post, and safe redirects.
 *
 * A browser names the page that posts in Sec-Fetch-Site and Origin, which no
 * page can set (Fetch Standard, forbidden request headers). A client that sends
 * neither is not a current browser; the Referer alone decides then. A proxy's
 * statements about the host (X-Forwarded-*) are ignored, since any client can
 * send them.
 */
#ifndef PGFEED_ORIGIN_H
#define PGFEED_ORIGIN_H

#include "base/buf.h"
#include "config/config.h"

/* Values of the request's headers, "" for one that is missing. */
struct origin_source {
	const char *host;       /* HTTP_HOST */
	bool https;             /* the web server itself speaks TLS */
	const char *origin;     /* HTTP_ORIGIN */
	const char *fetch_site; /* HTTP_SEC_FETCH_SITE */
	const char *referer;    /* HTTP_REFERER */
};

enum origin_result {
	ORIGIN_SAME,    /* a page of pgfeed's own origin, or no page at all */
	ORIGIN_ALLOWED, /* listed in the option origins */
	ORIGIN_FOREIGN,
};

/* Classifies a request by the headers above and the option origins. */
enum origin_result origin_check(
    const struct config *, const struct origin_source *);

/*
 * Adds to b, as the value of a Location header, the path on this host that next
 * names: a path, or a URL of the same origin. Returns false, and leaves b
 * alone, when next names another host or is not a URL.
 */
bool origin_redirect(
    struct buf *b, const struct origin_source *, const char *next, size_t n);

#endif
