/*
 * permission.h - may this one read that? Asked in the database, without waiting.
 *
 * A right is what somebody may do with one subscription: it belongs to a user's
 * name, claims and set of topics, and is shared by all streams that have these
 * in common. The answer comes from pgfeed.may_read, counts for access_age, and
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

struct access;

enum verdict { ACCESS_UNKNOWN = 0, ACCESS_GRANTED, ACCESS_REFUSED };

struct right {
	struct hash_table_entry in_table; /* by key */
	TAILQ_ENTRY(right) in_queue;      /* that of its place, see access.c */
	struct stream_list waiting; /* the hub's: streams not yet let in */
	const char *lost; /* during lost(): why its streams have to end */
	int64_t answered_ms;
	int64_t revoked; /* microseconds, when its user or token was; 0: never */
	uint64_t alias;  /* of its user in revocations; 0: nobody, or unknown */
	unsigned refs;
	uint16_t n; /* topics */
	uint8_t verdict;
	uint8_t place;
	bool allowed; /* so far, by the answer that is arriving */
	bool stale;   /* that answer is too old already */
	bool alone;   /* a question with it and others has failed */
	bool bad_token; /* refused since its token has been revoked */
	char key[];   /* each topic behind a LF; NUL, name; NUL, claims */
};

struct access_calls {
	/* The verdict on r is known: a turn for those who wait. */
	void (*decided)(struct right *r, void *arg);
	/* The streams of every right with lost set have to end, for that. */
	void (*lost)(void *arg);
	/* The database is away: who waits will do so for a while. */
	void (*away)(void *arg);
};

/* Starts connecting. config and arg must outlive it. */
struct access *access_new(struct event_base *, const struct config *,
    const struct access_calls *, void *arg);
void access_free(struct access *);

/*
 * The right of somebody to that subscription, with a reference for the caller;
 * NULL without memory.
 */
struct right *access_get(
    struct access *, const struct identity *, const struct filter *);
void access_unref(struct access *, struct right *);

/*
 * Whether it is granted, as far as is known. ACCESS_UNKNOWN, also when what is
 * known is too old: then it is asked for, and decided() follows.
 */
enum verdict access_verdict(struct access *, struct right *);

/*
 * Acts on the payload of a notification pgfeed_revoke (pgfeed.revoke):
 * the alias of a user, whose streams are lost at once and whose rights are asked
 * again; the alias and " ask" after the revocation of one token, when the answer
 * tells which streams are lost; "" or anything else when the rules have changed,
 * and all is asked again.
 */
void access_revoked(struct access *, const char *payload);

/* Whether there is a connection to ask on. */
bool access_is_up(const struct access *);

/* How many rights are kept, in use or not. */
size_t access_rights(const struct access *);

#endif
