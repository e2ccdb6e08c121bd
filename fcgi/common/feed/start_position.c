/*
 * start_position.c - what the listener has to find out before it may follow the feed.
 *
 * The order of the statements is the proof, so do not rearrange them: LISTEN
 * is in force before anything is read; the highest id handed out is read
 * before the holders of the sequence's lock; those before the events. An id up
 * to the highest whose event is not seen then is dead, unless somebody held the
 * lock: then all unseen ids that no gateway knows to be finished are holes, to
 * be watched.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "feed/feed_sql.h"
#include "pg/db.h"
#include "base/log.h"
#include "feed/start_position.h"

/* How much history a new gateway keeps at hand for those who come back. */
#define RECENT_IDS  "10000"
#define RECENT_ROWS "2000"

static int64_t
number(const PGresult *r, int row, int column)
{
	return strtoll(PQgetvalue(r, row, column), NULL, 10);
}

/* Runs a query that gives one number. */
static bool
ask_number(PGconn *db, const char *sql, int64_t *out, struct buf *err)
{
	PGresult *r = db_query(db, sql, 0, NULL, err);

	if (r == NULL)
		return false;
	*out = PQntuples(r) > 0 ? number(r, 0, 0) : 0;
	PQclear(r);
	return true;
}

static bool
check(PGconn *db, struct buf *err)
{
	PGresult *r;
	int64_t standby;
	bool ok;

	if (!ask_number(
		db, "SELECT pg_is_in_recovery()::integer", &standby, err))
		return false;
	if (standby) {
		buf_addstr(err,
		    "the server is a standby, where LISTEN does not work: connect to the primary (target_session_attrs=read-write)");
		return false;
	}
	r = db_query(db,
	    "SELECT detail FROM pgfeed.check('stream') WHERE must AND NOT ok",
	    0, NULL, err);
	if (r == NULL)
		return false;
	ok = PQntuples(r) == 0;
	for (int i = 0; i < PQntuples(r); i++)
		buf_addf(err, "%s%s", i > 0 ? "; " : "", PQgetvalue(r, i, 0));
	PQclear(r);
	return ok;
}

static bool
listen_to_others(PGconn *db, const struct config *c, struct buf *err)
{
	bool ok = db_exec(db, "LISTEN pgfeed_revoke", err);

	for (size_t i = 0; ok && i < c->listen.n; i++) {
		char *channel = PQescapeIdentifier(
		    db, c->listen.item[i], strlen(c->listen.item[i]));
		struct buf sql = BUF_INIT;

		buf_addf(&sql, "LISTEN %s", channel != NULL ? channel : "");
		PQfreemem(channel);
		ok = !buf_failed(&sql) && db_exec(db, sql.data, err);
		buf_fini(&sql);
	}
	return ok;
}

/*
 * The server's timeline, new at once after a promotion (pg_control_checkpoint
 * would lag behind), and where each timeline began as far as anybody saw it.
 */
static bool
read_timeline(struct start_position *o, PGconn *db, struct buf *err)
{
	static const char record[] =
	    "INSERT INTO pgfeed.epoch (tli, first_id) VALUES ($1, $2)"
	    " ON CONFLICT DO NOTHING";
	static const char list[] =
	    "SELECT tli, first_id FROM pgfeed.epoch ORDER BY tli";
	char tli_text[24], high_text[24];
	const char *values[] = { tli_text, high_text };
	PGresult *r;
	int64_t tli, known;

	if (!ask_number(db,
		"SELECT ('x' || substr(pg_walfile_name(pg_current_wal_lsn()),"
		" 1, 8))::bit(32)::bigint",
		&tli, err))
		return false;
	o->tli = (uint32_t)tli;
	snprintf(tli_text, sizeof(tli_text), "%u", o->tli);
	snprintf(high_text, sizeof(high_text), "%lld", (long long)o->high);
	if (!ask_number(db, "SELECT max(tli) FROM pgfeed.epoch", &known, err))
		return false;
	if (known < tli) {
		r = db_query(db, record, 2, values, err);
		PQclear(r);
		if (r == NULL)
			return false;
	}
	r = db_query(db, list, 0, NULL, err);
	if (r == NULL)
		return false;
	o->n_epochs = (size_t)PQntuples(r);
	o->epoch = calloc(o->n_epochs + 1, sizeof(*o->epoch));
	for (size_t i = 0; o->epoch != NULL && i < o->n_epochs; i++) {
		o->epoch[i].tli = (uint32_t)number(r, (int)i, 0);
		o->epoch[i].first_id = number(r, (int)i, 1);
	}
	PQclear(r);
	return o->epoch != NULL;
}

