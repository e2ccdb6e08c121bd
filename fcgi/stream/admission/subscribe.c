/*
 * subscribe.c - from an HTTP request to what the hub has to know of it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/client_address.h"
#include "http/cors.h"
#include "http/header.h"
#include "http/query.h"
#include "http/topic_params.h"
#include "http/answer.h"
#include "stream/source/stats.h"
#include "stream/admission/subscribe.h"
#include "stream/client/ticket.h"
#include "feed/topic.h"

#define POSITION_MAX_BYTES (CURSOR_TEXT_MAX - 1) /* longer is garbage */
#define LAST_N_MAX         100000
#define BODY_MAX_BYTES     16384 /* so many are there already, if more come */

static const char too_many[] = "too many topics: max_topics limits them";
static const char too_many_fields[] =
    "the query has too many fields: max_fields limits them";

void
subscription_free(struct subscription *j)
{
	for (size_t i = 0; i < j->n; i++)
		free(j->pattern[i]);
	free(j->pattern);
	free(j->position);
	free(j->cors);
	identity_fini(&j->identity);
	free(j);
}

static void
answer(struct request *r, int status, enum refusal why, const char *headers,
    const char *detail)
{
	struct buf b = BUF_INIT;

	stats_refuse(why);
	answer_add_problem(&b, status, headers, detail);
	if (!buf_failed(&b))
		(void)request_write(r, b.data, b.len);
	buf_fini(&b);
	request_finish(r);
}

static bool
add_pattern(struct subscription *j, const char *s, size_t n)
{
	char **p = realloc(j->pattern, (j->n + 1) * sizeof(*p));

	if (p == NULL)
		return false;
	j->pattern = p;
	p[j->n] = strndup(s, n);
	if (p[j->n] == NULL)
		return false;
	j->n++;
	return true;
}

/* Whether a name of the query that decides something has several values. */
static bool
is_ambiguous(const struct query *query)
{
	static const char *const names[] = { "access_token", "format", "hb",
		"wait" };

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		const struct param *p = query_find(query, names[i]), *q = p;

		while (q != NULL && (q = query_next(query, q)) != NULL) {
			if (q->value_len != p->value_len ||
			    memcmp(q->value, p->value, p->value_len) != 0)
				return true;
		}
	}
	return false;
}

/* The pairs of the query. NULL, or what is wrong with them. */
static const char *
read_query(struct query *query, const char *s, const struct config *c)
{
	switch (query_parse(query, s, strlen(s))) {
	case PARAMS_OK:
		break;
	case PARAMS_TOO_MANY:
		return too_many_fields;
	case PARAMS_NO_MEMORY:
		return "out of memory";
	}
	if (query->n > (size_t)c->max_fields)
		return too_many_fields;
	return is_ambiguous(query)
		   ? "access_token, format, hb and wait have one value each"
		   : NULL;
}

/* The topics of path and query. NULL, or what is wrong with them. */
static const char *
read_topics(struct subscription *j, const struct config *c,
    const struct buf *path, const struct query *query)
{
	const struct param *p;

	const char *wrong;

	if (path->len > 0) {
		wrong = topic_path_wrong(path->data, path->len, true);
		if (wrong != NULL)
			return wrong;
		if (!add_pattern(j, path->data, path->len))
			return "out of memory";
	}
	for (p = topic_param_next(query, NULL); p != NULL;
	     p = topic_param_next(query, p)) {
		if (!topic_pattern_valid(p->value, p->value_len))
			return TOPIC_RULE;
		if (j->n == (size_t)c->max_topics)
			return too_many;
		if (!add_pattern(j, p->value, p->value_len))
			return "out of memory";
	}
	if (j->n > 0)
		return NULL;
	wrong = topic_params_hint(query);
	if (wrong == NULL &&
	    !add_pattern(j, TOPIC_DEFAULT, strlen(TOPIC_DEFAULT)))
		return "out of memory";
	return wrong;
}

/*
 * The last value of name, as libraries that reconnect append theirs to what
 * the URL has already. NULL when there is none or it is empty.
 */
static const char *
last_value(const struct query *query, const char *name)
{
	const struct param *p = query_find(query, name), *last = p;

	while (p != NULL && (p = query_next(query, p)) != NULL)
		last = p;
	return last != NULL && last->value_len > 0 ? last->value : NULL;
}

/*
 * Where to begin: the header is what a browser received last; lastEventId is
 * the same of a library that cannot set headers; last_event_id is what the
 * page asked for when it began, and stays in its URL.
 */
static const char *
read_start(
    struct subscription *j, const struct request *r, const struct query *query)
{
	const char *id = request_param_or_empty(r, "HTTP_LAST_EVENT_ID");
	bool from_header = *id != '\0';
	char *end;
	size_t n;

