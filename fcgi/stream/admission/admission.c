/*
 * admission.c - limits, identity and permission, before a stream begins.
 *
 *     request --full?--> stream --may it read?--> hub_begin()
 *                 |         ^
 *                 `-> short response: everything missed, and pgfeed.bye
 *                           |            `------> 401, 403
 *                           `--database away--> head of the response
 *                                                 `--> begun, or goodbye
 *
 * The gateway writes nothing before it knows the permission, so that a refusal is
 * a status. While the database is away that would take too long: a web server
 * whose gateway ends meanwhile would answer with an error. Then the head goes
 * out at once, and a refusal is pgfeed.bye. The head of a long-poll always goes
 * out with its answer.
 *
 * Owner: a stream's permission, counts and subscription are given back in
 *        on_closed() only.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/client_address.h"
#include "base/log.h"
#include "http/control_event.h"
#include "http/sse.h"
#include "stream/admission/admission.h"
#include "stream/admission/permission.h"
#include "stream/admission/stream_answer.h"
#include "stream/admission/stream_limits.h"
#include "stream/admission/waiting_list.h"
#include "stream/source/stats.h"

#define POLITE_RETRY_MS 15000
#define AT_ONCE_MS      5000 /* at the latest */

/* Short responses at a time: a part of the places, within these bounds. */
#define FULL_PART 4
#define FULL_MIN  10
#define FULL_MAX  1000

/* A waiting client is late after its retry, half of that and this. */
#define LATE_MS 2000

struct admission {
	struct hub *hub;
	const struct config *config;
	struct permissions *permissions;
	struct hash_table addresses, users; /* of limits, if there are any */
	struct waiting_list waiting, waiting_cgi;
	size_t n_cgi; /* streams that take a place of cgi_streams */
	int64_t look_again_ms; /* at all streams, before a refusal */
};

/* The places for streams, or for those of pgfeed-cgi. */
static size_t
places(const struct admission *a, bool cgi)
{
	const struct config *c = a->config;

	return (size_t)(cgi ? MIN(c->cgi_streams, c->max_streams)
			    : c->max_streams);
}

static size_t
free_places(const struct admission *a, bool cgi)
{
	size_t taken = hub_streams(a->hub), most = places(a, false);
	size_t left = most > taken ? most - taken : 0;

	if (!cgi)
		return left;
	most = places(a, true);
	return MIN(left, most > a->n_cgi ? most - a->n_cgi : 0);
}

static struct waiting_list *
waiting_list(struct admission *a, bool cgi)
{
	return cgi ? &a->waiting_cgi : &a->waiting;
}

/* Refuses a stream that the gateway cannot serve now. */
static void
refuse(struct subscription *j, enum refusal why, const char *reason)
{
	stats_refuse(why);
	stream_answer_later(
	    j, why <= REFUSED_USER ? j->retry_ms : POLITE_RETRY_MS, reason);
	close(j->conn.fd);
	subscription_free(j);
}

static bool
on_put_off(struct stream *s, const char *reason, void *arg)
{
	struct admission *a = arg;

	if (s->subscription == NULL ||
	    (s->filter->format == FORMAT_POLL && s->state != STREAM_ASKING))
		return false;
	stream_answer_later(s->subscription,
	    s->full ? s->subscription->retry_ms : POLITE_RETRY_MS, reason);
	hub_close(a->hub, s, reason);
	return true;
}

/* Ends a stream whose permission the database cannot tell. */
static void
put_off(struct admission *a, struct stream *s)
{
	if (s->subscription == NULL) {
		hub_end(a->hub, s, BYE_DATABASE);
		return;
	}
	if (stream_at_boundary(s))
		stream_answer_later(s->subscription, POLITE_RETRY_MS, BYE_DATABASE);
	hub_close(a->hub, s, BYE_DATABASE);
}

/*
 * Ends a stream that may not read, or no longer. The client gets 401 or 403 if
 * nothing has been written, else pgfeed.bye with that reason; it gets neither
 * while a chunk is halfway out.
 */
