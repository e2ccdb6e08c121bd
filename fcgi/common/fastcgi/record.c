/*
 * record.c - output as FastCGI records.
 */
#include "fastcgi/record.h"

#define FCGI_VERSION_1   1
#define FCGI_END_REQUEST 3
#define FCGI_STDOUT      6

static void
add_header(struct buf *b, unsigned type, uint16_t id, size_t n)
{
	const unsigned char header[8] = { FCGI_VERSION_1, (unsigned char)type,
		(unsigned char)(id >> 8), (unsigned char)id,
		(unsigned char)(n >> 8), (unsigned char)n, 0, 0 };

	buf_add(b, header, sizeof(header));
}

static void
add_output(struct buf *b, uint16_t id, const char *p, size_t n, size_t most)
{
	while (n > 0) {
		size_t part = MIN(n, most);

		add_header(b, FCGI_STDOUT, id, part);
		buf_add(b, p, part);
		p += part;
		n -= part;
	}
}

void
record_add_output(struct buf *b, uint16_t id, const char *p, size_t n)
{
	add_output(b, id, p, n, RECORD_MAX_CONTENT);
}

void
record_add_padded(struct buf *b, uint16_t id, const char *p, size_t n)
{
	add_output(b, id, p, n, RECORD_PADDED);
}

void
record_add_end(struct buf *b, uint16_t id)
{
	static const char complete[8] = { 0 };

	add_header(b, FCGI_STDOUT, id, 0);
	add_header(b, FCGI_END_REQUEST, id, sizeof(complete));
	buf_add(b, complete, sizeof(complete));
}