bool
start_position_translate(
    const struct epoch *e, size_t n, uint32_t tli, struct cursor *c)
{
	if (c->tli > tli)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (e[i].tli > c->tli && e[i].tli <= tli &&
		    c->last > e[i].first_id)
			return false;
	}
	c->tli = tli;
	return true;
}

/*
 * Whether the ids that a gateway at known has had are other events here: the
 * sequence was set back, or another event has the id of one that was seen. On a
 * new timeline the epochs tell instead.
 */
static bool
went_back(const struct start_position *o, const struct cursor *known,
    const struct known_history *history, const PGresult *r)
{
	if (known->tli != o->tli)
		return false;
	return known->last > o->high ||
	       (!PQgetisnull(r, 0, 4) && number(r, 0, 4) != history->seen_us);
}

/*
 * The history's identity and tag. Makes a new identity where there should be
 * one: in a copy of other tables, after the sequence was set back, and where
 * positions of the known history could not be told from those of this one.
 */
static bool
read_history(struct start_position *o, PGconn *db, const struct cursor *known,
    const struct known_history *history, struct buf *err)
{
	static const char sql[] =
	    "SELECT oldest, history, tag, home = pgfeed.home(), (SELECT " FEED_AT_US
	    " FROM pgfeed.event WHERE id = $1::bigint) FROM pgfeed.mark";
	static const char renew[] = "SELECT pgfeed.new_history($1)";
	char seen[24];
	const char *values[] = { seen }, *identity[] = { o->identity };
	bool changed, back, again = false;
	PGresult *r;

	snprintf(seen, sizeof(seen), "%lld", (long long)history->seen_id);
	for (;;) {
		r = db_query(db, sql, 1, values, err);
		if (r == NULL)
			return false;
		if (PQntuples(r) == 0 ||
		    !cursor_parse_tag(&o->tag, PQgetvalue(r, 0, 2))) {
			PQclear(r);
			buf_addstr(err,
			    "pgfeed.mark has no row: run \"pgfeed migrate up\"");
			return false;
		}
		o->oldest = number(r, 0, 0);
		snprintf(o->identity, sizeof(o->identity), "%s",
		    PQgetvalue(r, 0, 1));
		changed = known != NULL &&
			  strcmp(o->identity, history->identity) != 0;
		back = known != NULL && !changed &&
		       went_back(o, known, history, r);
		o->other_history |= changed || back;
		if (again || (*PQgetvalue(r, 0, 3) == 't' && !back &&
				 !(changed && o->tag == known->history)))
			break;
		PQclear(r);
		r = db_query(db, renew, 1, identity, err);
		if (r == NULL)
			return false;
		log_warning("a new history of events begins: the ids of the database are not those that were known");
		PQclear(r);
		again = true;
	}
	PQclear(r);
	return true;
}

/* o->g: everything up to last. */
static void
begin_at(struct start_position *o, int64_t last)
{
	cursor_init(&o->g, o->tli, last);
	o->g.history = o->tag;
}

