/*
 * post.c - serves one POST, from its first header to its answer.
 *
 *     method --> origin --> user --> type --> body --> event --> ingest --> 201
 *      405 431     403    429 401    415    408 413  403 4xx    403 503     303
 *     (loop, or a thread while the body is slow)            (loop)
 *
 * Each step either goes on or ends in a fault, which becomes the answer. An
 * exchange lives on the heap and has one owner at a time: the thread that
 * serves it, and from ingest_put() on the loop, which answers once the event is
 * stored. That answer fits into any socket's buffer, so writing it never
 * blocks. The body is read to its end even when the answer is clear earlier: a
 * web server that is still sending would take a closed connection for a failure
 * and hide the answer.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/client_address.h"
#include "post/publish_request.h"
#include "post/form_token.h"
#include "http/cors.h"
#include "http/header.h"
#include "base/log.h"
#include "http/origin.h"
#include "post/post.h"
#include "http/answer.h"

#define READ_BYTES  16384
#define DRAIN_BYTES (16 * 1024 * 1024)

struct exchange {
	struct ingest_job job; /* the first member, see stored() */
	struct request *request;
	const struct post *post;
	struct origin_source origin;
	struct identity who;
	bool bad_token;
	int64_t retry_ms; /* time to wait, for an answer with 429 */
	bool body_ended;  /* the whole body has been read */
	struct buf body;
	struct publish_request event;
	struct fault fault;
};

/* Reads the rest of the body, so that the peer reads the answer. */
static void
drain(struct exchange *x)
{
	char junk[READ_BYTES];
	size_t total = 0;

	while (!x->body_ended && total < DRAIN_BYTES) {
		ssize_t n = request_read(x->request, junk, sizeof(junk));

		if (n <= 0)
			break;
		total += (size_t)n;
	}
}

static void
send_answer(struct exchange *x, struct buf *b)
{
	drain(x);
	if (buf_failed(b))
		request_write(x->request, ANSWER_NO_MEMORY,
		    strlen(ANSWER_NO_MEMORY));
	else
		request_write(x->request, b->data, b->len);
}

static void
send_fault(struct exchange *x)
{
	struct buf b = BUF_INIT, headers = BUF_INIT;
	const char *uri = request_param_or_empty(x->request, "REQUEST_URI");

	post_counters_add(x->post->counters, x->fault.outcome);
	cors_add(&headers, x->post->config, x->origin.origin);
	if (x->fault.status == 401)
		buf_addstr(&headers,
		    x->bad_token ? IDENTITY_CHALLENGE_BAD : IDENTITY_CHALLENGE);
	if (x->fault.status == 405)
		buf_addstr(&headers, "Allow: GET, HEAD, OPTIONS, POST\r\n");
	if (x->fault.status == 429)
		buf_addf(&headers, "Retry-After: %lld\r\n",
		    (long long)(x->retry_ms + 999) / 1000);
	if (x->fault.status == 503)
		buf_addf(&headers, "Retry-After: %u\r\n", random_between(1, 4));
	if (buf_failed(&headers))
		b.failed = true;
	else
		answer_add_problem(
		    &b, x->fault.status, headers.data, x->fault.detail);
	send_answer(x, &b);
	/* The query is left out, as it may have a token. */
	log_debug("%s %.*s: %d %s",
	    request_param_or_empty(x->request, "REQUEST_METHOD"),
	    (int)strcspn(uri, "?"), uri, x->fault.status, x->fault.detail);
	buf_fini(&b);
	buf_fini(&headers);
}

/* Sends the head of an answer without a body, with these further lines. */
static void
send_head(struct exchange *x, int status, struct buf *headers)
{
	struct buf b = BUF_INIT;

	if (buf_failed(headers))
		b.failed = true;
	else
		answer_add_head(&b, status, NULL, headers->data);
	send_answer(x, &b);
	buf_fini(&b);
	buf_fini(headers);
}

