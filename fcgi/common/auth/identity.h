/*
 * identity.h - authentication: the user of a request.
 *
 * The option identity lists the sources of the user's name, in this order of
 * precedence:
 *
 *	remote_user  REMOTE_USER, the user that the web server has authenticated;
 *	             AUTH_TYPE must be one of auth_types, if that is not empty
 *	jwt          a token: Authorization: Bearer, else the cookie jwt_cookie,
 *	             else access_token in the query (RFC 6750 section 2.3), since
 *	             EventSource sends no headers of the page's choice
 *
 * A request without any of these is anonymous. A header of the client never
 * counts: X-Remote-User arrives as HTTP_X_REMOTE_USER, which no code reads.
 */
#ifndef PGFEED_IDENTITY_H
#define PGFEED_IDENTITY_H

#include "config/config.h"
#include "http/query.h"
#include "fastcgi/request.h"

/* Answers with 401 carry one of these (RFC 6750 section 3). */
#define IDENTITY_CHALLENGE "WWW-Authenticate: Bearer realm=\"pgfeed\"\r\n"
#define IDENTITY_CHALLENGE_BAD                        \
	"WWW-Authenticate: Bearer realm=\"pgfeed\", " \
	"error=\"invalid_token\"\r\n"

struct identity {
	char *who;       /* the user's name, or NULL: anonymous */
	char *claims;    /* the token's claims as one JSON object, else "{}" */
	int64_t expires; /* first second without the token; 0: none */
};

enum identity_result {
	IDENTITY_OK = 0,
	IDENTITY_REFUSED, /* an invalid token or name: 401 */
	IDENTITY_NO_MEMORY,
};

struct identities;

/*
 * Returns the configured sources of identity, with the keys for tokens. Exits
 * with a message when the keys cannot be read. For start-up only.
 */
struct identities *identities_new(const struct config *);
void identities_free(struct identities *);

/* Returns whether the option identity includes tokens. */
bool identities_take_tokens(const struct identities *);

/*
 * Finds the user of a request and fills in *out, which the caller releases with
 * identity_fini(). query may be NULL: a token in the query is then ignored. On
 * IDENTITY_REFUSED *why is a sentence for the answer, without any part of the
 * token. Any thread may call this function. It reads the key file again when the
 * file has changed; an invalid file leaves the keys as they were.
 */
enum identity_result identity_find(struct identities *, const struct request *,
    const struct query *query, struct identity *out,
    const char **why) MUSTCHECK;

void identity_fini(struct identity *);

#endif
