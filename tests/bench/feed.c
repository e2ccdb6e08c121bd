/*
 * feed.c - takes the bytes of one stream apart, however they are cut.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "feed.h"

#define FCGI_END_REQUEST 3
#define FCGI_STDOUT      6
#define HEAD_MAX_BYTES   16384
#define LINE_MAX_BYTES   (4 << 20)

enum { RECORD_HEAD, RECORD_CONTENT, RECORD_PADDING };
enum { CHUNK_SIZE, CHUNK_DATA, CHUNK_END, CHUNK_TRAILER };

void
feed_init(struct feed *f, enum feed_kind kind)
{
	memset(f, 0, sizeof(*f));
	f->kind = kind;
}

void
feed_fini(struct feed *f)
{
	buf_fini(&f->line);
	buf_fini(&f->type);
	buf_fini(&f->data);
	buf_fini(&f->id);
	buf_fini(&f->last_id);
}

void
feed_reset(struct feed *f)
{
	f->state = RECORD_HEAD;
	f->head_bytes = 0;
	f->in_body = f->chunked = f->ended = false;
	f->status = 0;
	f->left = f->padding = f->chunk_left = 0;
	f->chunk_state = CHUNK_SIZE;
	f->has_id = f->has_data = false;
	buf_clear(&f->line);
	buf_clear(&f->type);
	buf_clear(&f->data);
	buf_clear(&f->id);
}

/* --- SSE */

static void
dispatch(struct feed *f, feed_cb *cb, void *arg)
{
	struct feed_event e;

	if (f->has_id) {
		buf_clear(&f->last_id);
		buf_add(&f->last_id, f->id.data, f->id.len);
	}
	if (f->has_data) {
		e.type = f->type.len > 0 ? f->type.data : NULL;
		e.data = f->data.data;
		e.len = f->data.len;
		cb(arg, &e);
		buf_clear(&f->data);
	}
	f->has_id = f->has_data = false;
	if (f->type.len > 0)
		buf_clear(&f->type);
}

/* The value behind "name:" and one space; NULL when it is another field. */
static const char *
value_of(const char *s, size_t n, const char *name, size_t *len)
{
	size_t k = strlen(name);

	if (n <= k || memcmp(s, name, k) != 0 || s[k] != ':')
		return NULL;
	k++;
	if (k < n && s[k] == ' ')
		k++;
	*len = n - k;
	return s + k;
}

static void
take_line(struct feed *f, const char *s, size_t n, feed_cb *cb, void *arg)
{
	const char *v;
	size_t len;

	if (n > 0 && s[n - 1] == '\r')
		n--;
	if (n == 0) {
		dispatch(f, cb, arg);
	} else if ((v = value_of(s, n, "data", &len)) != NULL) {
		if (f->has_data)
			buf_addc(&f->data, '\n');
		buf_add(&f->data, v, len);
		f->has_data = true;
	} else if ((v = value_of(s, n, "id", &len)) != NULL) {
		buf_clear(&f->id);
		buf_add(&f->id, v, len);
		f->has_id = true;
	} else if ((v = value_of(s, n, "event", &len)) != NULL) {
		buf_clear(&f->type);
		buf_add(&f->type, v, len);
	} else if ((v = value_of(s, n, "retry", &len)) != NULL) {
		f->retry_ms = strtoll(v, NULL, 10);
	}
}

static int
take_sse(struct feed *f, const char *s, size_t n, feed_cb *cb, void *arg)
{
	const char *end = s + n, *nl;

	while (s < end && (nl = memchr(s, '\n', (size_t)(end - s))) != NULL) {
		if (f->line.len > 0) {
			buf_add(&f->line, s, (size_t)(nl - s));
			take_line(f, f->line.data, f->line.len, cb, arg);
			buf_clear(&f->line);
		} else
			take_line(f, s, (size_t)(nl - s), cb, arg);
		s = nl + 1;
	}
	if (s < end)
		buf_add(&f->line, s, (size_t)(end - s));
	return f->line.len > LINE_MAX_BYTES || buf_failed(&f->line) ? -1 : 0;
}

/* --- HTTP */