static void
forbid(struct admission *a, struct stream *s, const char *reason)
{
	struct hub *h = a->hub;

	if (s->state == STREAM_CLOSED)
		return;
	if (stream_at_boundary(s) && s->subscription == NULL) {
		hub_end(h, s, reason);
		return;
	}
	if (stream_at_boundary(s))
		stream_answer_forbidden(s, reason);
	hub_close(h, s, reason);
}

/* Adds the head of the response, if it is still to come. */
static void
begin_response(struct admission *a, struct stream *s, struct buf *text)
{
	if (s->subscription == NULL || s->filter->format == FORMAT_POLL)
		return;
	stream_answer_add_head(text, s->subscription);
	sse_add_retry(text, (unsigned)s->subscription->retry_ms);
	subscription_free(s->subscription);
	s->subscription = NULL;
}

static void
answer_head_only(struct admission *a, struct stream *s)
{
	stream_answer_head_only(s);
	hub_close(a->hub, s, "HEAD is answered");
}

/* Writes the head of the response alone. */
static void
show_head(struct admission *a, struct stream *s)
{
	struct buf text = BUF_INIT;

	if (s->subscription != NULL && s->subscription->head_only) {
		answer_head_only(a, s);
		return;
	}
	begin_response(a, s, &text);
	if (text.len > 0) {
		buf_addstr(&text, "\n");
		hub_write(a->hub, s, &text, false);
	}
	buf_fini(&text);
}

/* Begins the response and, if the feed is known, the stream. */
static void
admit(struct admission *a, struct stream *s)
{
	struct buf text = BUF_INIT;

	if (s->subscription != NULL && s->subscription->head_only) {
		answer_head_only(a, s);
		return;
	}
	if (!hub_knows_feed(a->hub)) { /* waits for the feed's position */
		show_head(a, s);
		return;
	}
	begin_response(a, s, &text);
	hub_begin(a->hub, s, &text);
	buf_fini(&text);
}

static void
on_resume(struct stream *s, void *arg)
{
	struct admission *a = arg;

	if (!stream_at_boundary(s))
		return;
	if (s->permission->answer == PERMISSION_REFUSED)
		forbid(a, s, "forbidden");
	else if (s->permission->answer == PERMISSION_FAILED)
		put_off(a, s);
	else if (hub_knows_feed(a->hub) || s->subscription != NULL)
		admit(a, s);
}

/* --- news about permissions */

static void
on_decided(struct permission *r, void *arg)
{
	struct admission *a = arg;
	struct stream *s;

	while ((s = LIST_FIRST(&r->waiting)) != NULL) {
		stream_set_state(s, STREAM_OPENING);
		hub_enqueue(a->hub, s);
	}
}

static void
on_lost(void *arg)
{
	struct admission *a = arg;
	struct stream *s;

	hub_flush(a->hub);
	STREAM_SET_FOREACH (s, i, hub_stream_set(a->hub)) {
		if (s->state == STREAM_ASKING || s->state == STREAM_CLOSED ||
		    s->permission->lost == NULL)
			continue;
		stats.access_lost++;
		if (strcmp(s->permission->lost, BYE_DATABASE) == 0)
			put_off(a, s);
		else
			forbid(a, s, s->permission->lost);
	}
}

static void
on_away(void *arg)
{
	struct admission *a = arg;
	struct stream *s;

	STREAM_SET_FOREACH (s, i, hub_stream_set(a->hub)) {
		if (s->state == STREAM_ASKING)
			show_head(a, s);
	}
}

static void
on_revoked(const char *payload, void *arg)
{
	struct admission *a = arg;

	permissions_revoked(a->permissions, payload);
}

/* --- a new stream */

