/*
 * history.c - history from the table, in pages that streams share.
 *
 *     stream --> cached page covers its position? --yes--> page
 *                              |no
 *                      job (one per topics) --query--> page --> waiting streams
 *
 * One query runs at a time, on a connection of its own, so many reconnecting
 * clients do not delay live events. A job reads from the lowest position among
 * the streams that wait for it.
 *
 * A page knows the feed's position at the time of its query. Rows in holes of
 * that position are left out: they arrive live. The SQL leaves them out, since
 * otherwise a page could be full of them, or end with one; then the stream
 * would make no progress, or its position would claim events that it has not
 * had.
 *
 * Always: a page has all rows in its range at that position, or its oldest says
 *         that some are gone.
 * Owner:  streams hold references; the cache keeps pages without any for a
 *         while.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pg/db.h"
#include "base/log.h"
#include "pg/pg_connection.h"
#include "stream/source/history.h"
#include "stream/source/stats.h"
#include "feed/feed_sql.h"
#include "feed/topic.h"

#define PAGE_ROWS  400
#define FIRST_ROWS 40 /* short, so a client soon gets events */
#define PAGE_BYTES (256 * 1024)
#define CLEAN_MS   1000

#define COLUMNS                                                        \
	"id, (extract(epoch FROM at) * 1000000)::bigint AS at, topic," \
	" array_to_string(also, E'\n') AS also, kind, data, by"
/* Not in a hole of the feed (a multirange). */
#define IS_HAD(holes, id) "NOT " id " <@ " holes "::int8multirange"
#define TAKES(topic)                             \
	topic " = ANY ($3::text[]) OR EXISTS (SELECT FROM" \
	" unnest($4::text[]) p WHERE starts_with(" topic ", p))"
#define IS_WANTED                                                            \
	"(" TAKES("topic") " OR (also IS NOT NULL AND EXISTS (SELECT FROM" \
	" unnest(also) a WHERE " TAKES("a") ")))"
/* The first of an event's further topics that the job has. */
#define FIRST_FURTHER \
	"(SELECT a FROM unnest(also) a WHERE a = ANY ($3::text[]) LIMIT 1)"
/* Part of the same statement, so that it is as old as the rows. */
#define OLDEST_ROW                                                      \
	"SELECT NULL::bigint AS id, oldest AS at, NULL::text AS topic," \
	" NULL::text AS also, NULL::text AS kind, NULL::text AS data,"  \
	" NULL::text AS by"                                             \
	" FROM pgfeed.mark"

