/*
 * feed_sql.h - the statements that read the feed, and their parameters.
 */
#ifndef PGFEED_FEED_SQL_H
#define PGFEED_FEED_SQL_H

#include <libpq-fe.h>

#include "base/buf.h"
#include "feed/cursor.h"

#define FEED_AT_US "(extract(epoch FROM at) * 1000000)::bigint"

/* The columns of an event; also is one text, its topics divided by LF. */
#define FEED_EVENT_COLUMNS                 \
	"id, " FEED_AT_US " AS at, topic," \
	" array_to_string(also, E'\\n') AS also, kind, data, by"

/* The highest id handed out. */
#define FEED_SQL_HIGH                                                        \
	"SELECT CASE WHEN is_called THEN last_value ELSE last_value - 1 END" \
	" FROM pgfeed.event_id_seq"

/*
 * Prepares the statements fetch and fetch_holes (see feed_fetch_init()),
 * holders, high, asleep and mark. Returns false with the reason in err.
 */
bool feed_sql_prepare(PGconn *, struct buf *err) MUSTCHECK;

/* Adds the holes of c as two literals of bigint[]: lowest ids, highest ids. */
void feed_sql_add_holes(
    struct buf *low, struct buf *high, const struct cursor *c);

/*
 * Adds the parts of c's holes that the feed has had, in the same form. Rows that
 * the feed has not seen yet would fill a page without progress for its stream.
 */
void feed_sql_add_missed(struct buf *low, struct buf *high,
    const struct cursor *c, const struct cursor *feed);

/* Returns whether the feed has had any event in c's holes. */
bool feed_sql_has_missed(const struct cursor *c, const struct cursor *feed);

/* A fetch of what a position lacks: a prepared statement and its parameters. */
struct feed_fetch {
	const char *statement;
	int n;
	const char *values[5];
	char last[24], page[24];
	struct buf low, high;
};

/*
 * Makes the fetch of what c lacks, of the history of that identity: rows of
 * FEED_EVENT_COLUMNS by id, up to page of them in the holes of c and up to page
 * above. identity must outlive it. False without memory; in both cases
 * feed_fetch_fini() ends it.
 */
bool feed_fetch_init(struct feed_fetch *, const struct cursor *c, unsigned page,
    const char *identity) MUSTCHECK;
void feed_fetch_fini(struct feed_fetch *);

#endif
