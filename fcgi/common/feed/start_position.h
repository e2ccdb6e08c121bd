/*
 * start_position.h - what the listener has to find out before it may follow the feed.
 */
#ifndef PGFEED_START_POSITION_H
#define PGFEED_START_POSITION_H

#include <libpq-fe.h>

#include "base/buf.h"
#include "config/config.h"
#include "feed/cursor.h"

struct epoch {
	uint32_t tli;
	int64_t first_id; /* ids above it are new on this timeline */
};

/* What a gateway knows of the history that it follows. */
struct known_history {
	char identity[40]; /* pgfeed.mark.history */
	int64_t seen_id;   /* an event that it has seen, or 0 */
	int64_t seen_us;   /* and that event's time */
};

struct start_position {
	uint32_t tli;
	char identity[40];  /* of the history */
	uint32_t tag;       /* that positions of it carry */
	bool other_history; /* than the one known */
	struct epoch *epoch; /* ascending */
	size_t n_epochs;
	int64_t high;       /* highest id handed out */
	int64_t oldest;     /* oldest id kept */
	bool goes_on;       /* the known position is fit: the rest is empty */
	struct cursor g;    /* the position to start from */
	struct cursor base; /* ... and the one before the recent events */
	PGresult *recent;   /* FEED_EVENT_COLUMNS */
};

/*
 * Makes db LISTEN for the doorbell and fills in o, without base and recent.
 * known is the position that the caller has already, or NULL: the start position
 * is only worked out when there is none or an unfit one. history is what the
 * caller knows beside known. A history that began anew without an identity of
 * its own gets one. Returns false after adding the reason to err; in both cases
 * o is to be ended with start_position_fini().
 */
bool start_position_read(struct start_position *o, PGconn *db,
    const struct cursor *known, const struct known_history *history,
    struct buf *err) MUSTCHECK;

/*
 * The same for a gateway: connects, checks that the database is fit to follow,
 * listens on all channels, prepares the statements of feed_sql.h and reads the
 * recent events. Blocks. Returns the connection; NULL after adding the reason to
 * err.
 */
PGconn *start_position_connect(struct start_position *o, const struct config *,
    const struct cursor *known, const struct known_history *history,
    struct buf *err);

void start_position_fini(struct start_position *);

/*
 * Whether somebody at position c, from an older timeline, may go on at o's: no
 * later timeline has begun below c. Sets c's timeline then.
 */
bool start_position_translate(
    const struct epoch *, size_t n, uint32_t tli, struct cursor *c);

#endif
