/*
 * permission.c - LRU cache of permissions, asked for without blocking.
 *
 *     FRESH ---+                            +--> KNOWN --access_age--> AGAIN
 *              +--> ASKING --an answer------+      ^                     |
 *     AGAIN ---+      (one statement)              +---------------------+
 *
 * One statement is under way at a time; all that gather meanwhile go into the
 * next. Those who wait at the door go first, but a part of every statement is
 * for those who are in, so that a crowd at the door does not keep them there.
 *
 * Revocations are heard on the listener's connection: a query under way here
 * would hold them back. What was asked before one, and is answered after it, is
 * asked again. With every answer comes when the user was last revoked; that
 * it has changed shows a revocation whose notification did not arrive.
 *
 * A statement that fails is taken apart: each permission is asked for alone, and the
 * one with which it still fails has no answer: its streams come back later.
 *
 * Always: every permission is in the queue of its place; in FRESH are those with
 *         somebody waiting; a permission without references is KNOWN.
 * Owner:  streams and the statement hold references. Answers without one are
 *         kept for whoever comes back, UNUSED_MAX of them at most, and no
 *         more than UNUSED_BYTES: a stranger may ask for many long topics.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "stream/admission/permission.h"
#include "pg/db.h"
#include "base/log.h"
#include "http/control_event.h"
#include "pg/pg_connection.h"
#include "stream/source/stats.h"

#define TICK_MS      250
#define FRESH_TOPICS 400 /* in one statement */
#define AGAIN_TOPICS 100
#define UNUSED_MAX   10000
#define UNUSED_BYTES (8 * 1024 * 1024)

static const char SETTING[] = "SET statement_timeout = '5s'";
static const char QUESTION[] =
    "SELECT allowed, revoked, alias, reason"
    " FROM pgfeed.allowed($1, $2, $3, false) ORDER BY n";

enum place { FRESH, AGAIN, ASKING, KNOWN, PLACES };
TAILQ_HEAD(permission_queue, permission);

struct permissions {
	const struct config *config;
	struct permission_calls calls;
	void *arg;
	struct pg_connection *db;
	struct event *timer;

	struct hash_table table; /* of permissions */
	struct permission_queue queue[PLACES];
	size_t unused, unused_bytes;

	struct permission *answering; /* the one the next row is for */
	unsigned answered;            /* its topics so far */
	int64_t asked_ms;
};

static const char *
permission_who(const struct permission *r)
{
	const char *who = r->key + strlen(r->key) + 1;

	return *who == '=' ? who + 1 : NULL; /* anonymous: "-" */
}

static const char *
permission_claims(const struct permission *r)
{
	const char *who = r->key + strlen(r->key) + 1;

	return who + strlen(who) + 1;
}

static void
put(struct permissions *a, struct permission *r, enum place place)
{
	TAILQ_REMOVE(&a->queue[r->place], r, in_queue);
	r->place = (uint8_t)place;
	TAILQ_INSERT_TAIL(&a->queue[place], r, in_queue);
}

static bool
has_answer(const struct permission *r)
{
	return r->answer == PERMISSION_GRANTED ||
	       r->answer == PERMISSION_REFUSED;
}

static size_t
size_of(const struct permission *r)
{
	return sizeof(*r) + r->in_table.n + 1;
}

/* Nobody refers to it any more, or somebody does again. */
static void
set_unused(struct permissions *a, const struct permission *r, bool unused)
{
	if (unused) {
		a->unused++;
		a->unused_bytes += size_of(r);
	} else {
		a->unused--;
		a->unused_bytes -= size_of(r);
	}
}

static void
free_permission(struct permissions *a, struct permission *r)
{
	TAILQ_REMOVE(&a->queue[r->place], r, in_queue);
	hash_table_remove(&a->table, r);
	stats.permissions--;
	free(r);
}

/* --- the question */

