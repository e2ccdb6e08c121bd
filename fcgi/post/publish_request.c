/*
 * publish_request.c - parser of POSTs: the event that a request publishes.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "post/publish_request.h"
#include "http/form.h"
#include "http/header.h"
#include "base/json.h"
#include "feed/topic.h"

#define BYTE_ORDER_MARK "\xef\xbb\xbf"

enum body_type { BODY_FORM, BODY_JSON, BODY_TEXT, BODY_OTHER };

int
fault_set(
    struct fault *f, int status, enum outcome outcome, const char *fmt, ...)
{
	va_list ap;

	f->status = status;
	f->outcome = outcome;
	va_start(ap, fmt);
	vsnprintf(f->detail, sizeof(f->detail), fmt, ap);
	va_end(ap);
	return -1;
}

static int
no_memory(struct fault *f)
{
	return fault_set(f, 503, POST_MEMORY, "out of memory, try again");
}

void
publish_request_init(struct publish_request *d)
{
	memset(d, 0, sizeof(*d));
}

void
publish_request_fini(struct publish_request *d)
{
	buf_fini(&d->topic);
	buf_fini(&d->kind);
	buf_fini(&d->key);
	buf_fini(&d->next);
	buf_fini(&d->token);
	buf_fini(&d->data);
}

/* Returns whether the type is application/json or ends in +json (RFC 6839). */
static bool
is_json(const char *type)
{
	size_t n = strcspn(type, "; \t");

	return header_is(type, "application/json") ||
	       (n > 5 && strncasecmp(type + n - 5, "+json", 5) == 0);
}

static enum body_type
body_type(const char *content_type)
{
	if (header_is(content_type, "application/x-www-form-urlencoded") ||
	    header_is(content_type, "multipart/form-data"))
		return BODY_FORM;
	if (is_json(content_type))
		return BODY_JSON;
	if (header_is(content_type, "text/plain"))
		return BODY_TEXT;
	return BODY_OTHER;
}

size_t
publish_request_body_limit(const struct config *c, const char *content_type,
    const char *content_encoding, struct fault *f)
{
	enum body_type type = body_type(content_type);

	f->status = 0;
	if (*content_encoding != '\0' &&
	    !header_is(content_encoding, "identity"))
		fault_set(f, 415, POST_TYPE,
		    "send the body without Content-Encoding");
	else if (type == BODY_OTHER)
		fault_set(f, 415, POST_TYPE,
		    "send application/json, text/plain, "
		    "application/x-www-form-urlencoded or "
		    "multipart/form-data");
	else if (!header_charset_ok(content_type))
		fault_set(f, 415, POST_TYPE, "send the body as UTF-8");
	if (f->status != 0)
		return 0;
	return (size_t)(type == BODY_FORM ? c->body_limit : c->payload_limit);
}

static bool
is_named(const struct param *p, const char *name)
{
	return p->name_len == strlen(name) &&
	       memcmp(p->name, name, p->name_len) == 0;
}

/*
 * Returns whether a field of a form is one of pgfeed's. All others belong to
 * the form.
 */
static bool
is_own_field(const struct param *p, const struct config *c)
{
	static const char *const own[] = { "_topic", "_kind", "_key", "_next" };

	for (size_t i = 0; i < ARRAY_LEN(own); i++) {
		if (is_named(p, own[i]))
			return true;
	}
	return *c->form_token != '\0' && is_named(p, c->form_token);
}

/* Returns whether a pair before this one has the same name. */
static bool
seen_before(const struct query *fields, const struct param *p)
{
	for (const struct param *i = fields->item; i < p; i++) {
		if (i->name_len == p->name_len &&
		    memcmp(i->name, p->name, p->name_len) == 0)
			return true;
	}
	return false;
}

/* Adds the fields as {"name":"value","repeated":["one","two"]}. */
static void
add_object(struct buf *b, const struct query *fields, const struct config *c)
{
	const char *comma = "";

	buf_addc(b, '{');
	for (size_t i = 0; i < fields->n; i++) {
		const struct param *p = &fields->item[i], *again;

		if (is_own_field(p, c) || seen_before(fields, p))
			continue;
		buf_addstr(b, comma);
		comma = ",";
		buf_addjson(b, p->name, p->name_len);
		buf_addc(b, ':');
		again = query_next(fields, p);
		if (again != NULL)
			buf_addc(b, '[');
		buf_addjson(b, p->value, p->value_len);
		for (; again != NULL; again = query_next(fields, again)) {
			buf_addc(b, ',');
			buf_addjson(b, again->value, again->value_len);
		}
		if (query_next(fields, p) != NULL)
			buf_addc(b, ']');
	}
	buf_addc(b, '}');
}

/*
 * Makes the payload: the value of the field "data" when the form has no other
 * field, else one JSON object of all fields.
 */
