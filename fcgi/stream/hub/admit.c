/*
 * admit.c - who is let in, and who has to leave again.
 *
 *     request --full?--> stream --may it read?--> hub_admit(), see join.c
 *               |           ^
 *               `-> short response: everything missed, and pgfeed.bye
 *                           |            `------> 401, 403
 *                           `--database away--> head of the response
 *                                                 `--> admitted, or goodbye
 *
 * Before the answer nothing is written, so that a refusal is a status. Only when
 * the database is away it would take too long, and a web server that sees us end
 * meanwhile would make an error of it: then the head goes out, and a refusal is
 * pgfeed.bye. A long-poll's head goes out with its answer in any case.
 */
#include <sys/socket.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/client_address.h"
#include "fastcgi/record.h"
#include "stream/hub/hub_private.h"
#include "base/log.h"
#include "http/answer.h"
#include "http/control_event.h"
#include "http/sse.h"
#include "stream/source/stats.h"

#define POLITE_RETRY_MS 15000
#define AT_ONCE_MS      5000 /* at the latest */

/* Short responses at a time: a part of the places, within these bounds. */
#define FULL_PART 4
#define FULL_MIN  10
#define FULL_MAX  1000

/* A waiting client is late after its retry, half of that and this. */
#define LATE_MS 2000

static void
add_head(struct buf *b, const struct subscription *j)
{
	if (j->format == FORMAT_POLL)
		return;
	answer_add_head(b, 200, ANSWER_STREAM, j->cors);
}

/* Sends all of an answer on a connection that nothing was written to. */
static void
send_answer(const struct hub *h, int fd, uint16_t id)
{
	struct buf rec = BUF_INIT;

	record_add_output(&rec, id, h->text.data, h->text.len);
	record_add_end(&rec, id);
	if (!buf_failed(&rec) && !buf_failed(&h->text) &&
	    send(fd, rec.data, rec.len, MSG_NOSIGNAL | MSG_DONTWAIT) == -1)
		log_debug("could not refuse a stream politely");
	buf_fini(&rec);
}

static size_t
places(const struct hub *h, bool cgi)
{
	return (size_t)(cgi ? MIN(h->config->cgi_streams,
				  h->config->max_streams)
			    : h->config->max_streams);
}

static size_t
free_places(const struct hub *h, bool cgi)
{
	size_t taken = h->streams.n - h->n_full, most = places(h, false);
	size_t left = most > taken ? most - taken : 0;

	if (!cgi)
		return left;
	most = places(h, true);
	return MIN(left, most > h->n_cgi ? most - h->n_cgi : 0);
}

static struct waiting_list *
waiting(struct hub *h, bool cgi)
{
	return cgi ? &h->waiting_cgi : &h->waiting;
}

static int64_t
full_retry_ms(struct hub *h, bool cgi)
{
	return waiting_list_retry_ms(waiting(h, cgi), h->config->retry_min,
	    h->config->retry_max, places(h, cgi));
}

/*
 * Come back later, by a client that gets nothing: with what it had and from
 * where it was. An error status would end an EventSource for good.
 */
static void
send_refusal(struct hub *h, const struct subscription *j, int64_t retry_ms,
    const char *reason)
{
	buf_clear(&h->text);
	add_head(&h->text, j);
	if (j->format == FORMAT_POLL) {
		struct buf headers = BUF_INIT;

		buf_addf(&headers, "Retry-After: %" PRId64 "\r\n%s",
		    (retry_ms + 999) / 1000, j->cors);
		if (!buf_failed(&headers))
			answer_add_problem(&h->text, 503, headers.data, reason);
		buf_fini(&headers);
	} else {
		sse_add_retry(&h->text, (unsigned)retry_ms);
		control_event_bye(&h->text, NULL, reason);
	}
	send_answer(h, j->conn.fd, j->conn.id);
}

/* A stream that nobody can serve now. */
static void
refuse(struct hub *h, struct subscription *j, enum refusal why, const char *reason)
{
	stats_refuse(why);
	send_refusal(h, j,
	    why <= REFUSED_USER ? j->retry_ms : POLITE_RETRY_MS, reason);
	close(j->conn.fd);
	subscription_free(j);
}

bool
hub_put_off(struct hub *h, struct stream *s, const char *reason)
{
	if (s->subscription == NULL || (s->filter->format == FORMAT_POLL && !s->asking))
		return false;
	send_refusal(h, s->subscription,
	    s->full ? s->subscription->retry_ms : POLITE_RETRY_MS, reason);
	hub_close(h, s, reason);
	return true;
}