/* Sets the time at which the stream ends by itself. */
static void
set_end(
    const struct admission *a, struct stream *s, const struct subscription *j)
{
	int64_t age = a->config->max_age, token = INT64_MAX;

	s->ends_ms = INT64_MAX;
	s->at_once =
	    (j->brief || j->format == FORMAT_POLL) && j->wait_ms == 0;
	if (s->at_once)
		s->ends_ms = s->wrote_ms + AT_ONCE_MS;
	else if (j->format == FORMAT_POLL || j->brief)
		s->ends_ms = s->wrote_ms + j->wait_ms;
	else if (age > 0)
		s->ends_ms = s->wrote_ms + age - age / 5 +
			     random_between(0, (uint32_t)(age / 5 * 2));
	if (j->identity.expires != 0)
		token =
		    s->wrote_ms +
		    MAX(j->identity.expires - wall_us() / 1000000, 0) * 1000;
	if (token < s->ends_ms) {
		s->ends_ms = token;
		s->expires = true;
	}
}

/* Makes a stream, which owns j. NULL, with j unchanged, without memory. */
static struct stream *
new_stream(struct admission *a, struct subscription *j)
{
	struct shape shape = {
		.format = j->format,
		.pad = (uint8_t)j->pad,
		.brief = j->brief,
		.cors = j->format == FORMAT_POLL ? j->cors : "",
	};
	struct stream *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->filter = filter_get(hub_filter_set(a->hub), shape,
	    (const char *const *)j->pattern, j->n);
	if (s->filter != NULL)
		s->permission =
		    permission_get(a->permissions, &j->identity, s->filter);
	s->fd = j->conn.fd;
	s->id = j->conn.id;
	s->start = (uint8_t)j->start;
	s->heartbeat_event = j->heartbeat_event;
	s->upto = (uint64_t)j->last_n;
	s->full = j->full;
	s->cgi = j->cgi;
	s->ticket = j->ticket;
	s->retry_ms = j->retry_ms;
	s->wrote_ms = now_ms();
	set_end(a, s, j);
	if (s->permission == NULL || !hub_add(a->hub, s)) {
		if (s->permission != NULL)
			permission_unref(a->permissions, s->permission);
		if (s->filter != NULL)
			filter_unref(hub_filter_set(a->hub), s->filter);
		free(s);
		return NULL;
	}
	s->waiting = &s->permission->waiting;
	s->own = j->position;
	j->position = NULL;
	s->subscription = j;
	a->n_cgi += s->cgi && !s->full;
	return s;
}

static void
uncount(struct admission *a, struct stream_limit *address,
    struct stream_limit *user)
{
	if (address != NULL)
		stream_limit_remove(&a->addresses, address);
	if (user != NULL)
		stream_limit_remove(&a->users, user);
}

/*
 * Counts a stream for its address and user, and takes it off the waiting list.
 * Returns the limit that refuses it, or REFUSED_NOT.
 */
static enum refusal
count(struct admission *a, const struct subscription *j,
    struct stream_limit **address, struct stream_limit **user)
{
	uint32_t per_address = (uint32_t)a->config->max_streams_per_address;
	uint32_t per_user = (uint32_t)a->config->max_streams_per_user;
	const char *who = j->identity.who;
	struct client_key key = client_key(j->address);

	*address = *user = NULL;
	if (free_places(a, j->cgi) == 0)
		return REFUSED_FULL;
	if (per_address > 0) {
		*address = stream_limit_add(
		    &a->addresses, &key, sizeof(key), per_address);
		if (*address == NULL)
			return REFUSED_ADDRESS;
	}
	if (per_user > 0 && who != NULL) {
		*user = stream_limit_add(&a->users, who, strlen(who), per_user);
		if (*user == NULL) {
			uncount(a, *address, NULL);
			return REFUSED_USER;
		}
	}
	if (!waiting_list_admit(waiting_list(a, j->cgi), j->ticket,
		free_places(a, j->cgi), now_ms())) {
		uncount(a, *address, *user);
		*address = *user = NULL;
		return REFUSED_FULL;
	}
	return REFUSED_NOT;
}

/*
 * Closes the streams whose clients have left since the last look. A look takes
 * 0.4 us per stream; the interval keeps the cost of refused requests below a
 * tenth of the time.
 */