	if (!from_header)
		id = last_value(query, "lastEventId");
	if (id == NULL)
		id = last_value(query, "lastEventID");
	if (id == NULL)
		id = last_value(query, "last_event_id");
	if (id == NULL || (!from_header && strcmp(id, "now") == 0)) {
		j->start = FROM_NOW;
		return NULL;
	}
	if (!from_header && strcmp(id, "earliest") == 0) {
		j->start = FROM_EARLIEST;
		return NULL;
	}
	if (!from_header && *id == '-') {
		j->last_n = strtoll(id + 1, &end, 10);
		if (end == id + 1 || *end != '\0' || j->last_n < 0 ||
		    j->last_n > LAST_N_MAX)
			return "last_event_id=-N takes a whole number up to 100000";
		j->start = j->last_n == 0 ? FROM_NOW : FROM_LAST_N;
		return NULL;
	}
	/* Garbage becomes a pgfeed.gap; only its length is bounded here. */
	j->start = FROM_POSITION;
	j->ticket = ticket_parse(id, &n);
	j->position = strndup(id, MIN(n, (size_t)POSITION_MAX_BYTES));
	return j->position == NULL ? "out of memory" : NULL;
}

static const char *
read_format(struct subscription *j, const struct request *r,
    const struct config *c, const struct query *query)
{
	const char *accept = request_param_or_empty(r, "HTTP_ACCEPT");
	const char *format = query_get(query, "format");
	const char *wait = query_get(query, "wait");
	const char *hb = query_get(query, "hb");
	char *end;
	double seconds;

	if (format == NULL || strcmp(format, "raw") == 0)
		j->format = FORMAT_RAW;
	else if (strcmp(format, "json") == 0)
		j->format = FORMAT_JSON;
	else
		return "format is raw or json";
	if (hb != NULL && strcmp(hb, "event") != 0 &&
	    strcmp(hb, "comment") != 0)
		return "hb is event or comment";
	j->heartbeat_event = hb != NULL && strcmp(hb, "event") == 0;
	if (header_prefers(accept, "application/json", "text/event-stream"))
		j->format = FORMAT_POLL;
	j->wait_ms = c->poll_wait;
	if (wait != NULL) {
		seconds = strtod(wait, &end);
		if (end == wait || *end != '\0' || !(seconds >= 0))
			return "wait is a number of seconds";
		j->wait_ms = (int64_t)(MIN(seconds, 3600) * 1000);
		j->wait_ms = MIN(j->wait_ms, MAX(c->poll_wait, 60000));
	}
	return NULL;
}

/*
 * What the web server says about itself; browsers can only set HTTP_ names.
 *
 * PGFEED_PAD, in the .htaccess of an Apache that may not be told to flush:
 * "auto", and what it holds back follows from the request, see RECORD_PADDED.
 * In HTTP/2 it holds back nothing.
 *
 * PGFEED_POLL, in the .htaccess for mod_fcgid, which keeps an answer until it is
 * complete: end with the first events, or after so many milliseconds.
 *
 * PGFEED_CGI, from pgfeed-cgi: a process carries the response, and
 * cgi_streams limits them.
 */
static void
read_hosting(
    struct subscription *j, const struct request *r, const struct config *c)
{
	const char *pad = request_param_or_empty(r, "PGFEED_PAD");
	const char *poll = request_param(r, "PGFEED_POLL");

	if (strcmp(pad, "auto") == 0 &&
	    strncmp(request_param_or_empty(r, "SERVER_PROTOCOL"), "HTTP/1",
		6) == 0) {
		bool tls =
		    strcmp(request_param_or_empty(r, "HTTPS"), "on") == 0 ||
		    strcmp(request_param_or_empty(r, "REQUEST_SCHEME"),
			"https") == 0;

		j->pad = tls ? 2 : 1;
	}
	if (poll != NULL && j->format != FORMAT_POLL) {
		j->brief = true;
		j->wait_ms = strtoll(poll, NULL, 10);
	}
	j->cgi = request_param(r, "PGFEED_CGI") != NULL;
	client_address(j->address, c->trusted_proxies.item,
	    c->trusted_proxies.n, request_param_or_empty(r, "REMOTE_ADDR"),
	    request_param_or_empty(r, "HTTP_X_FORWARDED_FOR"));
}

/* Header lines that let a page of a listed origin read the answer, or NULL. */
static char *
cors_headers(const struct request *r, const struct config *c)
{
	struct buf b = BUF_INIT;

	cors_add(&b, c, request_param_or_empty(r, "HTTP_ORIGIN"));
	if (buf_failed(&b))
		buf_fini(&b);
	return b.data;
}

/*
 * Whether uri's path ends with a slash and name, spelled like that: what keeps
 * an own page private in the web server need not match "-%2fstatus", since
 * Apache leaves %2F alone with AllowEncodedSlashes NoDecode.
 */
static bool
is_spelled(const char *uri, const char *name)
{
	size_t n = strcspn(uri, "?#"), len = strlen(name);

	return n > len && uri[n - len - 1] == '/' &&
	       memcmp(uri + n - len, name, len) == 0;
}

