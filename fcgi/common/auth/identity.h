/*
 * identity.h - who sent this request?
 *
 * What is believed is in the configuration (option identity), in this order:
 *
 *	remote_user  REMOTE_USER, which the web server has checked, in a way
 *	             (AUTH_TYPE) that auth_types lists if it lists any
 *	jwt          a token: Authorization: Bearer, else the cookie that
 *	             jwt_cookie names, else access_token in the query
 *	             (RFC 6750 section 2.3), for EventSource has no headers
 *
 * Else it is anonymous. What a client can set by itself is never believed:
 * X-Remote-User and the like come as HTTP_X_REMOTE_USER, which nobody reads.
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
	int64_t expires; /* when the token does, Unix seconds; 0: never */
};

enum identity_result {
	IDENTITY_OK = 0,
	IDENTITY_REFUSED, /* a token or a name that is not good: 401 */
	IDENTITY_NO_MEMORY,
};

struct identities;

/*
 * What the configuration believes, with its keys. Exits with a message when
 * those can't be had: this is start-up.
 */
struct identities *identities_new(const struct config *);
void identities_free(struct identities *);

/* Whether somebody anonymous could become somebody with a token. */
bool identities_take_tokens(const struct identities *);

/*
 * Fills in out, for identity_fini(). query may be NULL: then nothing in it
 * counts. On IDENTITY_REFUSED *why is a sentence for the answer, with nothing of
 * the token in it. Any thread may call this. A key file that has changed is read
 * again; one that is not good then leaves the keys as they were.
 */
enum identity_result identity_find(struct identities *, const struct request *,
    const struct query *query, struct identity *out,
    const char **why) MUSTCHECK;

void identity_fini(struct identity *);

#endif
