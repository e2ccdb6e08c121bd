/*
 * follow.c - the feed read straight from the table, without a gateway.
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/follow.h"
#include "feed/feed_sql.h"
#include "pg/db.h"

#define PAGE     500
#define PROBE_MS 100  /* as pgfeed-stream */
#define CHECK_MS 5000 /* from one question for the history to the next */

static int64_t
number(const PGresult *r, int row, int column)
{
	return strtoll(PQgetvalue(r, row, column), NULL, 10);
}

void
follow_init(struct follow *f)
{
	memset(f, 0, sizeof(*f));
	f->probe = hole_probe_new();
	f->doorbell = doorbell_new();
}

void
follow_fini(struct follow *f)
{
	start_position_fini(&f->start);
	hole_probe_free(f->probe);
	doorbell_free(f->doorbell);
	buf_fini(&f->err);
}

enum follow_result
follow_begin(struct follow *f, PGconn *db, bool again)
{
	struct start_position *o = &f->start;

	f->db = db;
	start_position_fini(o);
	if (!start_position_read(
		o, db, again ? &f->at : NULL, &f->history, &f->err) ||
	    !feed_sql_prepare(db, &f->err))
		return FOLLOW_FAILED;
	hole_probe_reset(f->probe);
	doorbell_reset(f->doorbell, now_ms());
	f->checked_ms = now_ms();
	if (again && !o->goes_on) {
		buf_clear(&f->err);
		if (o->other_history)
			buf_addstr(
			    &f->err, "its events are of another history");
		else
			buf_addf(&f->err, "it is on timeline %u, it was on %u",
			    o->tli, f->at.tli);
		return FOLLOW_LOST;
	}
	memcpy(f->history.identity, o->identity, sizeof(f->history.identity));
	if (!again)
		cursor_copy(&f->at, &o->g);
	f->at.tli = o->tli;
	cursor_copy(&f->known, &f->at);
	return FOLLOW_OK;
}

struct follow_event
follow_row(const PGresult *r, int row)
{
	return (struct follow_event){
		.id = number(r, row, 0),
		.at_us = number(r, row, 1),
		.topic = PQgetvalue(r, row, 2),
		.also = PQgetvalue(r, row, 3),
		.kind = PQgetisnull(r, row, 4) ? NULL : PQgetvalue(r, row, 4),
		.data = PQgetvalue(r, row, 5),
		.by = PQgetisnull(r, row, 6) ? NULL : PQgetvalue(r, row, 6),
	};
}

/* What a fetch brought. */
struct fetched {
	int holes, above; /* rows in the holes, and above the position */
	bool blocked;     /* no room for a hole: the rest comes later */
	bool capped;      /* ... and all the rows in the holes were read */
};

/* Hands one page out. */
static enum follow_result
fetch_page(struct follow *f, follow_cb cb, void *arg, struct fetched *got)
{
	enum follow_result rc = FOLLOW_OK;
	int64_t from = f->at.last;
	struct feed_fetch fetch;
	PGresult *r = NULL;

	memset(got, 0, sizeof(*got));
	if (feed_fetch_init(&fetch, &f->at, PAGE, f->history.identity))
		r = db_execute(
		    f->db, fetch.statement, fetch.n, fetch.values, &f->err);
	else
		buf_addstr(&f->err, "out of memory");
	feed_fetch_fini(&fetch);
	if (r == NULL)
		return FOLLOW_FAILED;
	for (int i = 0; i < PQntuples(r) && rc == FOLLOW_OK; i++) {
		struct follow_event e = follow_row(r, i);

		if (e.id <= from)
			got->holes++;
		else if (got->holes < PAGE)
			got->above++;
		else /* not before the other rows in the holes */
			break;
		if (e.id < f->at.last)
			hole_probe_drop_below(f->probe, &f->at, e.id);
		/* What was finished before we came and is not there now never
		 * comes; all else that is stepped over stays open. */
		if (!cursor_step_through(&f->at, e.id, &f->known)) {
			got->blocked = true;
			got->capped = e.id > from;
			break;
		}
		if (e.id > f->history.seen_id) {
			f->history.seen_id = e.id;
			f->history.seen_us = e.at_us;
		}
		if (!cb(&e, arg))
			rc = FOLLOW_STOPPED;
	}
	PQclear(r);
	return rc;
}