static int
take_chunks(struct feed *f, const char *s, size_t n, feed_cb *cb, void *arg)
{
	const char *end = s + n;

	while (s < end && !f->ended) {
		size_t part = (size_t)(end - s);

		switch (f->chunk_state) {
		case CHUNK_DATA:
			part = MIN(part, f->chunk_left);
			if (take_sse(f, s, part, cb, arg) == -1)
				return -1;
			s += part;
			f->chunk_left -= part;
			if (f->chunk_left == 0)
				f->chunk_state = CHUNK_END;
			break;
		case CHUNK_END:
			if (*s++ == '\n')
				f->chunk_state = CHUNK_SIZE;
			break;
		case CHUNK_SIZE:
			if (isxdigit((unsigned char)*s))
				f->chunk_left =
				    f->chunk_left * 16 +
				    (size_t)(*s <= '9'
						 ? *s - '0'
						 : (*s | 0x20) - 'a' + 10);
			else if (*s == '\n')
				f->chunk_state = f->chunk_left > 0
						     ? CHUNK_DATA
						     : CHUNK_TRAILER;
			s++;
			break;
		default: /* no trailer is expected, only its blank line */
			if (*s++ == '\n')
				f->ended = true;
			break;
		}
	}
	return 0;
}

static int
take_head(struct feed *f)
{
	const char *p;
	char *s;

	for (s = f->line.data; *s != '\0'; s++)
		*s = (char)tolower((unsigned char)*s);
	s = f->line.data;
	if (f->kind == FEED_HTTP) {
		if (strncmp(s, "http/1.", 7) != 0 || f->line.len < 12)
			return -1;
		f->status = atoi(s + 9);
		f->chunked =
		    strstr(s, "\r\ntransfer-encoding: chunked") != NULL;
	} else {
		p = strncmp(s, "status:", 7) == 0 ? s : strstr(s, "\nstatus:");
		f->status = p != NULL ? atoi(strchr(p, ':') + 1) : 200;
	}
	f->in_body = true;
	buf_clear(&f->line);
	return 0;
}

static int
take_answer(struct feed *f, const char *s, size_t n, feed_cb *cb, void *arg)
{
	while (n > 0 && !f->in_body) {
		buf_addc(&f->line, *s);
		if (buf_failed(&f->line) || f->line.len > HEAD_MAX_BYTES)
			return -1;
		if (*s == '\n' &&
		    ((f->line.len >= 4 && memcmp(f->line.data + f->line.len - 4,
					      "\r\n\r\n", 4) == 0) ||
			(f->line.len >= 2 &&
			    f->line.data[f->line.len - 2] == '\n')) &&
		    take_head(f) == -1)
			return -1;
		s++;
		n--;
	}
	if (n == 0)
		return 0;
	return f->chunked ? take_chunks(f, s, n, cb, arg)
			  : take_sse(f, s, n, cb, arg);
}

/* --- FastCGI 1.0, section 3.3 */

static int
take_records(struct feed *f, const char *s, size_t n, feed_cb *cb, void *arg)
{
	const char *end = s + n;

	while (s < end && !f->ended) {
		size_t part = (size_t)(end - s);

		switch (f->state) {
		case RECORD_HEAD:
			f->head[f->head_bytes++] = (unsigned char)*s++;
			if (f->head_bytes < sizeof(f->head))
				break;
			if (f->head[0] != 1)
				return -1;
			f->head_bytes = 0;
			f->record_type = f->head[1];
			f->left = (size_t)f->head[4] << 8 | f->head[5];
			f->padding = f->head[6];
			f->state = RECORD_CONTENT;
			break;
		case RECORD_CONTENT:
			part = MIN(part, f->left);
			if (f->record_type == FCGI_STDOUT &&
			    take_answer(f, s, part, cb, arg) == -1)
				return -1;
			s += part;
			f->left -= part;
			break;
		default:
			part = MIN(part, f->padding);
			s += part;
			f->padding -= part;
			break;
		}
		if (f->state == RECORD_CONTENT && f->left == 0) {
			if (f->record_type == FCGI_END_REQUEST)
				f->ended = true;
			f->state = RECORD_PADDING;
		}
		if (f->state == RECORD_PADDING && f->padding == 0)
			f->state = RECORD_HEAD;
	}
	return 0;
}

int
feed_take(struct feed *f, const char *s, size_t n, feed_cb *cb, void *arg)
{
	return f->kind == FEED_FASTCGI ? take_records(f, s, n, cb, arg)
				       : take_answer(f, s, n, cb, arg);
}
