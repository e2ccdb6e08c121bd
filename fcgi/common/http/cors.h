/*
 * cors.h - header lines for pages of another origin (Fetch Standard, CORS).
 *
 * The option origins lists the origins. A page of a listed origin may send and
 * read the same as a page of pgfeed's own origin, with cookies. No answer ever
 * names an origin that is not listed.
 */
#ifndef PGFEED_CORS_H
#define PGFEED_CORS_H

#include "base/buf.h"
#include "config/config.h"

/* Returns the entry of the option origins that is equal to origin, or NULL. */
const char *cors_listed(const struct config *, const char *origin);

/*
 * Adds the lines of every answer: Vary if the option lists any origin, and the
 * permission to read the answer if the option lists this one. origin is the
 * request's Origin, or "". The text is never NULL afterwards, unless memory ran
 * out.
 */
void cors_add(struct buf *, const struct config *, const char *origin);

/*
 * Adds the further lines of the answer to a preflight request; none if origin
 * is not listed. asked is the value of Access-Control-Request-Headers.
 */
void cors_add_preflight(
    struct buf *, const struct config *, const char *origin, const char *asked);

#endif