static void
add_element(struct buf *b, const char *s, size_t n)
{
	char *text = s != NULL ? strndup(s, n) : NULL;

	buf_addc(b, b->len == 0 ? '{' : ',');
	if (text != NULL)
		db_add_element(b, text);
	else if (s == NULL)
		buf_addstr(b, "NULL");
	else
		b->failed = true;
	free(text);
}

/* Moves permissions from a queue into the question, of up to `topics` topics. */
static void
take(struct permissions *a, enum place from, unsigned topics,
    struct buf array[3])
{
	struct permission *r;
	unsigned n = 0;

	while ((r = TAILQ_FIRST(&a->queue[from])) != NULL && n < topics) {
		struct permission *first = TAILQ_FIRST(&a->queue[ASKING]);
		const char *who = permission_who(r),
			   *claims = permission_claims(r);

		if (first != NULL && (first->alone || r->alone))
			break;
		for (const char *p = r->key; *p == '\n';) {
			size_t len = strcspn(++p, "\n");

			add_element(
			    &array[0], who, who != NULL ? strlen(who) : 0);
			add_element(&array[1], claims, strlen(claims));
			add_element(&array[2], p, len);
			p += len;
		}
		n += r->n;
		r->refs++;
		r->stale = false;
		r->allowed = true;
		r->bad_token = false;
		put(a, r, ASKING);
	}
	stats.access_asked += n;
}

static void
ask(struct permissions *a)
{
	struct buf array[3] = { BUF_INIT, BUF_INIT, BUF_INIT };
	const char *values[3];
	bool failed = false;

	if (!pg_connection_is_up(a->db) || pg_connection_is_busy(a->db) ||
	    (TAILQ_EMPTY(&a->queue[FRESH]) && TAILQ_EMPTY(&a->queue[AGAIN])))
		return;
	take(a, FRESH, FRESH_TOPICS, array);
	take(a, AGAIN, AGAIN_TOPICS, array);
	for (size_t i = 0; i < ARRAY_LEN(array); i++) {
		buf_addc(&array[i], '}');
		values[i] = array[i].data;
		failed |= buf_failed(&array[i]);
	}
	a->answering = TAILQ_FIRST(&a->queue[ASKING]);
	a->answered = 0;
	a->asked_ms = now_ms();
	if (failed)
		pg_connection_drop(a->db, "out of memory");
	else
		pg_connection_send(a->db, "allowed", 3, values);
	for (size_t i = 0; i < ARRAY_LEN(array); i++)
		buf_fini(&array[i]);
}

/* --- the answer */

static void
on_row(const PGresult *res, void *arg)
{
	struct permissions *a = arg;
	struct permission *r = a->answering;
	int64_t revoked = strtoll(PQgetvalue(res, 0, 1), NULL, 10);
	const char *reason = PQgetvalue(res, 0, 3);

	if (r == NULL)
		return;
	r->allowed &= *PQgetvalue(res, 0, 0) == 't';
	r->alias = strtoull(PQgetvalue(res, 0, 2), NULL, 16);
	r->bad_token |= strcmp(reason, "revoked") == 0;
	if (strncmp(reason, "failed: ", 8) == 0)
		stats.access_failed++;
	if (has_answer(r) && r->revoked != revoked)
		r->lost = "revoked";
	r->revoked = revoked;
	if (++a->answered == r->n) {
		a->answered = 0;
		a->answering = TAILQ_NEXT(r, in_queue);
	}
}

/*
 * The statement is over. With an answer to it, every permission in it that is not
 * stale has its answer. Otherwise all are asked for again, each alone; a
 * permission that was alone has failed.
 */