/* Hands all out, then gives up the holes of which it is decided. */
static enum follow_result
fetch_all(struct follow *f, follow_cb cb, void *arg, bool *again)
{
	enum follow_result rc;
	struct fetched got;
	bool busy = false;

	do {
		rc = fetch_page(f, cb, arg, &got);
		busy = busy || got.holes + got.above > 0;
	} while (rc == FOLLOW_OK && !got.blocked &&
		 (got.holes >= PAGE || got.above >= PAGE));
	if (rc != FOLLOW_OK)
		return rc;
	if (!got.blocked)
		doorbell_fetched(f->doorbell, busy, now_ms());
	*again = false;
	if (hole_probe_is_decided(f->probe) && (!got.blocked || got.capped)) {
		hole_probe_drop(f->probe, &f->at);
		*again = got.capped; /* there is room now */
	}
	return FOLLOW_OK;
}

/* Says in the database what the doorbell wants it to say, or reads for it. */
static bool
tend_doorbell(struct follow *f)
{
	enum doorbell_step step = doorbell_step(f->doorbell, now_ms());
	const char *asleep = step == DOORBELL_SLEEP ? "t" : "f";
	PGresult *r;

	if (step == DOORBELL_NOTHING)
		return true;
	if (step == DOORBELL_HOLDERS)
		r = db_execute(f->db, "holders", 0, NULL, &f->err);
	else
		r = db_execute(f->db, "asleep", 1, &asleep, &f->err);
	if (r == NULL)
		return false;
	if (step == DOORBELL_HOLDERS) {
		for (int i = 0; i < PQntuples(r); i++)
			doorbell_add(f->doorbell, PQgetvalue(r, i, 0));
		doorbell_end(f->doorbell, now_ms());
	} else
		doorbell_told(f->doorbell, now_ms());
	PQclear(r);
	return true;
}

/* Reads who may own the ids in the holes. */
static bool
tend_holes(struct follow *f)
{
	PGresult *r;

	if (!hole_probe_is_due(f->probe, &f->at, now_ms()) ||
	    now_ms() - f->probed_ms < PROBE_MS)
		return true;
	f->probed_ms = now_ms();
	hole_probe_begin(f->probe, &f->at);
	r = db_execute(f->db, "holders", 0, NULL, &f->err);
	if (r == NULL)
		return false;
	for (int i = 0; i < PQntuples(r); i++)
		hole_probe_add(f->probe, PQgetvalue(r, i, 0),
		    PQgetisnull(r, i, 1) ? PROBE_ACTIVE : number(r, i, 1));
	PQclear(r);
	hole_probe_end(f->probe);
	if (!hole_probe_wants_high(f->probe))
		return true;
	r = db_execute(f->db, "high", 0, NULL, &f->err);
	if (r == NULL)
		return false;
	hole_probe_set_high(f->probe, number(r, 0, 0));
	PQclear(r);
	return true;
}

/* Whether the events are still of the history that they were of. */
static enum follow_result
check_history(struct follow *f)
{
	enum follow_result rc = FOLLOW_OK;
	PGresult *r;

	if (now_ms() - f->checked_ms < CHECK_MS)
		return FOLLOW_OK;
	f->checked_ms = now_ms();
	r = db_query(
	    f->db, "SELECT history FROM pgfeed.mark", 0, NULL, &f->err);
	if (r == NULL)
		return FOLLOW_FAILED;
	if (PQntuples(r) == 0 ||
	    strcmp(PQgetvalue(r, 0, 0), f->history.identity) != 0) {
		buf_clear(&f->err);
		buf_addstr(&f->err, "its events are of another history");
		rc = FOLLOW_LOST;
	}
	PQclear(r);
	return rc;
}

enum follow_result
follow_fetch(struct follow *f, follow_cb cb, void *arg)
{
	enum follow_result rc;
	bool again;

	do {
		rc = fetch_all(f, cb, arg, &again);
		if (rc != FOLLOW_OK)
			return rc;
		if (!tend_doorbell(f) || !tend_holes(f))
			return FOLLOW_FAILED;
	} while (again);
	return check_history(f);
}

enum follow_result
follow_wait(struct follow *f)
{
	struct pollfd p = { .fd = PQsocket(f->db), .events = POLLIN };
	int64_t ms = doorbell_fetch_ms(f->doorbell, now_ms());
	PGnotify *n;

	if (f->at.n > 0)
		ms = MIN(ms, PROBE_MS);
	if (poll(&p, 1, (int)ms) > 0 && PQconsumeInput(f->db) == 0) {
		db_error(f->db, NULL, &f->err);
		return FOLLOW_FAILED;
	}
	while ((n = PQnotifies(f->db)) != NULL) {
		doorbell_rang(f->doorbell, now_ms());
		PQfreemem(n);
	}
	return FOLLOW_OK;
}