/* o->g: where every id is finished, as far as gateways have told. */
static bool
read_mark(struct start_position *o, PGconn *db, struct buf *err)
{
	PGresult *r =
	    db_query(db, "SELECT low, finished FROM pgfeed.mark", 0, NULL, err);
	const char *text;
	int64_t low;

	if (r == NULL)
		return false;
	low = PQntuples(r) > 0 ? number(r, 0, 0) : 0;
	text = PQntuples(r) > 0 ? PQgetvalue(r, 0, 1) : "";
	/* Ids of another timeline may mean other events now. */
	if (!cursor_parse(&o->g, text, strlen(text)) || o->g.tli != o->tli ||
	    o->g.last > o->high || cursor_low(&o->g) < low)
		begin_at(o, MIN(low, o->high));
	o->g.history = o->tag;
	PQclear(r);
	return true;
}

/*
 * Marks the events in the holes of o->g. After those above it have been read:
 * who is older than one of them is seen then, too.
 */
static bool
fill_holes(struct start_position *o, PGconn *db, struct buf *err)
{
	static const char filled[] =
	    "SELECT e.id FROM unnest($1::bigint[], $2::bigint[]) h(low, high)"
	    " CROSS JOIN LATERAL (SELECT id FROM pgfeed.event"
	    "  WHERE id BETWEEN h.low AND h.high) e ORDER BY 1";
	struct buf low = BUF_INIT, high = BUF_INIT;
	const char *values[2];
	PGresult *r = NULL;

	feed_sql_add_holes(&low, &high, &o->g);
	values[0] = low.data;
	values[1] = high.data;
	if (!buf_failed(&low) && !buf_failed(&high))
		r = db_query(db, filled, 2, values, err);
	buf_fini(&low);
	buf_fini(&high);
	for (int i = 0; r != NULL && i < PQntuples(r); i++) {
		/* Without room it stays a hole: it comes as if it were new. */
		if (!cursor_step(&o->g, number(r, i, 0)))
			break;
	}
	PQclear(r);
	return r != NULL;
}

/*
 * The position when somebody may still own unseen ids: they are all holes.
 * With more of them than a position can hold it ends before the first that
 * has no room.
 */
static bool
read_holes(struct start_position *o, PGconn *db, struct buf *err)
{
	static const char gaps[] =
	    "WITH seen AS MATERIALIZED (SELECT id FROM pgfeed.event"
	    "  WHERE id > $1::bigint AND id <= $2::bigint)"
	    "SELECT low, high FROM (SELECT"
	    "  lag(id, 1, $1::bigint) OVER (ORDER BY id) + 1 AS low,"
	    "  id - 1 AS high FROM seen) g WHERE low <= high"
	    " UNION ALL SELECT coalesce(max(id), $1::bigint), NULL FROM seen"
	    " ORDER BY 2 NULLS FIRST";
	char low_text[24], high_text[24];
	const char *values[] = { low_text, high_text };
	PGresult *r;

	if (!read_mark(o, db, err))
		return false;
	snprintf(low_text, sizeof(low_text), "%lld", (long long)o->g.last);
	snprintf(high_text, sizeof(high_text), "%lld", (long long)o->high);
	r = db_query(db, gaps, 2, values, err);
	if (r == NULL)
		return false;
	o->g.last = number(r, 0, 0);
	for (int i = 1; i < PQntuples(r); i++) {
		if (o->g.n == CURSOR_FEED_RANGES) {
			o->g.last = number(r, i, 0) - 1;
			break;
		}
		o->g.hole[o->g.n].low = number(r, i, 0);
		o->g.hole[o->g.n].high = number(r, i, 1);
		o->g.n++;
	}
	PQclear(r);
	return fill_holes(o, db, err);
}

/*
 * An id that was drawn and rolled back is nobody's business to write to disk.
 * After a crash the sequence would give it out again, to an event that a
 * position with it claims to have had. A commit that waits for the log takes
 * along all that was logged before.
 */