static const struct {
	const char *name, *sql;
} statements[] = {
	/*
	 * One index range per topic, since topic = ANY with LIMIT scans
	 * history. The second part finds the events that have the topic as a
	 * further one, each once.
	 */
	{ "range", OLDEST_ROW
	    " UNION ALL (SELECT * FROM ("
	    "(SELECT e.* FROM unnest($3::text[]) t(topic)"
	    " CROSS JOIN LATERAL (SELECT " COLUMNS " FROM pgfeed.event"
	    "  WHERE topic = t.topic AND id > $1::bigint AND id <= $2::bigint"
	    "  AND " IS_HAD("$5", "id") " ORDER BY id LIMIT $4::integer) e"
	    " ORDER BY id LIMIT $4::integer)"
	    " UNION ALL"
	    " (SELECT e.* FROM unnest($3::text[]) t(topic)"
	    " CROSS JOIN LATERAL (SELECT e.* FROM pgfeed.further f"
	    "  CROSS JOIN LATERAL (SELECT " COLUMNS " FROM pgfeed.event"
	    "   WHERE id = f.id AND topic <> ALL ($3::text[])"
	    "   AND t.topic = " FIRST_FURTHER " OFFSET 0) e"
	    "  WHERE f.topic = t.topic AND f.id > $1::bigint"
	    "  AND f.id <= $2::bigint AND " IS_HAD("$5", "f.id")
	    "  ORDER BY f.id LIMIT $4::integer) e"
	    " ORDER BY id LIMIT $4::integer)"
	    ") found ORDER BY id LIMIT $4::integer)" },
	/* Prefixes scan a window of ids, so $2 - $1 is bounded. */
	{ "range_prefix", OLDEST_ROW
	    " UNION ALL (SELECT " COLUMNS " FROM pgfeed.event"
	    "  WHERE id > $1::bigint AND id <= $2::bigint AND " IS_WANTED
	    "  AND " IS_HAD("$6", "id") " ORDER BY id LIMIT $5::integer)" },
	{ "holes", OLDEST_ROW
	    " UNION ALL (SELECT e.* FROM"
	    " unnest($1::bigint[], $2::bigint[]) h(low, high)"
	    " CROSS JOIN LATERAL (SELECT " COLUMNS " FROM pgfeed.event"
	    "  WHERE id BETWEEN h.low AND h.high AND " IS_WANTED
	    "  ORDER BY id LIMIT $5::integer) e ORDER BY id LIMIT $5::integer)" },
	/* The id of the $1-th newest event; at is NULL when there are fewer. */
	{ "locate",
	    "SELECT min(id) AS id, count(*) AS at FROM ("
	    "SELECT id FROM (SELECT e.id FROM unnest($3::text[]) t(topic)"
	    " CROSS JOIN LATERAL (SELECT id FROM pgfeed.event"
	    "  WHERE topic = t.topic AND id <= $2::bigint"
	    "  ORDER BY id DESC LIMIT $1::bigint) e"
	    " UNION (SELECT e.id FROM unnest($3::text[]) t(topic)"
	    " CROSS JOIN LATERAL (SELECT e.id FROM pgfeed.further f"
	    "  CROSS JOIN LATERAL (SELECT id FROM pgfeed.event"
	    "   WHERE id = f.id AND t.topic = ANY (also) OFFSET 0) e"
	    "  WHERE f.topic = t.topic AND f.id <= $2::bigint"
	    "  ORDER BY f.id DESC LIMIT $1::bigint) e)"
	    " UNION (SELECT id FROM pgfeed.event WHERE id <= $2::bigint"
	    "  AND id > $2::bigint - 200000 AND cardinality($4::text[]) > 0"
	    "  AND " IS_WANTED
	    "  ORDER BY id DESC LIMIT $1::bigint)) f"
	    " ORDER BY id DESC LIMIT $1::bigint) g" },
};
#define PREFIX_WINDOW INT64_C(20000) /* ids of one range_prefix */

struct job {
	enum history_page_kind kind;
	char *key;
	char *exact, *prefixes; /* text arrays */
	bool has_prefix;
	int64_t from;     /* HISTORY_PAGE_LOCATE: the number of events */
	struct cursor *c; /* HISTORY_PAGE_HOLES: the position with the holes */
	LIST_HEAD(, waiter) waiters;
	TAILQ_ENTRY(job) in_queue;
};

struct history {
	const struct config *config;
	struct history_calls calls;
	void *arg;
	struct pg_connection *db;
	struct event *cleaner;
	TAILQ_HEAD(, job) queue;
	struct job *running;
	/* the page that the query under way fills */
	struct history_page *reading;
	unsigned limit, rows;         /* limit of that query, and rows so far */
	bool discard;                 /* the feed has started over */
	struct history_page_cache cache;
};

static void run_next(struct history *);

static void
on_clean(evutil_socket_t fd, short what, void *arg)
{
	struct history *r = arg;

	history_page_cache_clean(&r->cache, false);
}

/* --- jobs */

static void
free_job(struct job *j)
{
	if (j == NULL)
		return;
	free(j->key);
	free(j->exact);
	free(j->prefixes);
	free(j->c);
	free(j);
}

void
history_forget(struct waiter *w)
{
	if (w->job == NULL)
		return;
	LIST_REMOVE(w, entry);
	w->job = NULL;
}

/* Makes every waiter of j try again. j is in the queue no longer. */
static void
wake(struct history *r, struct job *j)
{
	struct waiter *w;

	while ((w = LIST_FIRST(&j->waiters)) != NULL) {
		history_forget(w);
		r->calls.ready(w, r->arg);
	}
	free_job(j);
}

/*
 * Converts the patterns to two text arrays: topics, and prefixes with their
 * slash.
 */
