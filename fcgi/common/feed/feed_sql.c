/*
 * feed_sql.c - the statements that read the feed, and their parameters.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "feed/feed_sql.h"
#include "pg/db.h"

static const struct {
	const char *name, *sql;
} statements[] = {
	/* Nothing of a history that has begun since the last "mark". */
	{ "fetch", "SELECT " FEED_EVENT_COLUMNS " FROM pgfeed.event"
		   " WHERE id > $1::bigint"
		   " AND (SELECT history FROM pgfeed.mark) = $3::text"
		   " ORDER BY id LIMIT $2::integer" },
	/* UNION ALL and not OR: OR scans the whole index. */
	{ "fetch_holes",
	    "SELECT * FROM ("
	    "(SELECT e.* FROM unnest($4::bigint[], $5::bigint[]) h(low, high)"
	    " CROSS JOIN LATERAL (SELECT " FEED_EVENT_COLUMNS
	    " FROM pgfeed.event"
	    "  WHERE id BETWEEN h.low AND h.high ORDER BY id"
	    "  LIMIT $2::integer) e LIMIT $2::integer)"
	    " UNION ALL"
	    " (SELECT " FEED_EVENT_COLUMNS " FROM pgfeed.event"
	    "  WHERE id > $1::bigint ORDER BY id LIMIT $2::integer)"
	    ") f WHERE (SELECT history FROM pgfeed.mark) = $3::text"
	    " ORDER BY id" },
	{ "holders", "SELECT name, quiet_since FROM pgfeed.holders()" },
	{ "high", FEED_SQL_HIGH },
	{ "asleep", "SELECT pgfeed.set_asleep($1::boolean)" },
	{ "mark",
	    "WITH raised AS (UPDATE pgfeed.mark SET low = $1::bigint,"
	    "  finished = $2::text WHERE low <= $1::bigint"
	    "  AND finished <> $2::text AND history = $3::text)"
	    " SELECT oldest, history, CASE WHEN is_called THEN last_value"
	    "  ELSE last_value - 1 END, (SELECT " FEED_AT_US
	    " FROM pgfeed.event"
	    "  WHERE id = $4::bigint) FROM pgfeed.mark, pgfeed.event_id_seq" },
};

bool
feed_sql_prepare(PGconn *db, struct buf *err)
{
	for (size_t i = 0; i < ARRAY_LEN(statements); i++) {
		if (!db_prepare(db, statements[i].name, statements[i].sql, err))
			return false;
	}
	return true;
}

static void
add_range(struct buf *low, struct buf *high, int64_t from, int64_t to)
{
	char before = low->len == 0 ? '{' : ',';

	buf_addf(low, "%c%" PRId64, before, from);
	buf_addf(high, "%c%" PRId64, before, to);
}

static void
end_ranges(struct buf *low, struct buf *high)
{
	buf_addstr(low, low->len == 0 ? "{}" : "}");
	buf_addstr(high, high->len == 0 ? "{}" : "}");
}

void
feed_sql_add_holes(struct buf *low, struct buf *high, const struct cursor *c)
{
	for (unsigned i = 0; i < c->n; i++)
		add_range(low, high, c->hole[i].low, c->hole[i].high);
	end_ranges(low, high);
}

static void
add_missed(struct buf *low, struct buf *high, const struct cursor *c,
    const struct cursor *feed)
{
	unsigned j = 0;

	for (unsigned i = 0; i < c->n; i++) {
		int64_t from = c->hole[i].low;
		int64_t to = MIN(c->hole[i].high, feed->last);

		while (from <= to) {
			while (j < feed->n && feed->hole[j].high < from)
				j++;
			if (j == feed->n || feed->hole[j].low > to) {
				add_range(low, high, from, to);
				break;
			}
			if (feed->hole[j].low > from)
				add_range(
				    low, high, from, feed->hole[j].low - 1);
			from = feed->hole[j].high + 1;
		}
	}
}

void
feed_sql_add_missed(struct buf *low, struct buf *high, const struct cursor *c,
    const struct cursor *feed)
{
	add_missed(low, high, c, feed);
	end_ranges(low, high);
}

bool
feed_sql_has_missed(const struct cursor *c, const struct cursor *feed)
{
	struct buf low = BUF_INIT, high = BUF_INIT;
	bool has;

	add_missed(&low, &high, c, feed);
	has = low.len > 0;
	buf_fini(&low);
	buf_fini(&high);
	return has;
}

bool
feed_fetch_init(struct feed_fetch *f, const struct cursor *c, unsigned page,
    const char *identity)
{
	memset(f, 0, sizeof(*f));
	snprintf(f->last, sizeof(f->last), "%lld", (long long)c->last);
	snprintf(f->page, sizeof(f->page), "%u", page);
	f->values[0] = f->last;
	f->values[1] = f->page;
	f->values[2] = identity;
	f->statement = "fetch";
	f->n = 3;
	if (c->n == 0)
		return true;
	feed_sql_add_holes(&f->low, &f->high, c);
	f->values[3] = f->low.data;
	f->values[4] = f->high.data;
	f->statement = "fetch_holes";
	f->n = 5;
	return !buf_failed(&f->low) && !buf_failed(&f->high);
}

void
feed_fetch_fini(struct feed_fetch *f)
{
	buf_fini(&f->low);
	buf_fini(&f->high);
}