static bool
make_durable(PGconn *db, struct buf *err)
{
	return db_exec(db, "SET synchronous_commit = on", err) &&
	       db_exec(db, "SELECT pg_logical_emit_message(true, 'pgfeed', '')",
		   err);
}

static bool
read_position(struct start_position *o, PGconn *db, struct buf *err)
{
	int64_t holders;

	/* Read o->high again: the first one may be older than this moment. */
	if (!ask_number(db, FEED_SQL_HIGH, &o->high, err) ||
	    !ask_number(
		db, "SELECT count(*) FROM pgfeed.holder", &holders, err))
		return false;
	if (holders > 0)
		return read_holes(o, db, err);
	begin_at(o, o->high);
	return make_durable(db, err);
}

/* o->base: the part of o->g below the first recent event. */
static void
find_base(struct start_position *o)
{
	cursor_copy(&o->base, &o->g);
	if (PQntuples(o->recent) == 0)
		return;
	o->base.last = number(o->recent, 0, 0) - 1;
	while (
	    o->base.n > 0 && o->base.hole[o->base.n - 1].high >= o->base.last) {
		struct cursor_range *r = &o->base.hole[o->base.n - 1];

		if (r->low <= o->base.last)
			o->base.last = r->low - 1;
		o->base.n--;
	}
}

static bool
read_recent(struct start_position *o, PGconn *db, const struct config *c,
    struct buf *err)
{
	static const char recent[] =
	    "SELECT " FEED_EVENT_COLUMNS " FROM (SELECT *,"
	    " sum(octet_length(data)) OVER (ORDER BY id DESC) AS bytes"
	    " FROM (SELECT * FROM pgfeed.event"
	    "  WHERE id <= $1::bigint AND id > $1::bigint - " RECENT_IDS
	    "  AND id >= $2::bigint ORDER BY id DESC LIMIT " RECENT_ROWS ") a"
	    ") b WHERE bytes <= $3::bigint ORDER BY id";
	char last[24], oldest[24], bytes[24];
	const char *values[] = { last, oldest, bytes };

	snprintf(last, sizeof(last), "%lld", (long long)o->g.last);
	snprintf(oldest, sizeof(oldest), "%lld", (long long)o->oldest);
	snprintf(bytes, sizeof(bytes), "%lld", (long long)c->ring_size / 4);
	o->recent = db_query(db, recent, 3, values, err);
	if (o->recent == NULL)
		return false;
	find_base(o);
	return true;
}

bool
start_position_read(struct start_position *o, PGconn *db,
    const struct cursor *known, const struct known_history *history,
    struct buf *err)
{
	struct cursor before;

	memset(o, 0, sizeof(*o));
	if (!db_exec(db, "LISTEN pgfeed", err) ||
	    !ask_number(db, FEED_SQL_HIGH, &o->high, err) ||
	    !read_timeline(o, db, err) ||
	    !read_history(o, db, known, history, err))
		return false;
	if (known != NULL && !o->other_history && known->last <= o->high) {
		cursor_copy(&before, known);
		o->goes_on = start_position_translate(
		    o->epoch, o->n_epochs, o->tli, &before);
	}
	return o->goes_on || read_position(o, db, err);
}

PGconn *
start_position_connect(struct start_position *o, const struct config *c,
    const struct cursor *known, const struct known_history *history,
    struct buf *err)
{
	PGconn *db;

	memset(o, 0, sizeof(*o));
	db = db_connect(config_database(c, c->stream_database), "stream", err);
	if (db == NULL)
		return NULL;
	if (check(db, err) && listen_to_others(db, c, err) &&
	    start_position_read(o, db, known, history, err) &&
	    feed_sql_prepare(db, err) &&
	    (o->goes_on || read_recent(o, db, c, err)))
		return db;
	PQfinish(db);
	return NULL;
}

void
start_position_fini(struct start_position *o)
{
	free(o->epoch);
	PQclear(o->recent);
	memset(o, 0, sizeof(*o));
}
