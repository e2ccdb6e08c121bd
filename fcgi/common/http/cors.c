/*
 * cors.c - header lines for pages of another origin (Fetch Standard, CORS).
 */
#include <string.h>

#include "http/cors.h"

/* Header fields that a preflight may use when its own list is malformed. */
#define FIELDS                                                     \
	"Authorization, Cache-Control, Content-Type, HX-Request, " \
	"Idempotency-Key, Last-Event-ID, X-Requested-With"
#define ASKED_MAX_BYTES 1024

const char *
cors_listed(const struct config *c, const char *origin)
{
	for (size_t i = 0; i < c->origins.n; i++) {
		if (strcmp(c->origins.item[i], origin) == 0)
			return c->origins.item[i];
	}
	return NULL;
}

void
cors_add(struct buf *b, const struct config *c, const char *origin)
{
	const char *listed = cors_listed(c, origin);

	buf_addstr(b, c->origins.n > 0 ? "Vary: Origin\r\n" : "");
	if (listed != NULL)
		buf_addf(b,
		    "Access-Control-Allow-Origin: %s\r\n"
		    "Access-Control-Allow-Credentials: true\r\n"
		    "Access-Control-Expose-Headers: Retry-After\r\n",
		    listed);
}

/* Returns whether s is a list of header names (RFC 9110 section 5.6.2). */
static bool
is_name_list(const char *s)
{
	size_t n = strlen(s);

	return n > 0 && n <= ASKED_MAX_BYTES &&
	       strspn(s,
		   "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_, ") ==
		   n;
}

/*
 * Allows every header field that the page names. htmx, Turbo, axios, Sentry and
 * others each send their own; the origin is trusted, and pgfeed ignores fields
 * that it does not know.
 */
void
cors_add_preflight(struct buf *b, const struct config *c, const char *origin,
    const char *asked)
{
	if (cors_listed(c, origin) == NULL)
		return;
	buf_addf(b,
	    "Access-Control-Allow-Methods: GET, HEAD, POST\r\n"
	    "Access-Control-Allow-Headers: %s\r\n"
	    "Access-Control-Max-Age: 600\r\n",
	    is_name_list(asked) ? asked : FIELDS);
}
