/*
 * listener.c - follows the feed: delivers each event that becomes visible,
 * once.
 *
 *     doorbell, or timer --> fetch --> step the position --> deliver
 *
 * The position g is a set (feed/cursor.h). Ids become visible out of order, so
 * the ids in between are holes, which every fetch reads again. A hole closes
 * when its event is seen, or when its owner is proved to have finished; the
 * proof is the lock on the sequence (feed/hole_probe.h). Neither transaction
 * ids nor snapshots can replace the lock: an id is drawn before its transaction
 * has an xid, and a snapshot's xmax is not the next xid.
 *
 * Always: an event is delivered before any stream sees a g that includes it;
 *         the connection is never inside a transaction; one query runs at a
 *         time.
 * Owner:  the listener owns g and the connection, the callee owns the events.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "feed/feed_sql.h"
#include "pg/db.h"
#include "feed/doorbell.h"
#include "stream/source/listener.h"
#include "base/log.h"
#include "feed/start_position.h"
#include "pg/pg_connection.h"
#include "feed/hole_probe.h"
#include "stream/source/stats.h"

#define PAGE     1000 /* rows per fetch */
#define PROBE_MS 100
#define AWAKE_MS 4 /* milliseconds between two fetches, see doorbell.h */
#define MARK_MS  5000
/* write the watermark after so many ids, or once a second */
#define MARK_IDS 5000

enum query { NONE, FETCH, HOLDERS, HIGH, MARK, DOORBELL, DOORBELL_READING };

struct listener {
	struct event_base *base;
	const struct config *config;
	struct listener_calls calls;
	void *arg;
	struct pg_connection *db;
	struct event *timer;
	struct event *awake_timer; /* pending unless asleep */

	struct cursor g;
	struct known_history history;
	bool history_lost; /* the statement mark found another history */
	bool has_position;
	bool live;
	int64_t oldest;
	struct epoch *epoch;
	size_t n_epochs;
	/* owned by the opening thread, until up() */
	struct start_position opening;

	enum query query;
	/* the last query was a fetch: others come first now */
	bool fetched_last;
	bool want_fetch, want_high, want_holders;
	int64_t fetched_ms, marked_ms, marked_last;
	/* The fetch under way. */
	int64_t from; /* ids above are new, ids below fill holes */
	unsigned new_rows, hole_rows;
	/* no memory, or no range left for a hole: try again later */
	bool blocked;
	bool capped;  /* the last fetch stopped because there was no room */
	int64_t high; /* result of the statement high */
	struct hole_probe *probe;
	struct doorbell *doorbell;
};

static void proceed(struct listener *);

const struct cursor *
listener_position(const struct listener *l)
{
	return &l->g;
}

bool
listener_is_live(const struct listener *l)
{
	return l->live;
}

bool
listener_is_asleep(const struct listener *l)
{
	return doorbell_is_asleep(l->doorbell);
}

int64_t
listener_lag_ms(const struct listener *l)
{
	return l->live ? 0 : now_ms() - l->fetched_ms;
}

bool
listener_has_position(const struct listener *l)
{
	return l->has_position;
}

int64_t
listener_oldest(const struct listener *l)
{
	return l->oldest;
}

void
listener_want_high(struct listener *l)
{
	l->want_high = true;
	proceed(l);
}

void
listener_check_history(struct listener *l)
{
	l->marked_ms = now_ms() - MARK_MS;
	proceed(l);
}

bool
listener_translate(const struct listener *l, struct cursor *c)
{
	return start_position_translate(l->epoch, l->n_epochs, l->g.tli, c);
}

/*
 * Opens the connection; runs in the opening thread. l->g does not change while
 * there is no connection.
 */
static PGconn *
open_connection(void *arg, struct buf *err)
{
	struct listener *l = arg;

	start_position_fini(&l->opening);
	return start_position_connect(&l->opening, l->config,
	    l->has_position ? &l->g : NULL, &l->history, err);
}

/*
 * Returns the event of a row (id, at, topic, also, kind, data, by) at position
 * pos.
 */
static struct feed_event *
feed_event_from_row(const PGresult *r, int row, const struct cursor *pos)
{
	char text[CURSOR_TEXT_MAX];

	cursor_print(pos, text, sizeof(text));
	return feed_event_new(strtoll(PQgetvalue(r, row, 0), NULL, 10),
	    strtoll(PQgetvalue(r, row, 1), NULL, 10), PQgetvalue(r, row, 2),
	    PQgetisnull(r, row, 3) ? NULL : PQgetvalue(r, row, 3),
	    PQgetisnull(r, row, 4) ? NULL : PQgetvalue(r, row, 4),
	    PQgetvalue(r, row, 5), (size_t)PQgetlength(r, row, 5),
	    PQgetisnull(r, row, 6) ? NULL : PQgetvalue(r, row, 6), text,
	    pos->last);
}