static bool
find_own_page(
    const struct buf *path, const char *uri, enum history_page_wanted *page)
{
	static const char *const names[] = {
		[WANT_LIVE] = "-/live",
		[WANT_READY] = "-/ready",
		[WANT_STATUS] = "-/status",
		[WANT_METRICS] = "-/metrics",
	};

	for (size_t i = WANT_LIVE; i < ARRAY_LEN(names); i++) {
		if (path->len == strlen(names[i]) &&
		    memcmp(path->data, names[i], path->len) == 0) {
			*page = (enum history_page_wanted)i;
			return *uri == '\0' || is_spelled(uri, names[i]);
		}
	}
	return false;
}

/* The body of a GET is of no interest, but the connection has to be at its
 * end before it can be taken over. */
static bool
skip_body(struct request *r)
{
	char junk[4096];
	size_t sum = 0;
	ssize_t n;

	while ((n = request_read(r, junk, sizeof(junk))) > 0) {
		sum += (size_t)n;
		if (sum > BODY_MAX_BYTES)
			return false;
	}
	return n == 0;
}

/* Who it is; false when it has been answered. */
static bool
read_identity(struct subscription *j, struct request *r, struct identities *ids,
    const struct query *query)
{
	struct buf headers = BUF_INIT;
	const char *why = "";

	j->may_sign_in = identities_take_tokens(ids);
	switch (identity_find(ids, r, query, &j->identity, &why)) {
	case IDENTITY_OK:
		return true;
	case IDENTITY_REFUSED:
		buf_addf(&headers, "%s%s", IDENTITY_CHALLENGE_BAD, j->cors);
		answer(r, 401, REFUSED_TOKEN,
		    buf_failed(&headers) ? "" : headers.data, why);
		buf_fini(&headers);
		break;
	case IDENTITY_NO_MEMORY:
		answer(r, 503, REFUSED_MEMORY, "Retry-After: 15\r\n",
		    "out of memory");
		break;
	}
	return false;
}

bool
subscribe(struct request *r, const struct config *c, struct identities *ids,
    struct wanted *w)
{
	const char *method = request_param_or_empty(r, "REQUEST_METHOD");
	const char *qs = request_param_or_empty(r, "QUERY_STRING");
	const char *uri = request_param_or_empty(r, "REQUEST_URI");
	struct subscription *j = calloc(1, sizeof(*j));
	struct buf path = BUF_INIT;
	struct query query;
	const char *wrong;
	bool taken = false;

	query_init(&query);
	memset(w, 0, sizeof(*w));
	if (j == NULL || (j->cors = cors_headers(r, c)) == NULL) {
		answer(r, 503, REFUSED_MEMORY, "Retry-After: 15\r\n",
		    "out of memory");
		goto out;
	}
	wrong = request_ambiguous(r);
	if (wrong != NULL) {
		answer(r, 400, REFUSED_REQUEST, j->cors, wrong);
		goto out;
	}
	if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0) {
		answer(r, 405, REFUSED_REQUEST,
		    "Allow: GET, HEAD, POST, OPTIONS\r\n",
		    "events are read here; the web server should hand other "
		    "methods to pgfeed-post");
		goto out;
	}
	if (!skip_body(r)) {
		if (request_late(r))
			answer(r, 408, REFUSED_LATE, j->cors,
			    "the request took too long to arrive");
		else
			answer(r, 400, REFUSED_REQUEST, j->cors,
			    "a GET request has no body");
		goto out;
	}
	/* Not before: who is still sending takes our closing for a failure. */
	if (request_head_bytes(r) > (size_t)c->head_limit) {
		answer(r, 431, REFUSED_HEAD, j->cors,
		    "the header fields are too large: head_limit limits them");
		goto out;
	}
	topic_path_add(&path, c->base_path,
	    &(struct topic_path){
		.uri = uri,
		.script_name = request_param_or_empty(r, "SCRIPT_NAME"),
		.path_info = request_param_or_empty(r, "PATH_INFO"),
	    });
	if (path.len > 0 && find_own_page(&path, uri, &w->page)) {
		w->conn = request_take(r);
		taken = true;
		goto out;
	}
	wrong = read_query(&query, qs, c);
	if (wrong == NULL)
		wrong = read_topics(j, c, &path, &query);
	if (wrong == NULL)
		wrong = read_start(j, r, &query);
	if (wrong == NULL)
		wrong = read_format(j, r, c, &query);
	if (wrong != NULL) {
		answer(r, 400,
		    wrong == too_many          ? REFUSED_TOPICS
		    : wrong == too_many_fields ? REFUSED_FIELDS
					       : REFUSED_REQUEST,
		    j->cors, wrong);
		goto out;
	}
	if (!read_identity(j, r, ids, &query))
		goto out;
	j->head_only = strcmp(method, "HEAD") == 0;
	read_hosting(j, r, c);
	j->conn = request_take(r);
	w->page = WANT_STREAM;
	w->subscription = j;
	j = NULL;
	taken = true;
out:
	query_fini(&query);
	buf_fini(&path);
	if (j != NULL)
		subscription_free(j);
	return taken;
}