/* Answers OPTIONS with the allowed methods and origins. */
static void
send_options(struct exchange *x)
{
	const struct config *c = x->post->config;
	struct buf headers = BUF_INIT;

	buf_addstr(&headers, "Allow: GET, HEAD, OPTIONS, POST\r\n");
	cors_add(&headers, c, x->origin.origin);
	cors_add_preflight(&headers, c, x->origin.origin,
	    request_param_or_empty(
		x->request, "HTTP_ACCESS_CONTROL_REQUEST_HEADERS"));
	send_head(x, 204, &headers);
}

/* Redirects a browser without scripts to the page that it posted from. */
static void
send_redirect(struct exchange *x)
{
	const struct publish_request *d = &x->event;
	struct buf headers = BUF_INIT;

	buf_addstr(&headers, "Content-Length: 0\r\n");
	cors_add(&headers, x->post->config, x->origin.origin);
	buf_addstr(&headers, "Location: ");
	if (!origin_redirect(
		&headers, &x->origin, d->next.data, d->next.len) &&
	    !origin_redirect(&headers, &x->origin, x->origin.referer,
		strlen(x->origin.referer)))
		buf_addc(&headers, '/');
	buf_addstr(&headers, "\r\n");
	send_head(x, 303, &headers);
}

static void
send_stored(struct exchange *x)
{
	struct buf b = BUF_INIT, body = BUF_INIT, headers = BUF_INIT;

	buf_addf(&body, "{\"id\":\"%lld\",\"topic\":", (long long)x->job.id);
	buf_addjson(&body, x->event.topic.data, x->event.topic.len);
	if (x->job.status == INGEST_DUPLICATE)
		buf_addstr(&body, ",\"duplicate\":true");
	buf_addstr(&body, "}\n");
	cors_add(&headers, x->post->config, x->origin.origin);
	if (buf_failed(&body) || buf_failed(&headers))
		b.failed = true;
	else
		answer_add(&b, x->job.status == INGEST_STORED ? 201 : 200,
		    "application/json", headers.data, body.data, body.len);
	send_answer(x, &b);
	buf_fini(&headers);
	buf_fini(&body);
	buf_fini(&b);
}

/*
 * Returns the body's length, or -1 when it is not announced or, with a fault,
 * no number.
 */
static int64_t
content_length(struct exchange *x)
{
	const char *s = request_param_or_empty(x->request, "CONTENT_LENGTH");
	long long n;
	char *end;

	if (*s == '\0')
		return -1;
	errno = 0;
	n = strtoll(s, &end, 10);
	if (errno != 0 || *s < '0' || *s > '9' || *end != '\0') {
		fault_set(&x->fault, 400, POST_MALFORMED,
		    "the Content-Length is not a number");
		return -1;
	}
	return n;
}

static bool
too_large(struct exchange *x, size_t limit)
{
	fault_set(&x->fault, 413, POST_TOO_LARGE,
	    "the body has more than the %zu bytes that are allowed", limit);
	return false;
}

/*
 * Reads the whole body. A body that is cut short is a fault, whether the peer
 * reports it or sends less than it announced.
 */
static bool
read_body(struct exchange *x, size_t limit)
{
	int64_t length = content_length(x);
	struct buf *b = &x->body;
	ssize_t n = 1;

	if (x->fault.status != 0)
		return false;
	if (length > (int64_t)limit)
		return too_large(x, limit);
	while (n > 0) {
		size_t want = READ_BYTES;

		/*
		 * A CGI program must not read beyond the announced length (RFC
		 * 3875, 4.2).
		 */
		if (length >= 0 && request_is_cgi())
			want = MIN(want, (size_t)length - b->len);
		if (want == 0)
			break;
		if (!buf_reserve(b, want)) {
			fault_set(&x->fault, 503, POST_MEMORY, "out of memory, try again");
			return false;
		}
		n = request_read(x->request, b->data + b->len, want);
		if (n > 0)
			b->len += (size_t)n;
		if (b->len > limit)
			return too_large(x, limit);
	}
	x->body_ended = true;
	if (n < 0 && request_late(x->request)) {
		fault_set(&x->fault, 408, POST_LATE, "the body took too long to arrive");
		return false;
	}
	if (n < 0) {
		fault_set(&x->fault, 400, POST_INCOMPLETE, "the body ended early");
		return false;
	}
	if (length >= 0 && (size_t)length != b->len) {
		fault_set(&x->fault, 400, POST_INCOMPLETE,
		    "the body is not as long as announced");
		return false;
	}
	return true;
}

