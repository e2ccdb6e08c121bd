/*
 * follow.c - the feed read straight from the table, without a gateway.
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pg/db.h"
#include "ctl/follow.h"

#define PAGE "500"

static enum follow_result
fail(struct follow *f, PGresult *r)
{
	db_error(f->db, r, &f->err);
	PQclear(r);
	return FOLLOW_FAILED;
}

/* The ranges of c as two array literals. */
static void
add_ranges(struct buf *low, struct buf *high, const struct cursor *c)
{
	buf_addc(low, '{');
	buf_addc(high, '{');
	for (unsigned i = 0; i < c->n; i++) {
		buf_addf(
		    low, "%s%lld", i > 0 ? "," : "", (long long)c->hole[i].low);
		buf_addf(high, "%s%lld", i > 0 ? "," : "",
		    (long long)c->hole[i].high);
	}
	buf_addc(low, '}');
	buf_addc(high, '}');
}

/*
 * c becomes everything up to last except the rows of r, in their order; less
 * where there are too many ranges.
 */
static void
add_seen(struct cursor *c, const PGresult *r, int64_t last)
{
	int64_t before = 0; /* the hole before this one */

	cursor_init_like(c, c, 0);
	for (int i = 0; i <= PQntuples(r); i++) {
		int64_t hole = last + 1;

		if (i < PQntuples(r))
			hole = strtoll(PQgetvalue(r, i, 0), NULL, 10);
		if (hole - 1 > before && !cursor_step(c, hole - 1))
			return;
		before = hole;
	}
}

/*
 * Nobody waits for the disk to have an id that was rolled back, so a crash
 * could give it out again, to an event that we claim to have had. A commit that
 * waits for the log takes along all that was logged before.
 */
static bool
make_durable(struct follow *f)
{
	return db_exec(f->db, "SET synchronous_commit = on", &f->err) &&
	       db_exec(f->db,
		   "SELECT pg_logical_emit_message(true, 'pgfeed', '')",
		   &f->err);
}

enum follow_result
follow_begin(struct follow *f, PGconn *db, bool again)
{
	/*
	 * One statement each: the highest id first, then who may own one up to
	 * it, then which are there.
	 */
	static const char top[] =
	    "SELECT CASE WHEN is_called THEN last_value ELSE 0 END,"
	    " ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))"
	    "::bit(32)::bigint FROM pgfeed.event_id_seq";
	static const char holders[] = "SELECT count(*) FROM pgfeed.holder";
	static const char missing[] =
	    "SELECT i FROM generate_series((SELECT greatest(low + 1, oldest)"
	    " FROM pgfeed.mark), $1::bigint) i WHERE NOT EXISTS"
	    " (SELECT FROM pgfeed.event WHERE id = i) ORDER BY i";
	char last[32];
	const char *values[] = { last };
	struct cursor now;
	PGresult *r;
	bool quiet;

	f->db = db;
	f->frozen.n = 0;
	if (!db_exec(db, "LISTEN pgfeed", &f->err))
		return FOLLOW_FAILED;
	r = db_query(db, top, 0, NULL, &f->err);
	if (r == NULL)
		return FOLLOW_FAILED;
	snprintf(last, sizeof(last), "%s", PQgetvalue(r, 0, 0));
	cursor_init(&now, (uint32_t)strtoul(PQgetvalue(r, 0, 1), NULL, 10),
	    strtoll(last, NULL, 10));
	PQclear(r);
	r = db_query(db, holders, 0, NULL, &f->err);
	if (r == NULL)
		return FOLLOW_FAILED;
	quiet = strcmp(PQgetvalue(r, 0, 0), "0") == 0;
	PQclear(r);
	if (!quiet) {
		/* Somebody is writing: what is missing may still come. */
		r = db_query(db, missing, 1, values, &f->err);
		if (r == NULL)
			return FOLLOW_FAILED;
		add_seen(&now, r, strtoll(last, NULL, 10));
		PQclear(r);
	} else if (!make_durable(f))
		return FOLLOW_FAILED;
	cursor_copy(&f->known, &now);
	if (!again)
		cursor_copy(&f->at, &now);
	return FOLLOW_OK;
}

void
follow_fini(struct follow *f)
{
	buf_fini(&f->holders);
	buf_fini(&f->err);
}

struct follow_event
follow_row(const PGresult *r, int row)
{
	return (struct follow_event){
		.id = PQgetvalue(r, row, 0),
		.topic = PQgetvalue(r, row, 1),
		.at = PQgetvalue(r, row, 2),
		.kind = PQgetisnull(r, row, 3) ? NULL : PQgetvalue(r, row, 3),
		.data = PQgetvalue(r, row, 4),
		.by = PQgetisnull(r, row, 5) ? NULL : PQgetvalue(r, row, 5),
	};
}

/*
 * One page of F. *full: there may be more. *held: a row could not be stepped
 * over, since there are too many holes; it comes when some have closed.
 */