/* Remembers the newest event seen, which distinguishes histories. */
static void
note_seen(struct listener *l, const struct feed_event *e)
{
	if (e->id < l->history.seen_id)
		return;
	l->history.seen_id = e->id;
	l->history.seen_us = e->at_us;
}

/* Starts from the position that start_position_connect() found. */
static void
start(struct listener *l)
{
	struct start_position *o = &l->opening;
	struct cursor pos;
	const char *lost = NULL;

	if (l->has_position) {
		lost = o->other_history ? "history" : "timeline";
		log_warning("the database's history is not the one known here: starting over at id %" PRId64,
		    o->g.last);
	}
	cursor_copy(&l->g, &o->g);
	l->has_position = true;
	l->history.seen_id = 0;
	l->calls.start(&o->base, lost, l->arg);
	cursor_copy(&pos, &o->base);
	for (int i = 0; i < PQntuples(o->recent); i++) {
		int64_t id = strtoll(PQgetvalue(o->recent, i, 0), NULL, 10);
		struct feed_event *e;

		if (!cursor_has(&l->g, id) ||
		    !cursor_step_through(&pos, id, &l->g))
			continue;
		e = feed_event_from_row(o->recent, i, &pos);
		if (e == NULL)
			log_fatal("out of memory");
		note_seen(l, e);
		l->calls.event(e, l->arg);
	}
	l->calls.flush(l->arg);
}

/* Starts the fast timer if the gateway is awake, and stops it if asleep. */
static void
watch_time(struct listener *l)
{
	static const struct timeval tick = { .tv_usec = AWAKE_MS * 1000 };
	bool pending = event_pending(l->awake_timer, EV_TIMEOUT, NULL);

	if (pending && doorbell_is_asleep(l->doorbell))
		event_del(l->awake_timer);
	else if (!pending && !doorbell_is_asleep(l->doorbell))
		event_add(l->awake_timer, &tick);
}

static void
on_up(void *arg)
{
	struct listener *l = arg;
	struct start_position *o = &l->opening;

	stats.connects++;
	free(l->epoch);
	l->epoch = o->epoch;
	l->n_epochs = o->n_epochs;
	o->epoch = NULL;
	l->oldest = o->oldest;
	l->query = NONE;
	hole_probe_reset(l->probe);
	doorbell_reset(l->doorbell, now_ms());
	watch_time(l);
	if (!o->goes_on)
		start(l);
	else if (!start_position_translate(
		     l->epoch, l->n_epochs, o->tli, &l->g))
		log_fatal("the timeline changed while it was being read");
	memcpy(
	    l->history.identity, o->identity, sizeof(l->history.identity));
	start_position_fini(o);
	log_info("following the database from id %" PRId64 ", timeline %u",
	    l->g.last, l->g.tli);
	l->want_fetch = true;
	proceed(l);
}

static void
on_down(void *arg)
{
	struct listener *l = arg;

	l->query = NONE;
	event_del(l->awake_timer);
	if (l->live) {
		l->live = false;
		l->calls.live(false, l->arg);
	}
}

/* Delivers a plain NOTIFY on a configured channel, without an id. */
static void
on_notify(const PGnotify *n, void *arg)
{
	struct listener *l = arg;
	char text[CURSOR_TEXT_MAX];
	struct feed_event *e;

	if (strcmp(n->relname, "pgfeed") == 0) {
		stats.rings++;
		doorbell_rang(l->doorbell, now_ms());
		l->want_fetch = true;
		proceed(l);
		return;
	}
	if (strcmp(n->relname, "pgfeed_revoke") == 0) {
		l->calls.revoked(n->extra, l->arg);
		return;
	}
	cursor_print(&l->g, text, sizeof(text));
	e = feed_event_new(0, wall_us(), n->relname, NULL, NULL, n->extra,
	    strlen(n->extra), NULL, text, l->g.last);
	if (e == NULL || !l->has_position) {
		feed_event_free(e);
		return;
	}
	l->calls.event(e, l->arg);
	l->calls.flush(l->arg);
}