static bool
parse(struct exchange *x)
{
	const struct publish_request_source src = {
		.path = {
		    .uri = request_param_or_empty(x->request, "REQUEST_URI"),
		    .script_name =
			request_param_or_empty(x->request, "SCRIPT_NAME"),
		    .path_info =
			request_param_or_empty(x->request, "PATH_INFO"),
		},
		.query = request_param_or_empty(x->request, "QUERY_STRING"),
		.content_type =
		    request_param_or_empty(x->request, "CONTENT_TYPE"),
		.key =
		    request_param_or_empty(x->request, "HTTP_IDEMPOTENCY_KEY"),
		.body = x->body.data != NULL ? x->body.data : "",
		.body_len = x->body.len,
	};

	return publish_request_parse(
		   &x->event, x->post->config, &src, &x->fault) == 0;
}

static void
end_exchange(struct exchange *x)
{
	publish_request_fini(&x->event);
	identity_fini(&x->who);
	buf_fini(&x->body);
	request_finish(x->request);
	free(x);
}

/*
 * Answers with the id of the event, a new one or the first with the same key.
 */
static void
send_success(struct exchange *x)
{
	const char *accept = request_param_or_empty(x->request, "HTTP_ACCEPT");

	post_counters_add(x->post->counters,
	    x->job.status == INGEST_STORED ? POST_STORED : POST_DUPLICATE);
	log_debug("event %lld stored, topic %s", (long long)x->job.id,
	    x->event.topic.data);
	if (header_weight(accept, "text/html") >
	    header_weight(accept, "application/json"))
		send_redirect(x);
	else
		send_stored(x);
}

/* Answers 401 to an anonymous client that could authenticate, else 403. */
static void
set_forbidden(struct exchange *x)
{
	if (x->who.who == NULL && identities_take_tokens(x->post->identities))
		fault_set(&x->fault, 401, POST_UNAUTHORIZED,
		    "publishing to this topic takes a token: send one");
	else
		fault_set(&x->fault, 403, POST_FORBIDDEN,
		    "publishing to this topic is not allowed");
}

/* Answers with the outcome of the event. Called by the loop. */
static void
stored(struct ingest_job *job)
{
	struct exchange *x = (struct exchange *)job;

	switch (job->status) {
	case INGEST_STORED:
	case INGEST_DUPLICATE:
		break;
	case INGEST_CONFLICT:
		fault_set(&x->fault, 422, POST_CONFLICT,
		    "this key was used before, for another event: use a new "
		    "one");
		break;
	case INGEST_REFUSED:
		fault_set(&x->fault, 422, POST_REFUSED,
		    "the database refuses this event (SQLSTATE %s)",
		    job->sqlstate);
		break;
	case INGEST_FORBIDDEN:
		set_forbidden(x);
		break;
	case INGEST_POLICY: /* its notice is in the log */
		set_forbidden(x);
		x->fault.outcome = POST_POLICY;
		break;
	case INGEST_REVOKED:
		x->bad_token = true;
		fault_set(&x->fault, 401, POST_TOKEN,
		    "this token has been revoked: sign in again");
		break;
	case INGEST_UNAVAILABLE:
		fault_set(&x->fault, 503, POST_UNAVAILABLE,
		    "the event is not stored, the database is not available "
		    "now: try again");
		break;
	case INGEST_UNKNOWN:
		fault_set(&x->fault, 503, POST_UNKNOWN,
		    "the database went away before it confirmed the event: try "
		    "again with the same Idempotency-Key, or look first");
		break;
	}
	if (x->fault.status != 0)
		send_fault(x);
	else
		send_success(x);
	end_exchange(x);
}