static bool
set_topics(struct job *j, const struct topic_set *topics)
{
	struct buf exact = BUF_INIT, prefixes = BUF_INIT;

	for (size_t i = 0; i < topics->n; i++) {
		size_t n = strlen(topics->pattern[i]);
		bool prefix = topic_is_prefix(topics->pattern[i], n);
		struct buf *b = prefix ? &prefixes : &exact;
		char *name = strndup(topics->pattern[i], n - prefix);

		buf_addc(b, b->len == 0 ? '{' : ',');
		if (name != NULL)
			db_add_element(b, name);
		else
			b->failed = true;
		free(name);
		j->has_prefix |= prefix;
	}
	buf_addstr(&exact, exact.len == 0 ? "{}" : "}");
	buf_addstr(&prefixes, prefixes.len == 0 ? "{}" : "}");
	j->exact = exact.data;
	j->prefixes = prefixes.data;
	return !buf_failed(&exact) && !buf_failed(&prefixes);
}

/* Makes w wait for that job, which is created if it is not in the queue. */
static void
enqueue(struct history *r, enum history_page_kind kind, const char *key,
    int64_t from, const struct topic_set *topics, const struct cursor *c,
    struct waiter *w)
{
	struct job *j;

	TAILQ_FOREACH (j, &r->queue, in_queue) {
		if (j->kind == kind && strcmp(j->key, key) == 0)
			break;
	}
	if (j == NULL) {
		j = calloc(1, sizeof(*j));
		if (j == NULL)
			return;
		j->kind = kind;
		j->key = strdup(key);
		j->from = from;
		LIST_INIT(&j->waiters);
		if (kind == HISTORY_PAGE_HOLES)
			j->c = malloc(sizeof(*j->c));
		if (j->key == NULL || !set_topics(j, topics) ||
		    (kind == HISTORY_PAGE_HOLES && j->c == NULL)) {
			free_job(j);
			return;
		}
		if (kind == HISTORY_PAGE_HOLES)
			cursor_copy(j->c, c);
		TAILQ_INSERT_TAIL(&r->queue, j, in_queue);
	}
	j->from = MIN(j->from, from);
	w->job = j;
	LIST_INSERT_HEAD(&j->waiters, w, entry);
	run_next(r);
}

static struct history_page *
want(struct history *r, enum history_page_kind kind, const char *key,
    int64_t from, const struct topic_set *topics, const struct cursor *c,
    struct waiter *w)
{
	struct history_page *p =
	    history_page_cache_find(&r->cache, kind, key, from);

	if (p != NULL) {
		p->refs++;
		return p;
	}
	enqueue(r, kind, key, from, topics, c, w);
	return NULL;
}

struct history_page *
history_next_page(struct history *r, const struct topic_set *topics,
    const struct cursor *c, struct waiter *w)
{
	const struct cursor *feed = r->calls.feed(r->arg);
	struct buf key = BUF_INIT;
	char text[CURSOR_TEXT_MAX];
	struct history_page *p = NULL;

	if (!feed_sql_has_missed(c, feed))
		return want(
		    r, HISTORY_PAGE_RANGE, topics->key, c->last, topics, c, w);
	cursor_print(c, text, sizeof(text));
	buf_addf(&key, "%s\n\n%s", topics->key, text);
	if (!buf_failed(&key))
		p = want(r, HISTORY_PAGE_HOLES, key.data, 0, topics, c, w);
	buf_fini(&key);
	return p;
}

struct history_page *
history_locate(struct history *r, const struct topic_set *topics, int64_t n,
    struct waiter *w)
{
	struct buf key = BUF_INIT;
	struct history_page *p = NULL;

	buf_addf(&key, "%s\n\n-%" PRId64, topics->key, n);
	if (!buf_failed(&key))
		p = want(r, HISTORY_PAGE_LOCATE, key.data, n, topics, NULL, w);
	buf_fini(&key);
	return p;
}

/* --- queries */