static void
on_fetched_row(struct listener *l, const PGresult *r)
{
	int64_t id = strtoll(PQgetvalue(r, 0, 0), NULL, 10);
	struct cursor *next = &l->g;
	struct cursor before;
	struct feed_event *e;

	if (id <= l->from)
		l->hole_rows++;
	else if (l->hole_rows < PAGE)
		l->new_rows++;
	else /* not before the other rows in holes, which may be older */
		return;
	if (l->blocked || cursor_has(&l->g, id))
		return;
	/* Move the position only after the event is in memory. */
	cursor_copy(&before, &l->g);
	if (id < l->g.last)
		hole_probe_drop_below(l->probe, &l->g, id);
	if ((id > l->g.last + 1 && l->g.n >= CURSOR_FEED_RANGES) ||
	    !cursor_step(next, id)) {
		l->blocked = true;
		l->capped = id > l->g.last;
		return;
	}
	e = feed_event_from_row(r, 0, next);
	if (e == NULL) {
		cursor_copy(&l->g, &before);
		l->blocked = true;
		return;
	}
	stats.events++;
	note_seen(l, e);
	l->calls.event(e, l->arg);
}

static void
on_row(const PGresult *r, void *arg)
{
	struct listener *l = arg;

	switch (l->query) {
	case FETCH:
		on_fetched_row(l, r);
		break;
	case HOLDERS:
		hole_probe_add(l->probe, PQgetvalue(r, 0, 0),
		    PQgetisnull(r, 0, 1)
			? PROBE_ACTIVE
			: strtoll(PQgetvalue(r, 0, 1), NULL, 10));
		break;
	case HIGH:
		l->high = strtoll(PQgetvalue(r, 0, 0), NULL, 10);
		break;
	case MARK:
		l->oldest = strtoll(PQgetvalue(r, 0, 0), NULL, 10);
		l->history_lost =
		    strcmp(PQgetvalue(r, 0, 1), l->history.identity) != 0 ||
		    strtoll(PQgetvalue(r, 0, 2), NULL, 10) < l->g.last ||
		    (!PQgetisnull(r, 0, 3) &&
			strtoll(PQgetvalue(r, 0, 3), NULL, 10) !=
			    l->history.seen_us);
		break;
	case DOORBELL_READING:
		doorbell_add(l->doorbell, PQgetvalue(r, 0, 0));
		break;
	case DOORBELL:
	case NONE:
		break;
	}
}

static void
drop_holes(struct listener *l)
{
	uint64_t before = cursor_holes(&l->g);

	hole_probe_drop(l->probe, &l->g);
	stats.holes_dropped += before - cursor_holes(&l->g);
	if (l->capped)
		l->want_fetch = true;
}

static void
fetch_done(struct listener *l)
{
	bool whole = l->hole_rows < PAGE && l->new_rows < PAGE;

	l->calls.flush(l->arg);
	if (whole && !l->blocked)
		doorbell_fetched(
		    l->doorbell, l->hole_rows + l->new_rows > 0, now_ms());
	if (l->hole_rows >= PAGE && !l->blocked)
		l->want_fetch = true; /* there may be more rows in the holes */
	else if (l->new_rows >= PAGE && !l->blocked)
		l->want_fetch = true;
	else if (hole_probe_is_decided(l->probe) && (!l->blocked || l->capped))
		drop_holes(l);
	if (!l->live && whole) {
		l->live = true;
		l->calls.live(true, l->arg);
	}
}

static void
holders_done(struct listener *l)
{
	stats.probes++;
	hole_probe_end(l->probe);
	if (hole_probe_is_decided(l->probe))
		l->want_fetch = true;
}

static void
high_done(struct listener *l)
{
	hole_probe_set_high(l->probe, l->high);
	/* A later request needs a number that was read after it. */
	if (!l->want_high)
		l->calls.high(l->high, l->arg);
}

static void
on_done(bool ok, void *arg)
{
	struct listener *l = arg;
	enum query query = l->query;

	l->query = NONE;
	if (!ok) {
		pg_connection_drop(l->db, "a query failed");
		return;
	}
	if (query == MARK && l->history_lost) {
		pg_connection_drop(l->db, "its history is another one");
		return;
	}
	if (query == FETCH)
		fetch_done(l);
	else if (query == HOLDERS)
		holders_done(l);
	else if (query == HIGH)
		high_done(l);
	else if (query == DOORBELL)
		doorbell_told(l->doorbell, now_ms());
	else if (query == DOORBELL_READING)
		doorbell_end(l->doorbell, now_ms());
	watch_time(l);
	proceed(l);
}

static void
send_fetch(struct listener *l)
{
	struct feed_fetch f;

	l->want_fetch = false;
	l->from = l->g.last;
	l->new_rows = l->hole_rows = 0;
	l->blocked = l->capped = false;
	l->fetched_ms = now_ms();
	stats.fetches++;
	l->query = FETCH;
	if (feed_fetch_init(&f, &l->g, PAGE, l->history.identity))
		pg_connection_send(l->db, f.statement, f.n, f.values);
	else
		pg_connection_drop(l->db, "out of memory");
	feed_fetch_fini(&f);
}