/* Hands the event to ingest. Returns true if the loop now owns the exchange. */
static bool
store(struct exchange *x)
{
	const struct publish_request *d = &x->event;

	buf_fini(&x->body);
	x->job.done = stored;
	x->job.row = (struct row){
		.topic = d->topic.data,
		.kind = d->kind.len > 0 ? d->kind.data : NULL,
		.key = d->key.len > 0 ? d->key.data : NULL,
		.who = x->who.who,
		.claims =
		    strcmp(x->who.claims, "{}") != 0 ? x->who.claims : NULL,
		.data = d->data.data != NULL ? d->data.data : "",
		.data_len = d->data.len,
	};
	if (ingest_put(x->post->ingest, &x->job))
		return true;
	fault_set(&x->fault, 503, POST_BUSY,
	    "the event is not stored, too many are waiting: try again");
	return false;
}

static bool
check_origin(struct exchange *x)
{
	if (origin_check(x->post->config, &x->origin) != ORIGIN_FOREIGN)
		return true;
	if (strcmp(x->origin.origin, "null") == 0)
		fault_set(&x->fault, 403, POST_ORIGIN,
		    "the browser hides the page's origin (Origin: null): the "
		    "page is sandboxed, a file, or has Referrer-Policy: "
		    "no-referrer; use same-origin instead, or HTTPS");
	else
		fault_set(&x->fault, 403, POST_ORIGIN,
		    "pages of another origin may not publish here, unless the "
		    "option origins lists it");
	return false;
}

static bool
check_limit(struct exchange *x, struct rate_limit *limit, enum outcome if_over,
    const void *key, size_t n, const char *name)
{
	x->retry_ms = rate_limit_take(limit, key, n, name, now_ms());
	if (x->retry_ms == 0)
		return true;
	fault_set(&x->fault, 429, if_over,
	    "these are too many posts in a short time: send fewer, or wait");
	return false;
}

static bool
check_address(struct exchange *x)
{
	const struct config *c = x->post->config;
	char address[INET6_ADDRSTRLEN];
	struct client_key key;

	if (x->post->address_limit == NULL)
		return true;
	client_address(address, c->trusted_proxies.item, c->trusted_proxies.n,
	    request_param_or_empty(x->request, "REMOTE_ADDR"),
	    request_param_or_empty(x->request, "HTTP_X_FORWARDED_FOR"));
	key = client_key(address);
	return check_limit(x, x->post->address_limit, POST_ADDRESS, &key,
	    sizeof(key), address);
}

static bool
check_head(struct exchange *x)
{
	if (request_head_bytes(x->request) <=
	    (size_t)x->post->config->head_limit)
		return true;
	fault_set(&x->fault, 431, POST_HEAD,
	    "the header fields are too large: head_limit limits them");
	return false;
}

static bool
check_ambiguous(struct exchange *x)
{
	const char *wrong = request_ambiguous(x->request);

	if (wrong != NULL)
		fault_set(&x->fault, 400, POST_MALFORMED, "%s", wrong);
	return wrong == NULL;
}

static bool
check_form_token(struct exchange *x)
{
	const struct form_token_source src = {
		.origin = x->origin.origin,
		.fetch_site = x->origin.fetch_site,
		.cookies = request_param_or_empty(x->request, "HTTP_COOKIE"),
		.remote_user =
		    request_param_or_empty(x->request, "REMOTE_USER"),
		.content_type =
		    request_param_or_empty(x->request, "CONTENT_TYPE"),
	};

	if (form_token_ok(&src, x->post->config->form_token, &x->event.token))
		return true;
	fault_set(&x->fault, 403, POST_FORM_TOKEN,
	    "the form lacks the token that the option form_token asks for: "
	    "open its page again");
	return false;
}

