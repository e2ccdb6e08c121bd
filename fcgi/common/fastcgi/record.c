/*
 * record.c - FastCGI records: the one codec.
 */
#include <string.h>

#include "fastcgi/record.h"

#define FCGI_VERSION      1
#define MAX_CONTENT_BYTES 65535

static void
add_header(struct buf *b, enum record_type type, uint16_t id, size_t n)
{
	const unsigned char header[RECORD_HEADER_BYTES] = { FCGI_VERSION,
		(unsigned char)type, (unsigned char)(id >> 8),
		(unsigned char)id, (unsigned char)(n >> 8), (unsigned char)n, 0,
		0 };

	buf_add(b, header, sizeof(header));
}

/*
 * Adds n bytes as records of that type, each with at most most bytes of
 * content.
 */
static void
add_records(struct buf *b, enum record_type type, uint16_t id, const char *p,
    size_t n, size_t most)
{
	while (n > 0) {
		size_t part = MIN(n, most);

		add_header(b, type, id, part);
		buf_add(b, p, part);
		p += part;
		n -= part;
	}
}

void
record_add_output(struct buf *b, uint16_t id, const char *p, size_t n)
{
	add_records(b, RECORD_STDOUT, id, p, n, RECORD_MAX_CONTENT);
}

void
record_add_padded(struct buf *b, uint16_t id, const char *p, size_t n)
{
	add_records(b, RECORD_STDOUT, id, p, n, RECORD_PADDED);
}

void
record_add_end(struct buf *b, uint16_t id)
{
	static const char complete[8] = { 0 };

	add_header(b, RECORD_STDOUT, id, 0);
	add_header(b, RECORD_END, id, sizeof(complete));
	buf_add(b, complete, sizeof(complete));
}

/*
 * Adds a length as section 3.4 has it: one byte up to 127, else four with the
 * high bit set.
 */
static void
add_length(struct buf *b, size_t n)
{
	const unsigned char four[4] = { (unsigned char)(n >> 24 | 0x80),
		(unsigned char)(n >> 16), (unsigned char)(n >> 8),
		(unsigned char)n };

	if (n < 128)
		buf_addc(b, (char)n);
	else
		buf_add(b, four, sizeof(four));
}

void
record_add_pair(
    struct buf *b, const char *name, size_t name_len, const char *value)
{
	add_length(b, name_len);
	add_length(b, strlen(value));
	buf_add(b, name, name_len);
	buf_addstr(b, value);
}

void
record_add_request(struct buf *b, const struct buf *pairs)
{
	/* role (2 bytes), flags */
	static const unsigned char begin[8] = { 0, RECORD_RESPONDER };

	add_header(b, RECORD_BEGIN, 1, sizeof(begin));
	buf_add(b, begin, sizeof(begin));
	add_records(
	    b, RECORD_PARAMS, 1, pairs->data, pairs->len, MAX_CONTENT_BYTES);
	add_header(b, RECORD_PARAMS, 1, 0);
	add_header(b, RECORD_STDIN, 1, 0);
}

bool
record_read_header(struct record_header *h, const void *p)
{
	const unsigned char *bytes = p;

	*h = (struct record_header){ .type = bytes[1],
		.id = (uint16_t)(bytes[2] << 8 | bytes[3]),
		.content = (size_t)bytes[4] << 8 | bytes[5],
		.padding = bytes[6] };
	return bytes[0] == FCGI_VERSION;
}

/*
 * Moves past the available bytes, at most most of them. Returns their number.
 */
static size_t
take(const char **p, size_t *n, size_t most)
{
	size_t part = MIN(*n, most);

	*p += part;
	*n -= part;
	return part;
}

enum record_step
record_next(struct record_reader *r, const char **p, size_t *n,
    const char **piece, size_t *length)
{
	const char *from = *p;
	size_t part;

	if (r->have < RECORD_HEADER_BYTES) {
		part = take(p, n, RECORD_HEADER_BYTES - r->have);
		if (part > 0)
			memcpy(r->bytes + r->have, from, part);
		r->have += part;
		if (r->have > 0 && r->bytes[0] != FCGI_VERSION)
			return RECORD_BAD;
		if (r->have < RECORD_HEADER_BYTES)
			return RECORD_MORE;
		if (!record_read_header(&r->header, r->bytes))
			return RECORD_BAD;
		r->content = r->header.content;
		r->padding = r->header.padding;
		return RECORD_HEADER;
	}
	if (r->content > 0) {
		*piece = from;
		*length = take(p, n, r->content);
		r->content -= *length;
		return *length > 0 ? RECORD_PIECE : RECORD_MORE;
	}
	r->padding -= take(p, n, r->padding);
	if (r->padding > 0)
		return RECORD_MORE;
	r->have = 0;
	return RECORD_COMPLETE;
}
