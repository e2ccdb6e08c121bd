/*
 * feed_sql.h - positions and topics as parameters of SQL.
 */
#ifndef PGFEED_FEED_SQL_H
#define PGFEED_FEED_SQL_H

#include "base/buf.h"
#include "feed/cursor.h"

/* Adds the holes of c as two literals of bigint[]: lowest ids, highest ids. */
void feed_sql_add_holes(
    struct buf *low, struct buf *high, const struct cursor *c);

#endif