static void
send_mark(struct listener *l)
{
	char low[24], finished[CURSOR_TEXT_MAX], seen[24];
	const char *values[] = { low, finished, l->history.identity, seen };

	l->marked_ms = now_ms();
	l->marked_last = l->g.last;
	snprintf(low, sizeof(low), "%" PRId64, cursor_low(&l->g));
	cursor_print(&l->g, finished, sizeof(finished));
	snprintf(seen, sizeof(seen), "%" PRId64, l->history.seen_id);
	l->history_lost = false;
	l->query = MARK;
	pg_connection_send(l->db, "mark", 4, values);
}

/* Sends the query that the doorbell needs. Returns false when it needs none. */
static bool
send_doorbell(struct listener *l)
{
	const char *asleep = "t";

	switch (doorbell_step(l->doorbell, now_ms())) {
	case DOORBELL_NOTHING:
		return false;
	case DOORBELL_HOLDERS:
		l->query = DOORBELL_READING;
		pg_connection_send(l->db, "holders", 0, NULL);
		return true;
	case DOORBELL_WAKE:
		asleep = "f";
		/* FALLTHROUGH */
	case DOORBELL_SLEEP:
		l->query = DOORBELL;
		pg_connection_send(l->db, "asleep", 1, &asleep);
		return true;
	}
	return false;
}

/*
 * Sends the most urgent query other than a fetch. Returns false when none is
 * due.
 */
static bool
send_other(struct listener *l)
{
	if (send_doorbell(l))
		return true;
	if (hole_probe_is_due(l->probe, &l->g, now_ms()) && l->want_holders) {
		l->want_holders = false;
		hole_probe_begin(l->probe, &l->g);
		l->query = HOLDERS;
		pg_connection_send(l->db, "holders", 0, NULL);
	} else if (l->want_high || hole_probe_wants_high(l->probe)) {
		l->want_high = false;
		l->query = HIGH;
		pg_connection_send(l->db, "high", 0, NULL);
	} else if (now_ms() - l->marked_ms >= MARK_MS ||
		   (l->g.last - l->marked_last >= MARK_IDS &&
		       now_ms() - l->marked_ms >= MARK_MS / 5))
		send_mark(l);
	else
		return false;
	return true;
}

/*
 * Sends the next query, if the connection is free. After a fetch the other
 * queries come first; otherwise continuous rings would keep holes open.
 */
static void
proceed(struct listener *l)
{
	bool fetched_last = l->fetched_last;

	if (!pg_connection_is_up(l->db) || !l->has_position || l->query != NONE)
		return;
	l->fetched_last = l->want_fetch && !(fetched_last && send_other(l));
	if (l->fetched_last)
		send_fetch(l);
	else if (l->query == NONE)
		send_other(l);
}

static void
on_awake_timer(evutil_socket_t fd, short what, void *arg)
{
	struct listener *l = arg;
	int64_t now = now_ms();

	if (now - l->fetched_ms >= doorbell_fetch_ms(l->doorbell, now))
		l->want_fetch = true;
	proceed(l);
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct listener *l = arg;

	l->want_holders = true;
	on_awake_timer(fd, what, arg);
}

struct listener *
listener_new(struct event_base *base, const struct config *config,
    const struct listener_calls *calls, void *arg)
{
	static const struct pg_connection_calls db_calls = {
		.open = open_connection,
		.up = on_up,
		.down = on_down,
		.row = on_row,
		.done = on_done,
		.notify = on_notify,
	};
	static const struct timeval tick = { .tv_usec = PROBE_MS * 1000 };
	struct listener *l = calloc(1, sizeof(*l));

	if (l == NULL)
		log_fatal("out of memory");
	l->base = base;
	l->config = config;
	l->calls = *calls;
	l->arg = arg;
	l->probe = hole_probe_new();
	l->timer = event_new(base, -1, EV_PERSIST, on_timer, l);
	l->doorbell = doorbell_new();
	l->awake_timer = event_new(base, -1, EV_PERSIST, on_awake_timer, l);
	if (l->timer == NULL || l->awake_timer == NULL)
		log_fatal("out of memory");
	event_add(l->timer, &tick);
	l->db = pg_connection_new(base, 0, "listener", &db_calls, l);
	return l;
}

void
listener_free(struct listener *l)
{
	pg_connection_free(l->db);
	event_free(l->timer);
	event_free(l->awake_timer);
	hole_probe_free(l->probe);
	doorbell_free(l->doorbell);
	free(l->epoch);
	free(l);
}
