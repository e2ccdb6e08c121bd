/*
 * request_check.c - validation of FastCGI requests before they are parsed.
 */
#include <string.h>

#include "fastcgi/request_check.h"

/* A whole record. */
struct record {
	struct record_header header;
	const unsigned char *content;
};

/*
 * Parser of name-value pairs, which may run across the ends of records. expects
 * is the part that the pair under way lacks.
 */
struct pairs {
	enum { NAME_LENGTH, VALUE_LENGTH, NAME_AND_VALUE } expects;
	unsigned length_bytes; /* bytes of a long length still to come */
	uint32_t length;
	size_t name;
	size_t left;
};

/* Stores a length that is complete. Returns false if it is too large. */
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

/* Parses further pairs. Returns false when a length is too large. */
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
		} else if (
		    *p >> 7) { /* a length of four bytes, without the top bit */
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
	size_t whole;

	if (*n > 0 && (*p)[0] != 1)
		return FCGI_CHECK_BAD;
	if (*n < RECORD_HEADER_BYTES)
		return FCGI_CHECK_MORE;
	if (!record_read_header(&r->header, *p))
		return FCGI_CHECK_BAD;
	r->content = *p + RECORD_HEADER_BYTES;
	whole = RECORD_HEADER_BYTES + r->header.content + r->header.padding;
	if (*n < whole)
		return FCGI_CHECK_MORE;
	*p += whole;
	*n -= whole;
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

	if (n > 1 && p[1] != RECORD_BEGIN)
		return FCGI_CHECK_BAD;
	result = next_record(&p, &n, &r);
	if (result != FCGI_CHECK_OK)
		return result;
	/*
	 * libfcgi mistakes padding here for the next header. No web server
	 * sends any.
	 */
	id = r.header.id;
	if (id == 0 || r.header.content != 8 || r.header.padding != 0 ||
	    r.content[0] != 0 || r.content[1] != RECORD_RESPONDER)
		return FCGI_CHECK_BAD;
	for (;;) {
		/*
		 * Check the type alone where the rest of the header is to come.
		 */
		if (n > 1 && p[1] != RECORD_PARAMS)
			return FCGI_CHECK_BAD;
		result = next_record(&p, &n, &r);
		if (result == FCGI_CHECK_MORE && total >= FCGI_CHECK_MAX_BYTES)
			return FCGI_CHECK_LARGE;
		if (result != FCGI_CHECK_OK)
			return result;
		if (r.header.id != id)
			return FCGI_CHECK_BAD;
		if (r.header.content == 0)
			break;
		if (!read_pairs(&pairs, r.content, r.header.content))
			return FCGI_CHECK_LARGE;
	}
	if (pairs.expects != NAME_LENGTH || pairs.length_bytes != 0)
		return FCGI_CHECK_BAD;
	head->n = total - n - r.header.padding;
	head->padding = r.header.padding;
	head->id = (uint16_t)id;
	return FCGI_CHECK_OK;
}

struct fcgi_body
fcgi_body_after(const struct fcgi_head *head)
{
	/*
	 * The reader begins in the padding of a record whose header has been
	 * read.
	 */
	return (struct fcgi_body){ .id = head->id,
		.reader = {
		    .have = RECORD_HEADER_BYTES, .padding = head->padding } };
}

enum fcgi_check
fcgi_body_next(struct fcgi_body *b, const char **p, size_t *n,
    const char **piece, size_t *length)
{
	const struct record_header *h = &b->reader.header;

	while (!b->ended) {
		switch (record_next(&b->reader, p, n, piece, length)) {
		case RECORD_PIECE:
			return FCGI_CHECK_OK;
		case RECORD_MORE:
			return FCGI_CHECK_MORE;
		case RECORD_BAD:
			return FCGI_CHECK_BAD;
		case RECORD_HEADER:
			if (h->type != RECORD_STDIN || h->id != b->id)
				return FCGI_CHECK_BAD;
			b->last = h->content == 0;
			break;
		case RECORD_COMPLETE:
			b->ended = b->last;
			break;
		}
	}
	*piece = *p;
	*length = 0;
	return FCGI_CHECK_OK;
}

enum fcgi_check
request_check_body(const struct fcgi_head *head, const char *p, size_t n)
{
	struct fcgi_body b = fcgi_body_after(head);
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