static void
send_query(struct history *r, struct job *j)
{
	const struct cursor *feed = r->calls.feed(r->arg);
	struct history_page *p;
	char from[24], to[24], limit[24], text[CURSOR_TEXT_MAX];
	const char *values[6] = { from, to, j->exact, j->prefixes, limit };
	struct buf low = BUF_INIT, high = BUF_INIT, holes = BUF_INIT;

	cursor_print(feed, text, sizeof(text));
	p = history_page_new(j->kind, j->key, text, PAGE_ROWS);
	if (p == NULL)
		return;
	p->from = j->from;
	p->to = feed->last;
	if (j->kind == HISTORY_PAGE_HOLES) {
		feed_sql_add_missed(&low, &high, j->c, feed);
		values[0] = low.data;
		values[1] = high.data;
	}
	for (unsigned i = 0; i < feed->n; i++)
		buf_addf(&holes, "%c[%" PRId64 ",%" PRId64 "]",
		    i == 0 ? '{' : ',', feed->hole[i].low, feed->hole[i].high);
	buf_addstr(&holes, feed->n == 0 ? "{}" : "}");
	if (buf_failed(&low) || buf_failed(&high) || buf_failed(&holes)) {
		history_page_free(p);
		goto out;
	}
	if (j->kind == HISTORY_PAGE_RANGE && j->has_prefix &&
	    p->to - p->from > PREFIX_WINDOW) {
		p->to = p->from + PREFIX_WINDOW;
		/* A page ends with an id that the feed has had. */
		for (unsigned i = 0; i < feed->n; i++) {
			if (feed->hole[i].low <= p->to &&
			    p->to <= feed->hole[i].high)
				p->to = feed->hole[i].high + 1;
		}
	}
	snprintf(from, sizeof(from), "%" PRId64, j->from);
	snprintf(to, sizeof(to), "%" PRId64, p->to);
	r->limit = PAGE_ROWS;
	if (j->kind == HISTORY_PAGE_RANGE &&
	    !history_page_cache_ends_at(
		&r->cache, HISTORY_PAGE_RANGE, j->key, j->from))
		r->limit = FIRST_ROWS;
	snprintf(limit, sizeof(limit), "%u", r->limit);
	if (j->kind == HISTORY_PAGE_RANGE && j->has_prefix)
		values[5] = holes.data;
	else if (j->kind == HISTORY_PAGE_RANGE) {
		values[3] = limit;
		values[4] = holes.data;
	}
	r->reading = p;
	r->running = j;
	r->rows = 0;
	r->discard = false;
	TAILQ_REMOVE(&r->queue, j, in_queue);
	stats.replay_queries++;
	if (j->kind == HISTORY_PAGE_RANGE)
		pg_connection_send(r->db,
		    j->has_prefix ? "range_prefix" : "range",
		    j->has_prefix ? 6 : 5, values);
	else if (j->kind == HISTORY_PAGE_HOLES)
		pg_connection_send(r->db, "holes", 5, values);
	else
		pg_connection_send(r->db, "locate", 4, values);
out:
	buf_fini(&low);
	buf_fini(&high);
	buf_fini(&holes);
}

static void
run_next(struct history *r)
{
	struct job *j;

	while (pg_connection_is_up(r->db) && r->running == NULL &&
	       (j = TAILQ_FIRST(&r->queue)) != NULL) {
		if (!LIST_EMPTY(&j->waiters)) {
			send_query(r, j);
			return;
		}
		TAILQ_REMOVE(&r->queue, j, in_queue);
		free_job(j);
	}
}

