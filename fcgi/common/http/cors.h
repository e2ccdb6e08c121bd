/*
 * cors.h - header lines for pages of another origin (Fetch Standard, CORS).
 *
 * The option origins lists them. Such a page may send and read what a page of
 * pgfeed's own origin may, with cookies; no other origin is ever named.
 */
#ifndef PGFEED_CORS_H
#define PGFEED_CORS_H

#include "base/buf.h"
#include "config/config.h"

/* Returns the entry of the option origins that is equal to origin, or NULL. */
const char *cors_listed(const struct config *, const char *origin);

/*
 * Adds the lines of every answer: Vary where the option lists any origin, and
 * the permission to read the answer if it lists this one. origin: the value of
 * the request's Origin, "" without one. The text is never NULL afterwards,
 * unless memory ran out.
 */
void cors_add(struct buf *, const struct config *, const char *origin);

/*
 * Adds the further lines of the answer to a preflight request, none unless
 * origin is listed. asked: the value of Access-Control-Request-Headers.
 */
void cors_add_preflight(
    struct buf *, const struct config *, const char *origin, const char *asked);

#endif
