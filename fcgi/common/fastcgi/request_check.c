/*
 * request_check.c - whether what a peer sent is a request.
 */
#include <string.h>

#include "fastcgi/request_check.h"

#define HEADER        8
#define BEGIN_REQUEST 1
#define PARAMS        4
#define STDIN         5
#define RESPONDER     1

struct record {
	unsigned type, id;
	const unsigned char *content;
	size_t n, padding;
};

/*
 * The name-value pairs of the parameters, which do not mind where a record
 * ends: what is still expected of the pair that was begun.
 */
struct pairs {
	enum { NAME_LENGTH, VALUE_LENGTH, NAME_AND_VALUE } expects;
	unsigned length_bytes; /* of a four-byte length, still to come */
	uint32_t length;
	size_t name;
	size_t left;
};

/* One length of a pair is complete. */
static bool
take_length(struct pairs *s)
{
	if (s->length > FCGI_CHECK_MAX_BYTES)
		return false;
	if (s->expects == NAME_LENGTH) {
		s->name = s->length;
		s->expects = VALUE_LENGTH;
		return true;
	}
	s->left = s->name + s->length;
	s->expects = s->left > 0 ? NAME_AND_VALUE : NAME_LENGTH;
	return true;
}

/* Goes on through the pairs; false when a length is out of all proportion. */
static bool
read_pairs(struct pairs *s, const unsigned char *p, size_t n)
{
	while (n > 0) {
		if (s->expects == NAME_AND_VALUE) {
			size_t part = MIN(n, s->left);

			p += part;
			n -= part;
			s->left -= part;
			if (s->left == 0)
				s->expects = NAME_LENGTH;
			continue;
		}
		if (s->length_bytes > 0) {
			s->length = s->length << 8 | *p;
			s->length_bytes--;
		} else if (*p >> 7) { /* four bytes, without the top bit */
			s->length = *p & 0x7f;
			s->length_bytes = 3;
		} else
			s->length = *p;
		p++;
		n--;
		if (s->length_bytes == 0 && !take_length(s))
			return false;
	}
	return true;
}

static enum fcgi_check
next_record(const unsigned char **p, size_t *n, struct record *r)
{
	const unsigned char *h = *p;

	if (*n > 0 && h[0] != 1)
		return FCGI_CHECK_BAD;
	if (*n < HEADER)
		return FCGI_CHECK_MORE;
	r->type = h[1];
	r->id = (unsigned)h[2] << 8 | h[3];
	r->n = (size_t)h[4] << 8 | h[5];
	r->content = h + HEADER;
	r->padding = h[6];
	if (*n < HEADER + r->n + r->padding)
		return FCGI_CHECK_MORE;
	*p += HEADER + r->n + r->padding;
	*n -= HEADER + r->n + r->padding;
	return FCGI_CHECK_OK;
}

enum fcgi_check
fcgi_check(const char *bytes, size_t n, struct fcgi_head *head)
{
	const unsigned char *p = (const unsigned char *)bytes;
	enum fcgi_check result;
	struct pairs pairs = { .expects = NAME_LENGTH };
	struct record r;
	unsigned id;
	size_t total = n;

	if (n > 1 && p[1] != BEGIN_REQUEST)
		return FCGI_CHECK_BAD;
	result = next_record(&p, &n, &r);
	if (result != FCGI_CHECK_OK)
		return result;
	/* libfcgi takes padding here for the next header; nobody sends it. */
	id = r.id;
	if (id == 0 || r.n != 8 || r.padding != 0 || r.content[0] != 0 ||
	    r.content[1] != RESPONDER)
		return FCGI_CHECK_BAD;
	for (;;) {
		/* Judge by the header alone where the rest is to come. */
		if (n > 1 && p[1] != PARAMS)
			return FCGI_CHECK_BAD;
		result = next_record(&p, &n, &r);
		if (result == FCGI_CHECK_MORE && total >= FCGI_CHECK_MAX_BYTES)
			return FCGI_CHECK_LARGE;
		if (result != FCGI_CHECK_OK)
			return result;
		if (r.id != id)
			return FCGI_CHECK_BAD;
		if (r.n == 0)
			break;
		if (!read_pairs(&pairs, r.content, r.n))
			return FCGI_CHECK_LARGE;
	}
	if (pairs.expects != NAME_LENGTH || pairs.length_bytes != 0)
		return FCGI_CHECK_BAD;
	head->n = total - n - r.padding;
	head->padding = r.padding;
	head->id = (uint16_t)id;
	return FCGI_CHECK_OK;
}

/* A header of the body is complete. */
static bool
take_header(struct fcgi_body *b)
{
	const unsigned char *h = b->header;

	if (h[0] != 1 || h[1] != STDIN || (h[2] << 8 | h[3]) != b->id)
		return false;
	b->content = (size_t)h[4] << 8 | h[5];
	b->padding = h[6];
	b->last = b->content == 0;
	b->n_header = 0;
	return true;
}

enum fcgi_check
fcgi_body_next(struct fcgi_body *b, const char **p, size_t *n,
    const char **piece, size_t *length)
{
	for (;;) {
		size_t part = MIN(*n, b->content);

		if (part > 0) {
			*piece = *p;
			*length = part;
			b->content -= part;
			*p += part;
			*n -= part;
			return FCGI_CHECK_OK;
		}
		if (b->content == 0) {
			part = MIN(*n, b->padding);
			b->padding -= part;
			*p += part;
			*n -= part;
			b->ended = b->last && b->padding == 0;
		}
		if (b->ended) {
			*piece = *p;
			*length = 0;
			return FCGI_CHECK_OK;
		}
		if (*n == 0)
			return FCGI_CHECK_MORE;
		part = MIN(*n, HEADER - b->n_header);
		memcpy(b->header + b->n_header, *p, part);
		b->n_header += (unsigned)part;
		*p += part;
		*n -= part;
		if (b->n_header == HEADER && !take_header(b))
			return FCGI_CHECK_BAD;
	}
}

enum fcgi_check
request_check_body(const struct fcgi_head *head, const char *p, size_t n)
{
	struct fcgi_body b = { .id = head->id, .padding = head->padding };
	enum fcgi_check result;
	const char *piece;
	size_t length;

	p += head->n;
	n -= head->n;
	do
		result = fcgi_body_next(&b, &p, &n, &piece, &length);
	while (result == FCGI_CHECK_OK && !b.ended);
	return result;
}