static int
form_data(struct publish_request *d, const struct query *fields,
    const struct config *c, struct fault *f)
{
	const struct param *last = NULL;
	size_t n = 0;

	for (size_t i = 0; i < fields->n; i++) {
		if (is_own_field(&fields->item[i], c))
			continue;
		last = &fields->item[i];
		n++;
	}
	if (n == 0)
		return fault_set(f, 400, POST_MALFORMED,
		    "there is nothing to publish: send a field data, or fields of your own");
	if (n == 1 && is_named(last, "data"))
		buf_add(&d->data, last->value, last->value_len);
	else
		add_object(&d->data, fields, c);
	return 0;
}

static const char *
skip_blanks(const char *s, const char *end)
{
	while (s < end && (*s == ' ' || *s == '\t' || *s == '\r' || *s == '\n'))
		s++;
	return s;
}

/*
 * Returns whether a body that is declared as urlencoded begins like a JSON
 * object or like an array of objects. No encoder of forms leaves a brace or a
 * quote unescaped (URL Standard section 1.3), so such a body is no form.
 */
static bool
is_json_text(const char *s, size_t n)
{
	const char *end = s + n, *inner;
	size_t where;

	if (n >= 3 && memcmp(s, BYTE_ORDER_MARK, 3) == 0)
		s += 3;
	s = skip_blanks(s, end);
	if (s == end)
		return false;
	inner = skip_blanks(s + 1, end);
	if (inner < end && ((*s == '{' && *inner == '"') ||
			       (*s == '[' && (*inner == '{' || *inner == '"'))))
		return true;
	return json_check(s, (size_t)(end - s), &where) == NULL;
}

static int
read_query(struct query *query, const struct publish_request_source *src,
    const struct config *c, struct fault *f)
{
	enum query_result rc =
	    query_parse(query, src->query, strlen(src->query));

	if (rc == PARAMS_NO_MEMORY)
		return no_memory(f);
	if (rc == PARAMS_TOO_MANY || query->n > (size_t)c->max_fields)
		return fault_set(f, 400, POST_FIELDS,
		    "the query has more than %lld fields",
		    (long long)c->max_fields);
	return 0;
}

static int
read_form(struct query *fields, const struct publish_request_source *src,
    const struct config *c, struct fault *f)
{
	const char *why;
	enum form_result rc;

	if (header_is(src->content_type, "application/x-www-form-urlencoded") &&
	    is_json_text(src->body, src->body_len))
		return fault_set(f, 415, POST_TYPE,
		    "the body is JSON, but Content-Type says that it is a form: send \"Content-Type: application/json\"");
	rc = form_parse(
	    fields, src->content_type, src->body, src->body_len, &why);
	if (rc == FORM_OK && fields->n > (size_t)c->max_fields)
		rc = FORM_TOO_MANY;
	switch (rc) {
	case FORM_OK:
		return 0;
	case FORM_MALFORMED:
		return fault_set(
		    f, 400, POST_MALFORMED, "the form is malformed: %s", why);
	case FORM_BAD_CHARSET:
	case FORM_OTHER_TYPE:
		return fault_set(f, 415, POST_TYPE, "send the form as UTF-8");
	case FORM_TOO_MANY:
		return fault_set(f, 413, POST_FIELDS,
		    "the form has more than %lld fields",
		    (long long)c->max_fields);
	case FORM_NO_MEMORY:
		break;
	}
	return no_memory(f);
}

/*
 * Adds the value of the parameter with that name, unless b has one already. An
 * event has one topic, kind and key, so different values are a fault.
 */
static int
take(
    struct buf *b, const char *name, const struct query *query, struct fault *f)
{
	const struct param *p = query_find(query, name), *next;

	for (next = p; next != NULL; next = query_next(query, next)) {
		if (next->value_len != p->value_len ||
		    memcmp(next->value, p->value, p->value_len) != 0)
			return fault_set(f, 400, POST_FIELDS,
			    "%s is there several times, with different values",
			    name);
	}
	if (p != NULL && b->len == 0)
		buf_add(b, p->value, p->value_len);
	return 0;
}

/*
 * Adds the topic of the query, unless b has one already. Two topics are a
 * fault.
 */
static int
take_query_topic(struct buf *b, const struct query *query, struct fault *f)
{
	const struct param *first = topic_param_next(query, NULL), *p = first;
	const char *hint = topic_params_hint(query);

	if (b->len > 0)
		return 0;
	if (first == NULL && hint != NULL)
		return fault_set(f, 400, POST_TOPIC, "%s", hint);
	while (p != NULL && (p = topic_param_next(query, p)) != NULL) {
		if (p->value_len != first->value_len ||
		    memcmp(p->value, first->value, p->value_len) != 0)
			return fault_set(f, 400, POST_TOPIC,
			    "the query names several topics: post to one at a time");
	}
	if (first == NULL)
		buf_addstr(b, TOPIC_DEFAULT);
	else
		buf_add(b, first->value, first->value_len);
	return 0;
}