static void
on_row(const PGresult *res, void *arg)
{
	struct history *r = arg;
	struct history_page *p = r->reading;
	struct feed_event *e;
	int64_t id = strtoll(PQgetvalue(res, 0, 0), NULL, 10);

	if (p->kind == HISTORY_PAGE_LOCATE) {
		/*
		 * No row, or fewer than the limit: the page has all events of
		 * its range.
		 */
		p->to = PQgetisnull(res, 0, 0) ? p->to : id - 1;
		return;
	}
	if (PQgetisnull(res, 0, 0)) {
		p->oldest = strtoll(PQgetvalue(res, 0, 1), NULL, 10);
		return;
	}
	stats.replay_rows++;
	r->rows++;
	/* Rows beyond the maximum bytes of a page are read again later. */
	if (p->full)
		return;
	e = feed_event_new(id, strtoll(PQgetvalue(res, 0, 1), NULL, 10),
	    PQgetvalue(res, 0, 2),
	    PQgetisnull(res, 0, 3) ? NULL : PQgetvalue(res, 0, 3),
	    PQgetisnull(res, 0, 4) ? NULL : PQgetvalue(res, 0, 4),
	    PQgetvalue(res, 0, 5), (size_t)PQgetlength(res, 0, 5),
	    PQgetisnull(res, 0, 6) ? NULL : PQgetvalue(res, 0, 6), "", 0);
	if (e == NULL) {
		r->discard = true;
		return;
	}
	history_page_add(p, e);
	if (r->rows == r->limit || p->bytes > PAGE_BYTES) {
		p->full = true;
		if (p->kind == HISTORY_PAGE_RANGE)
			p->to = id;
	}
}

static void
on_done(bool ok, void *arg)
{
	struct history *r = arg;
	struct job *j = r->running, *other, *next;
	struct history_page *p = r->reading;

	r->running = NULL;
	r->reading = NULL;
	if (ok && !r->discard)
		history_page_cache_add(&r->cache, p);
	else
		history_page_free(p);
	/* The page may serve waiters that came during the query. */
	for (other = TAILQ_FIRST(&r->queue); other != NULL; other = next) {
		next = TAILQ_NEXT(other, in_queue);
		if (other->kind == j->kind && strcmp(other->key, j->key) == 0) {
			TAILQ_REMOVE(&r->queue, other, in_queue);
			wake(r, other);
			break;
		}
	}
	wake(r, j);
	if (!ok) {
		pg_connection_drop(r->db, "a query failed");
		return;
	}
	run_next(r);
}

static void
on_up(void *arg)
{
	run_next(arg);
}

static void
on_down(void *arg)
{
	struct history *r = arg;
	struct job *j = r->running;

	r->running = NULL;
	history_page_free(r->reading);
	r->reading = NULL;
	if (j != NULL)
		wake(r, j); /* they join the queue again */
}

/* Opens the connection; runs in the opening thread. */
static PGconn *
open_connection(void *arg, struct buf *err)
{
	const struct history *r = arg;
	PGconn *db;

	db = db_connect(config_database(r->config, r->config->stream_database),
	    "replay", err);
	for (size_t i = 0; db != NULL && i < ARRAY_LEN(statements); i++) {
		if (db_prepare(db, statements[i].name, statements[i].sql, err))
			continue;
		PQfinish(db);
		db = NULL;
	}
	return db;
}

void
history_reset(struct history *r)
{
	r->discard = true;
	history_page_cache_clean(&r->cache, true);
}

struct history *
history_new(struct event_base *base, const struct config *config,
    const struct history_calls *calls, void *arg)
{
	static const struct timeval tick = { .tv_sec = CLEAN_MS / 1000 };
	static const struct pg_connection_calls db_calls = {
		.open = open_connection,
		.log_as_info = true,
		.up = on_up,
		.down = on_down,
		.row = on_row,
		.done = on_done,
	};
	struct history *r = calloc(1, sizeof(*r));

	if (r == NULL)
		log_fatal("out of memory");
	r->config = config;
	r->calls = *calls;
	r->arg = arg;
	TAILQ_INIT(&r->queue);
	history_page_cache_init(&r->cache);
	r->cleaner = event_new(base, -1, EV_PERSIST, on_clean, r);
	if (r->cleaner == NULL)
		log_fatal("out of memory");
	event_add(r->cleaner, &tick);
	r->db = pg_connection_new(base, 1, "replay", &db_calls, r);
	return r;
}

void
history_free(struct history *r)
{
	struct job *j;

	pg_connection_free(r->db);
	event_free(r->cleaner);
	history_page_free(r->reading);
	free_job(r->running);
	while ((j = TAILQ_FIRST(&r->queue)) != NULL) {
		TAILQ_REMOVE(&r->queue, j, in_queue);
		free_job(j);
	}
	history_page_cache_fini(&r->cache);
	free(r);
}