/* The answer to somebody who may not read what was asked for. */
static void
send_forbidden(struct hub *h, struct stream *s, const char *reason)
{
	const struct subscription *j = s->subscription;
	bool revoked = j->identity.claims != NULL && s->permission != NULL &&
		       (s->permission->bad_token ||
			   strcmp(reason, "revoked") == 0);
	bool sign_in = j->identity.who == NULL && j->may_sign_in;
	struct buf headers = BUF_INIT;

	stats_refuse(revoked   ? REFUSED_TOKEN
		     : sign_in ? REFUSED_UNAUTHORIZED
			       : REFUSED_FORBIDDEN);
	buf_addf(&headers, "%s%s",
	    revoked   ? IDENTITY_CHALLENGE_BAD
	    : sign_in ? IDENTITY_CHALLENGE
		      : "",
	    j->cors);
	buf_clear(&h->text);
	if (buf_failed(&headers))
		h->text.failed = true;
	else
		answer_add_problem(&h->text,
		    sign_in || revoked ? 401 : 403, headers.data,
		    revoked   ? "this token has been revoked: sign in again"
		    : sign_in ? "sign in to read this"
			      : "you may not read this");
	buf_fini(&headers);
	send_answer(h, s->fd, s->id);
}

void
hub_forbid(struct hub *h, struct stream *s, const char *reason)
{
	if (s->state == STREAM_CLOSING)
		return;
	if (stream_at_boundary(s) && s->subscription == NULL) {
		hub_end(h, s, reason);
		return;
	}
	if (stream_at_boundary(s))
		send_forbidden(h, s, reason);
	hub_close(h, s, reason);
}

/* The head of the response, if it is still to come, into h->text. */
static void
begin_response(struct hub *h, struct stream *s)
{
	buf_clear(&h->text);
	if (s->subscription == NULL || s->filter->format == FORMAT_POLL)
		return;
	add_head(&h->text, s->subscription);
	sse_add_retry(&h->text, (unsigned)s->subscription->retry_ms);
	subscription_free(s->subscription);
	s->subscription = NULL;
}

/* The head that a GET would get now, and the end. */
static void
answer_head_only(struct hub *h, struct stream *s)
{
	buf_clear(&h->text);
	if (s->filter->format == FORMAT_POLL)
		answer_add_head(
		    &h->text, 200, "application/json", s->subscription->cors);
	else
		add_head(&h->text, s->subscription);
	send_answer(h, s->fd, s->id);
	hub_close(h, s, "HEAD is answered");
}

/* Without more to say for now. */
static void
show_head(struct hub *h, struct stream *s)
{
	if (s->subscription != NULL && s->subscription->head_only) {
		answer_head_only(h, s);
		return;
	}
	begin_response(h, s);
	if (h->text.len == 0)
		return;
	buf_addstr(&h->text, "\n");
	hub_write(h, s, false);
}

void
hub_admit(struct hub *h, struct stream *s)
{
	if (s->subscription != NULL && s->subscription->head_only) {
		answer_head_only(h, s);
		return;
	}
	if (h->feed.ring == NULL) { /* no position yet: it waits for start() */
		show_head(h, s);
		return;
	}
	begin_response(h, s);
	hub_begin(h, s);
}

/* --- news about permissions */

static void
on_decided(struct permission *r, void *arg)
{
	struct stream *s;

	while ((s = LIST_FIRST(&r->waiting)) != NULL) {
		LIST_REMOVE(s, in_filter);
		s->asking = false;
		hub_enqueue(arg, s);
	}
}

static void
on_lost(void *arg)
{
	struct hub *h = arg;
	struct stream *s;

	STREAM_SET_FOREACH (s, i, &h->streams) {
		if (s->asking || s->permission->lost == NULL)
			continue;
		stats.access_lost++;
		hub_forbid(h, s, s->permission->lost);
	}
}

static void
on_away(void *arg)
{
	struct hub *h = arg;
	struct stream *s;

	STREAM_SET_FOREACH (s, i, &h->streams) {
		if (s->asking)
			show_head(h, s);
	}
}

const struct permission_calls hub_permission_calls = {
	.decided = on_decided,
	.lost = on_lost,
	.away = on_away,
};

/* --- joining */

/* When it ends by itself. */
static void
set_end(struct hub *h, struct stream *s, const struct subscription *j)
{
	int64_t age = h->config->max_age, token = INT64_MAX;

	s->ends_ms = INT64_MAX;
	s->at_once = j->brief && j->wait_ms == 0;
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

/* Takes over j. NULL, with j as it was, when there is no memory. */
static struct stream *
new_stream(struct hub *h, struct subscription *j)
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
	s->filter = filter_get(
	    h->filters, shape, (const char *const *)j->pattern, j->n);
	if (s->filter != NULL)
		s->permission = permission_get(h->permissions, &j->identity, s->filter);
	s->hub = h;
	s->fd = j->conn.fd;
	s->id = j->conn.id;
	s->start = (uint8_t)j->start;
	s->heartbeat_event = j->heartbeat_event;
	s->upto = (uint64_t)j->last_n;
	s->full = j->full;
	s->cgi = j->cgi;
	s->ticket = j->ticket;
	s->number = ++h->next_number;
	s->wrote_ms = now_ms();
	set_end(h, s, j);
	if (s->permission == NULL || !stream_set_add(&h->streams, s)) {
		if (s->permission != NULL)
			permission_unref(h->permissions, s->permission);
		if (s->filter != NULL)
			filter_unref(h->filters, s->filter);
		free(s);
		return NULL;
	}
	s->own = j->position;
	j->position = NULL;
	s->subscription = j;
	if (s->full)
		h->n_full++;
	else
		stats.opened++;
	if (s->cgi && !s->full)
		h->n_cgi++;
	timer_wheel_add(&h->wheel, &s->timer, hub_next_look(h, s));
	log_debug("stream %" PRIu64 ": opened for \"%s\"%s", s->number,
	    s->filter->topics.pattern[0],
	    s->filter->topics.n > 1 ? " and others" : "");
	return s;
}