static void
conclude(struct permissions *a, bool ok)
{
	struct permission_queue *asking = &a->queue[ASKING];
	struct permission *r = TAILQ_FIRST(asking);
	bool up = pg_connection_is_up(a->db), lost = false;
	bool failed = !ok && up && r != NULL && TAILQ_NEXT(r, in_queue) == NULL;

	if (failed) {
		stats.access_failed += r->n;
		log_warning("access: the database does not tell who may read a topic; streams and long-polls that ask for it are put off");
	}
	TAILQ_FOREACH (r, asking, in_queue) {
		if (r->lost != NULL)
			r->answer = PERMISSION_UNKNOWN;
		lost |= r->lost != NULL;
		if (!(ok || failed) || r->stale)
			continue;
		if (r->answer == PERMISSION_GRANTED && (failed || !r->allowed)) {
			r->lost = failed ? BYE_DATABASE : "forbidden";
			lost = true;
		}
		r->answer = failed       ? PERMISSION_FAILED
			    : r->allowed ? PERMISSION_GRANTED
					 : PERMISSION_REFUSED;
		r->answered_ms = a->asked_ms;
	}
	if (lost)
		a->calls.lost(a->arg);
	while ((r = TAILQ_FIRST(asking)) != NULL) {
		r->lost = NULL;
		r->alone = !ok && up;
		if ((ok || failed) && !r->stale) {
			put(a, r, KNOWN);
			a->calls.decided(r, a->arg);
		} else
			put(a, r, LIST_EMPTY(&r->waiting) ? AGAIN : FRESH);
		permission_unref(a, r);
	}
}

static void
on_done(bool ok, void *arg)
{
	struct permissions *a = arg;

	conclude(a, ok && a->answering == NULL);
	ask(a);
}

static void
on_down(void *arg)
{
	struct permissions *a = arg;

	conclude(a, false);
	a->calls.away(a->arg);
}

static void
on_up(void *arg)
{
	ask(arg);
}

/* --- permissions */

static struct permission *
new_permission(struct permissions *a, const struct buf *key, size_t n)
{
	struct permission *r = calloc(1, sizeof(*r) + key->len + 1);

	if (r == NULL)
		return NULL;
	memcpy(r->key, key->data, key->len + 1);
	if (!hash_table_add(&a->table, r, key->len)) {
		free(r);
		return NULL;
	}
	stats.permissions++;
	LIST_INIT(&r->waiting);
	r->n = (uint16_t)n;
	r->place = KNOWN;
	TAILQ_INSERT_TAIL(&a->queue[KNOWN], r, in_queue);
	set_unused(a, r, true);
	return r;
}

struct permission *
permission_get(
    struct permissions *a, const struct identity *id, const struct filter *f)
{
	struct buf key = BUF_INIT;
	struct permission *r = NULL;

	buf_addstr(&key, f->topics.key);
	buf_addc(&key, '\0');
	buf_addc(&key, id->who != NULL ? '=' : '-');
	buf_addstr(&key, id->who != NULL ? id->who : "");
	buf_addc(&key, '\0');
	buf_addstr(&key, id->claims != NULL ? id->claims : "{}");
	if (!buf_failed(&key)) {
		r = hash_table_find(&a->table, key.data, key.len);
		if (r == NULL)
			r = new_permission(a, &key, f->topics.n);
	}
	buf_fini(&key);
	if (r != NULL && r->refs++ == 0)
		set_unused(a, r, false);
	return r;
}

void
permission_unref(struct permissions *a, struct permission *r)
{
	if (--r->refs > 0)
		return;
	if (r->place == KNOWN && has_answer(r) &&
	    a->unused < UNUSED_MAX &&
	    a->unused_bytes + size_of(r) <= UNUSED_BYTES)
		set_unused(a, r, true);
	else
		free_permission(a, r);
}

enum permission_answer
permission_answer(struct permissions *a, struct permission *r)
{
	if (has_answer(r) &&
	    now_ms() - r->answered_ms < a->config->access_age) {
		stats.access_cached++;
		return (enum permission_answer)r->answer;
	}
	if (r->place != ASKING && r->place != FRESH) {
		put(a, r, FRESH);
		ask(a);
	}
	return PERMISSION_UNKNOWN;
}