static enum follow_result
fetch_page(struct follow *f, follow_cb cb, void *arg, bool *full, bool *held)
{
	/* Two parts and no OR: that plan stays on the index. */
	static const char sql[] =
	    "SELECT " FOLLOW_COLUMNS " FROM ("
	    "(SELECT e.* FROM unnest($2::bigint[], $3::bigint[]) h (low, high),"
	    " LATERAL (SELECT * FROM pgfeed.event WHERE id BETWEEN h.low AND"
	    " h.high ORDER BY id LIMIT " PAGE ") e)"
	    " UNION ALL "
	    "(SELECT * FROM pgfeed.event WHERE id > $1 ORDER BY id LIMIT " PAGE
	    ")) e ORDER BY id";
	struct buf low = BUF_INIT, high = BUF_INIT;
	enum follow_result rc = FOLLOW_FAILED;
	const char *values[3];
	PGresult *r = NULL;
	char last[32];

	add_ranges(&low, &high, &f->at);
	if (buf_failed(&low) || buf_failed(&high)) {
		buf_addstr(&f->err, "out of memory");
		goto out;
	}
	snprintf(last, sizeof(last), "%lld", (long long)f->at.last);
	values[0] = last;
	values[1] = low.data;
	values[2] = high.data;
	r = db_query(f->db, sql, 3, values, &f->err);
	if (r == NULL)
		goto out;
	*full = PQntuples(r) >= atoi(PAGE);
	rc = FOLLOW_OK;
	for (int i = 0; i < PQntuples(r) && rc == FOLLOW_OK; i++) {
		struct follow_event e = follow_row(r, i);
		/* What was finished before we came and is not there now never
		 * comes; all else that is stepped over stays open. */
		if (!cursor_step_through(
			&f->at, strtoll(e.id, NULL, 10), &f->known)) {
			*held = true;
			break;
		}
		if (!cb(&e, arg))
			rc = FOLLOW_STOPPED;
	}
out:
	PQclear(r);
	buf_fini(&low);
	buf_fini(&high);
	return rc;
}

static enum follow_result
fetch_all(struct follow *f, follow_cb cb, void *arg, bool *held)
{
	enum follow_result rc;
	bool full;

	do {
		full = false;
		rc = fetch_page(f, cb, arg, &full, held);
	} while (rc == FOLLOW_OK && full && !*held);
	return rc;
}

/* Who holds the sequence now, of those in f->holders if any are frozen. */
static enum follow_result
read_holders(struct follow *f, bool *any)
{
	static const char sql[] =
	    "SELECT array_agg(virtualtransaction) FROM pgfeed.holder"
	    " WHERE $1::text[] IS NULL OR virtualtransaction = ANY ($1)";
	const char *values[1] = { f->frozen.n > 0 ? f->holders.data : NULL };
	PGresult *r = db_query(f->db, sql, 1, values, &f->err);

	if (r == NULL)
		return FOLLOW_FAILED;
	*any = !PQgetisnull(r, 0, 0);
	buf_clear(&f->holders);
	buf_addstr(&f->holders, PQgetvalue(r, 0, 0));
	PQclear(r);
	return FOLLOW_OK;
}

/*
 * One generation of holes at a time: once every transaction that held the
 * sequence when they were frozen has ended, and one more fetch has not brought
 * them, they are dead.
 */
static enum follow_result
tend_holes(struct follow *f, follow_cb cb, void *arg, bool *dropped)
{
	enum follow_result rc;
	bool any, held = false;

	if (f->frozen.n == 0 && f->at.n == 0)
		return FOLLOW_OK;
	rc = read_holders(f, &any);
	if (rc != FOLLOW_OK)
		return rc;
	if (f->frozen.n == 0)
		cursor_copy(&f->frozen, &f->at);
	if (any)
		return FOLLOW_OK;
	rc = fetch_all(f, cb, arg, &held);
	if (rc == FOLLOW_FAILED || !make_durable(f))
		return FOLLOW_FAILED;
	for (unsigned i = 0; rc == FOLLOW_OK && i < f->frozen.n; i++)
		cursor_drop(
		    &f->at, f->frozen.hole[i].low, f->frozen.hole[i].high);
	f->frozen.n = 0;
	*dropped = held; /* there is room now */
	return rc;
}

enum follow_result
follow_fetch(struct follow *f, follow_cb cb, void *arg)
{
	enum follow_result rc;
	bool held, again;

	do {
		held = again = false;
		rc = fetch_all(f, cb, arg, &held);
		if (rc == FOLLOW_OK)
			rc = tend_holes(f, cb, arg, &again);
	} while (rc == FOLLOW_OK && again);
	return rc;
}

enum follow_result
follow_wait(struct follow *f)
{
	struct pollfd p = { .fd = PQsocket(f->db), .events = POLLIN };
	PGnotify *n;

	if (poll(&p, 1, f->at.n > 0 || f->frozen.n > 0 ? 100 : 1000) > 0 &&
	    PQconsumeInput(f->db) == 0)
		return fail(f, NULL);
	while ((n = PQnotifies(f->db)) != NULL)
		PQfreemem(n);
	return FOLLOW_OK;
}
