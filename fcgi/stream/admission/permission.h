/*
 * permission.h - LRU cache of permissions, asked for without blocking.
 *
 * A permission is the answer of pgfeed.may_read for a user's name, claims and
 * set of topics. All streams that have these in common share it. The answer comes from pgfeed.may_read, counts for access_age, and
 * is then asked for again, as it is after a revocation.
 */
#ifndef PGFEED_PERMISSION_H
#define PGFEED_PERMISSION_H

#include <sys/queue.h>
#include <event2/event.h>

#include "config/config.h"
#include "stream/client/filter.h"
#include "auth/identity.h"
#include "base/hash_table.h"

struct permissions;

enum permission_answer {
	PERMISSION_UNKNOWN = 0,
	PERMISSION_GRANTED,
	PERMISSION_REFUSED,
	PERMISSION_FAILED /* the server could not tell: unknown, and not soon */
};

struct permission {
	struct hash_table_entry in_table; /* by key */
	TAILQ_ENTRY(permission) in_queue; /* that of its place */
	struct stream_list waiting; /* the hub's: streams not yet let in */
	const char *lost; /* during lost(): why its streams have to end */
	int64_t answered_ms;
	int64_t
	    revoked;    /* microseconds, when its user or token was; 0: never */
	uint64_t alias; /* of its user in revocations; 0: nobody, or unknown */
	unsigned refs;
	uint16_t n;     /* topics */
	uint8_t answer; /* enum permission_answer */
	uint8_t place;
	bool allowed;   /* so far, by the answer that is arriving */
	bool stale;     /* that answer is too old already */
	bool alone;     /* a question with it and others has failed */
	bool bad_token; /* refused since its token has been revoked */
	char key[];     /* each topic behind a LF; NUL, name; NUL, claims */
};

struct permission_calls {
	/* There is an answer for r, or it failed: its waiting streams go on. */
	void (*decided)(struct permission *r, void *arg);
	/* The streams of every permission with lost set have to end, for that. */
	void (*lost)(void *arg);
	/* The database is away: who waits will do so for a while. */
	void (*away)(void *arg);
};

/* Starts connecting. config and arg must outlive it. */
struct permissions *permissions_new(struct event_base *, const struct config *,
    const struct permission_calls *, void *arg);
void permissions_free(struct permissions *);

/*
 * Returns the permission of a user for the filter's topics, with a reference
 * for the caller; NULL without memory.
 */
struct permission *permission_get(
    struct permissions *, const struct identity *, const struct filter *);
void permission_unref(struct permissions *, struct permission *);

/*
 * Whether it is granted, as far as is known. PERMISSION_UNKNOWN, also when what is
 * known is too old: then it is asked for, and decided() follows.
 */
enum permission_answer permission_answer(
    struct permissions *, struct permission *);

/*
 * Acts on the payload of a notification pgfeed_revoke (pgfeed.revoke):
 * the alias of a user, whose streams are lost at once and whose permissions are asked
 * again; the alias and " ask" after the revocation of one token, when the answer
 * tells which streams are lost; "" or anything else when the rules have changed,
 * and all is asked again.
 */
void permissions_revoked(struct permissions *, const char *payload);

/* Whether there is a connection to ask on. */
bool permissions_is_up(const struct permissions *);

#endif