bool
permissions_is_up(const struct permissions *a)
{
	return pg_connection_is_up(a->db);
}

/* Nothing that was known before now counts any more; it may be freed. */
static void
forget(struct permissions *a, struct permission *r)
{
	r->answered_ms = 0;
	r->stale = true;
	if (r->refs == 0) {
		set_unused(a, r, false);
		free_permission(a, r);
	} else if (r->place == KNOWN)
		put(a, r, AGAIN);
}

void
permissions_revoked(struct permissions *a, const char *payload)
{
	struct permission *r, *next;
	bool lost = false, ask_only;
	char *end;
	uint64_t alias = strtoull(payload, &end, 16);

	ask_only = strcmp(end, " ask") == 0;
	if (*end != '\0' && !ask_only)
		alias = 0;
	for (r = hash_table_next(&a->table, NULL); r != NULL; r = next) {

		next = hash_table_next(&a->table, r);
		/* The alias of a permission without an answer is not known yet. */
		if (alias == 0 || (ask_only && r->alias == alias) ||
		    (r->alias == 0 && permission_who(r) != NULL)) {
			forget(a, r);
			continue;
		}
		if (r->alias != alias)
			continue;
		lost |= r->refs > 0;
		r->lost = "revoked";
		r->answer = PERMISSION_UNKNOWN;
		forget(a, r);
	}
	if (lost)
		a->calls.lost(a->arg);
	for (r = hash_table_next(&a->table, NULL); r != NULL;
	     r = hash_table_next(&a->table, r))
		r->lost = NULL;
	ask(a);
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct permissions *a = arg;
	struct permission *r;
	int64_t now = now_ms();

	while ((r = TAILQ_FIRST(&a->queue[KNOWN])) != NULL &&
	       now - r->answered_ms >= a->config->access_age) {
		if (r->refs > 0)
			put(a, r, AGAIN);
		else {
			set_unused(a, r, false);
			free_permission(a, r);
		}
	}
	ask(a);
}

/* --- making one */

/* In the connecting thread. */
static PGconn *
open_connection(void *arg, struct buf *err)
{
	const struct permissions *a = arg;
	PGconn *db;

	db = db_connect(config_database(a->config, a->config->stream_database),
	    "access", err);
	if (db != NULL && (!db_exec(db, SETTING, err) ||
			      !db_prepare(db, "allowed", QUESTION, err))) {
		PQfinish(db);
		db = NULL;
	}
	return db;
}

struct permissions *
permissions_new(struct event_base *base, const struct config *config,
    const struct permission_calls *calls, void *arg)
{
	static const struct timeval tick = { .tv_usec = TICK_MS * 1000 };
	static const struct pg_connection_calls db_calls = {
		.open = open_connection,
		.log_as_info = true,
		.up = on_up,
		.down = on_down,
		.row = on_row,
		.done = on_done,
	};
	struct permissions *a = calloc(1, sizeof(*a));

	if (a == NULL)
		log_fatal("out of memory");
	a->config = config;
	a->calls = *calls;
	a->arg = arg;
	a->table.key_at = offsetof(struct permission, key);
	for (size_t i = 0; i < PLACES; i++)
		TAILQ_INIT(&a->queue[i]);
	a->timer = event_new(base, -1, EV_PERSIST, on_timer, a);
	if (a->timer == NULL)
		log_fatal("out of memory");
	event_priority_set(a->timer, 1);
	event_add(a->timer, &tick);
	a->db = pg_connection_new(base, 1, "access", &db_calls, a);
	return a;
}

void
permissions_free(struct permissions *a)
{
	struct permission *r;

	pg_connection_free(a->db);
	event_free(a->timer);
	while ((r = hash_table_next(&a->table, NULL)) != NULL) {
		hash_table_remove(&a->table, r);
		free(r);
	}
	free(a);
}