/* Finds the client's address, by the option trusted_proxies, and the user. */
static bool
find_identity(struct exchange *x)
{
	struct identities *ids = x->post->identities;
	const char *qs = request_param_or_empty(x->request, "QUERY_STRING");
	enum identity_result rc = IDENTITY_NO_MEMORY;
	struct query query;
	const char *why;

	query_init(&query);
	if (!identities_take_tokens(ids) ||
	    query_parse(&query, qs, strlen(qs)) != PARAMS_NO_MEMORY)
		rc = identity_find(ids, x->request, &query, &x->who, &why);
	query_fini(&query);
	switch (rc) {
	case IDENTITY_OK:
		return x->who.who == NULL ||
		       check_limit(x, x->post->user_limit, POST_USER,
			   x->who.who, strlen(x->who.who), x->who.who);
	case IDENTITY_REFUSED:
		x->bad_token = true;
		fault_set(&x->fault, 401, POST_TOKEN, "%s", why);
		break;
	case IDENTITY_NO_MEMORY:
		fault_set(&x->fault, 503, POST_MEMORY, "out of memory, try again");
		break;
	}
	return false;
}

/*
 * Returns false if the answer has been sent, true if the loop sends it later.
 */
static bool
handle(struct exchange *x)
{
	const char *method =
	    request_param_or_empty(x->request, "REQUEST_METHOD");
	bool ours = check_ambiguous(x) && check_origin(x);
	size_t limit;

	if (ours && strcmp(method, "OPTIONS") == 0) {
		send_options(x);
		return false;
	}
	if (strcmp(method, "OPTIONS") != 0 && strcmp(method, "POST") != 0)
		fault_set(&x->fault, 405, POST_METHOD, "events are published with POST");
	if (x->fault.status == 0 && check_head(x) && check_address(x) &&
	    find_identity(x)) {
		limit = publish_request_body_limit(x->post->config,
		    request_param_or_empty(x->request, "CONTENT_TYPE"),
		    request_param_or_empty(x->request, "HTTP_CONTENT_ENCODING"),
		    &x->fault);
		if (limit > 0 && read_body(x, limit) && parse(x) &&
		    check_form_token(x) && store(x))
			return true;
	}
	send_fault(x);
	return false;
}

void
post_lost(enum acceptor_loss loss, void *arg)
{
	static const enum outcome outcomes[] = {
		[LOSS_LATE] = POST_LATE,
		[LOSS_HEAD] = POST_HEAD,
		[LOSS_BROKEN] = POST_BROKEN,
		[LOSS_PEER] = POST_PEER,
		[LOSS_MEMORY] = POST_MEMORY,
	};
	const struct post *post = arg;

	post_counters_add(post->counters, outcomes[loss]);
}

void
post_serve(struct request *r, void *post)
{
	struct exchange *x = calloc(1, sizeof(*x));
	const struct post *shared = post;

	if (x == NULL) {
		post_counters_add(shared->counters, POST_MEMORY);
		request_finish(r);
		return;
	}
	x->request = r;
	x->post = shared;
	x->origin = (struct origin_source){
		.host = request_param_or_empty(r, "HTTP_HOST"),
		.https = strcmp(request_param_or_empty(r, "HTTPS"), "on") == 0,
		.origin = request_param_or_empty(r, "HTTP_ORIGIN"),
		.fetch_site = request_param_or_empty(r, "HTTP_SEC_FETCH_SITE"),
		.referer = request_param_or_empty(r, "HTTP_REFERER"),
	};
	publish_request_init(&x->event);
	if (!handle(x))
		end_exchange(x);
}