static bool
look_again(struct admission *a)
{
	int64_t now = now_ms();

	if (now < a->look_again_ms)
		return false;
	a->look_again_ms = now + (int64_t)hub_streams(a->hub) / 250;
	hub_look_at_all(a->hub);
	return true;
}

/*
 * Makes the stream a short response, which takes no place. False when too many
 * of them are open.
 */
static bool
make_full(struct admission *a, struct subscription *j, enum refusal why)
{
	struct waiting_list *list = waiting_list(a, j->cgi);
	size_t most = places(a, j->cgi) / FULL_PART;

	j->retry_ms = waiting_list_retry_ms(list, a->config->retry_min,
	    a->config->retry_max, places(a, j->cgi));
	if (why == REFUSED_FULL && j->format != FORMAT_POLL && !j->head_only)
		j->ticket = waiting_list_keep(list, j->ticket,
		    free_places(a, j->cgi),
		    now_ms() + j->retry_ms / 2 * 3 + LATE_MS);
	if (hub_short_responses(a->hub) >=
	    MIN(MAX(most, (size_t)FULL_MIN), (size_t)FULL_MAX))
		return false;
	stats_refuse(why);
	j->full = j->brief = true;
	j->wait_ms = 0;
	return true;
}

void
admission_request(struct admission *a, struct subscription *j)
{
	struct stream_limit *address, *user;
	enum refusal why;
	struct stream *s;
	bool served;

	if (hub_is_ending(a->hub)) {
		refuse(j, REFUSED_ENDING, "shutting down");
		return;
	}
	why = count(a, j, &address, &user);
	if (why != REFUSED_NOT && look_again(a))
		why = count(a, j, &address, &user);
	j->retry_ms = random_between(
	    (uint32_t)a->config->retry_min, (uint32_t)a->config->retry_max);
	served = why == REFUSED_NOT || make_full(a, j, why);
	stats.waiting = waiting_list_count(&a->waiting) +
			waiting_list_count(&a->waiting_cgi);
	if (!served) {
		refuse(j, why, "full");
		return;
	}
	hub_flush(a->hub); /* before a stream becomes live */
	s = new_stream(a, j);
	if (s == NULL) {
		uncount(a, address, user);
		refuse(j, REFUSED_MEMORY, "out of memory");
		return;
	}
	s->address = address;
	s->user = user;
	switch (permission_answer(a->permissions, s->permission)) {
	case PERMISSION_GRANTED:
		admit(a, s);
		break;
	case PERMISSION_REFUSED:
		forbid(a, s, "forbidden");
		break;
	case PERMISSION_UNKNOWN:
	case PERMISSION_FAILED: /* never, it is asked for again */
		stream_set_state(s, STREAM_ASKING);
		if (!permissions_is_up(a->permissions))
			show_head(a, s);
		break;
	}
}

static void
on_closed(struct stream *s, void *arg)
{
	struct admission *a = arg;

	permission_unref(a->permissions, s->permission);
	if (s->subscription != NULL)
		subscription_free(s->subscription);
	uncount(a, s->address, s->user);
	a->n_cgi -= s->cgi && !s->full;
}

struct admission *
admission_new(
    struct event_base *base, const struct config *config, struct hub *hub)
{
	static const struct permission_calls permission_calls = {
		.decided = on_decided,
		.lost = on_lost,
		.away = on_away,
	};
	static const struct hub_calls hub_calls = {
		.resume = on_resume,
		.put_off = on_put_off,
		.closed = on_closed,
		.revoked = on_revoked,
	};
	struct admission *a = calloc(1, sizeof(*a));

	if (a == NULL)
		log_fatal("out of memory");
	a->hub = hub;
	a->config = config;
	waiting_list_init(&a->waiting);
	waiting_list_init(&a->waiting_cgi);
	a->permissions = permissions_new(base, config, &permission_calls, a);
	hub_set_calls(hub, &hub_calls, a);
	return a;
}

void
admission_free(struct admission *a)
{
	permissions_free(a->permissions);
	waiting_list_fini(&a->waiting);
	waiting_list_fini(&a->waiting_cgi);
	free(a);
}