static int
find_topic(struct publish_request *d, const struct config *c,
    const struct publish_request_source *src, const struct query *fields,
    const struct query *query, struct fault *f)
{
	const char *wrong = NULL;

	topic_path_add(&d->topic, c->base_path, &src->path);
	if (d->topic.len > 0)
		wrong = topic_path_wrong(d->topic.data, d->topic.len, false);
	if (take(&d->topic, "_topic", fields, f) == -1)
		return -1;
	if (wrong == NULL && take_query_topic(&d->topic, query, f) == -1)
		return -1;
	if (buf_failed(&d->topic))
		return no_memory(f);
	if (wrong == NULL && !topic_valid(d->topic.data, d->topic.len))
		wrong = TOPIC_RULE;
	return wrong == NULL ? 0 : fault_set(f, 400, POST_TOPIC, "%s", wrong);
}

/* Returns whether b is text of one line, without a NUL inside. */
static bool
is_line(const struct buf *b, size_t most)
{
	return b->len <= most && utf8_valid(b->data, b->len) &&
	       memchr(b->data, '\0', b->len) == NULL &&
	       strpbrk(b->data, "\r\n") == NULL;
}

static int
check_own_fields(const struct publish_request *d, struct fault *f)
{
	if (buf_failed(&d->kind) || buf_failed(&d->key) ||
	    buf_failed(&d->next) || buf_failed(&d->token))
		return no_memory(f);
	if (d->kind.len > 0 && !is_line(&d->kind, KIND_MAX_BYTES))
		return fault_set(f, 400, POST_FIELDS,
		    "the kind must be one line of at most %d bytes of UTF-8",
		    KIND_MAX_BYTES);
	/*
	 * Such a kind could tell a page of gaps and ends that never happened.
	 */
	if (d->kind.len >= 7 && memcmp(d->kind.data, "pgfeed.", 7) == 0)
		return fault_set(f, 400, POST_MALFORMED,
		    "kinds that begin with \"pgfeed.\" are reserved");
	if (d->key.len > 0 && !is_line(&d->key, KEY_MAX_BYTES))
		return fault_set(f, 400, POST_FIELDS,
		    "the key must be one line of at most %d bytes of UTF-8",
		    KEY_MAX_BYTES);
	if (d->next.len > NEXT_MAX_BYTES)
		return fault_set(f, 400, POST_FIELDS,
		    "next must have at most %d bytes", NEXT_MAX_BYTES);
	return 0;
}

static int
check_data(const struct publish_request *d, const struct config *c, bool json,
    struct fault *f)
{
	const char *data = d->data.data, *why;
	size_t n = d->data.len, where;

	if (buf_failed(&d->data))
		return no_memory(f);
	if (n > (size_t)c->payload_limit)
		return fault_set(f, 413, POST_TOO_LARGE,
		    "the payload has %zu bytes, %lld are allowed", n,
		    (long long)c->payload_limit);
	if (n > 0 && !utf8_valid(data, n))
		return fault_set(f, 422, POST_NOT_TEXT, "the payload is not UTF-8");
	if (n > 0 && memchr(data, '\0', n) != NULL)
		return fault_set(f, 422, POST_NOT_TEXT,
		    "the payload has a NUL byte, which PostgreSQL cannot hold in a text: encode it, for example in JSON as \\u0000");
	if (!json)
		return 0;
	if (n >= 3 && memcmp(data, BYTE_ORDER_MARK, 3) == 0)
		return fault_set(f, 400, POST_MALFORMED,
		    "the JSON begins with a byte order mark (the bytes EF BB BF), which RFC 8259 forbids: send it without");
	why = json_check(n > 0 ? data : "", n, &where);
	if (why != NULL)
		return fault_set(f, 400, POST_MALFORMED,
		    "this is not JSON: %s, at byte %zu", why, where);
	return 0;
}

int
publish_request_parse(struct publish_request *d, const struct config *c,
    const struct publish_request_source *src, struct fault *f)
{
	enum body_type type = body_type(src->content_type);
	struct query query, fields;
	int rc = -1;

	query_init(&query);
	query_init(&fields);
	if (read_query(&query, src, c, f) == -1)
		goto out;
	if (type == BODY_FORM) {
		if (read_form(&fields, src, c, f) == -1 ||
		    form_data(d, &fields, c, f) == -1)
			goto out;
		if (*c->form_token != '\0' &&
		    take(&d->token, c->form_token, &fields, f) == -1)
			goto out;
	} else
		buf_add(&d->data, src->body, src->body_len);

	if (!header_unquote(&d->key, src->key)) {
		fault_set(f, 400, POST_MALFORMED,
		    "the Idempotency-Key is not a string");
		goto out;
	}
	if (take(&d->kind, "_kind", &fields, f) == -1 ||
	    take(&d->kind, "kind", &query, f) == -1 ||
	    take(&d->key, "_key", &fields, f) == -1 ||
	    take(&d->key, "key", &query, f) == -1 ||
	    take(&d->next, "_next", &fields, f) == -1 ||
	    take(&d->next, "next", &query, f) == -1)
		goto out;
	if (find_topic(d, c, src, &fields, &query, f) == -1 ||
	    check_own_fields(d, f) == -1 ||
	    check_data(d, c, type == BODY_JSON, f) == -1)
		goto out;
	rc = 0;
out:
	query_fini(&query);
	query_fini(&fields);
	return rc;
}