/*
 * Counts a stream for its address and user, and takes it off the waiting list.
 * Returns the limit that refuses it, or REFUSED_NOT.
 */
static enum refusal
count(struct hub *h, const struct subscription *j, struct stream_limit **address,
    struct stream_limit **user)
{
	uint32_t per_address = (uint32_t)h->config->max_streams_per_address;
	uint32_t per_user = (uint32_t)h->config->max_streams_per_user;
	const char *who = j->identity.who;
	struct client_key key = client_key(j->address);

	*address = *user = NULL;
	if (free_places(h, j->cgi) == 0)
		return REFUSED_FULL;
	if (per_address > 0) {
		*address =
		    stream_limit_add(&h->addresses, &key, sizeof(key), per_address);
		if (*address == NULL)
			return REFUSED_ADDRESS;
	}
	if (per_user > 0 && who != NULL) {
		*user = stream_limit_add(&h->users, who, strlen(who), per_user);
		if (*user == NULL) {
			hub_uncount(h, *address, NULL);
			return REFUSED_USER;
		}
	}
	if (!waiting_list_admit(waiting(h, j->cgi), j->ticket,
		free_places(h, j->cgi), now_ms())) {
		hub_uncount(h, *address, *user);
		*address = *user = NULL;
		return REFUSED_FULL;
	}
	return REFUSED_NOT;
}

/*
 * Some may have left since they were looked at. A look at all takes 0.4 us of
 * each; this way whoever asks for too much costs a tenth of the time at most.
 */
static bool
look_again(struct hub *h)
{
	int64_t now = now_ms();

	if (now < h->look_again_ms)
		return false;
	h->look_again_ms = now + (int64_t)h->streams.n / 250;
	stream_set_look_all(&h->streams, hub_on_stir, h);
	return true;
}

void
hub_uncount(struct hub *h, struct stream_limit *address, struct stream_limit *user)
{
	if (address != NULL)
		stream_limit_remove(&h->addresses, address);
	if (user != NULL)
		stream_limit_remove(&h->users, user);
}

/*
 * The stream becomes a short response, which takes no place. False when there
 * are too many of them at the moment.
 */
static bool
make_full(struct hub *h, struct subscription *j, enum refusal why)
{
	size_t most = (size_t)places(h, j->cgi) / FULL_PART;

	j->retry_ms = full_retry_ms(h, j->cgi);
	if (why == REFUSED_FULL && j->format != FORMAT_POLL && !j->head_only)
		j->ticket = waiting_list_keep(waiting(h, j->cgi), j->ticket,
		    free_places(h, j->cgi),
		    now_ms() + j->retry_ms / 2 * 3 + LATE_MS);
	if (h->n_full >= MIN(MAX(most, (size_t)FULL_MIN), (size_t)FULL_MAX))
		return false;
	stats_refuse(why);
	j->full = j->brief = true;
	j->wait_ms = 0;
	return true;
}

void
hub_join(struct hub *h, struct subscription *j)
{
	struct stream_limit *address, *user;
	enum refusal why;
	struct stream *s;

	if (h->shut_down_ms != 0) {
		refuse(h, j, REFUSED_ENDING, "shutting down");
		return;
	}
	why = count(h, j, &address, &user);
	if (why != REFUSED_NOT && look_again(h))
		why = count(h, j, &address, &user);
	j->retry_ms = random_between(
	    (uint32_t)h->config->retry_min, (uint32_t)h->config->retry_max);
	if (why != REFUSED_NOT && !make_full(h, j, why)) {
		refuse(h, j, why, "full");
		return;
	}
	hub_flush(h); /* it writes control text too */
	s = new_stream(h, j);
	if (s == NULL) {
		hub_uncount(h, address, user);
		refuse(h, j, REFUSED_MEMORY, "out of memory");
		return;
	}
	s->address = address;
	s->user = user;
	switch (permission_answer(h->permissions, s->permission)) {
	case PERMISSION_GRANTED:
		hub_admit(h, s);
		break;
	case PERMISSION_REFUSED:
		hub_forbid(h, s, "forbidden");
		break;
	case PERMISSION_UNKNOWN:
		s->asking = true;
		LIST_INSERT_HEAD(&s->permission->waiting, s, in_filter);
		if (!permissions_is_up(h->permissions))
			show_head(h, s);
		break;
	}
}
