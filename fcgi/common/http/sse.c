/*
 * sse.c - the text/event-stream format.
 */
#include <string.h>

#include "http/sse.h"

/* Returns the length of the line at p, which ends at CR, LF or n. */
static size_t
line_length(const char *p, size_t n)
{
	const char *lf = memchr(p, '\n', n);
	size_t len = lf != NULL ? (size_t)(lf - p) : n;
	const char *cr = memchr(p, '\r', len);

	return cr != NULL ? (size_t)(cr - p) : len;
}

void
sse_add_event(
    struct buf *b, const char *id, const char *type, const char *data, size_t n)
{
	const char *end = data + n;

	if (id != NULL) {
		buf_add(b, "id: ", 4);
		buf_addstr(b, id);
		buf_addc(b, '\n');
	}
	/*
	 * The schema refuses a kind with a line break. This check keeps such a
	 * kind from starting a field of its own should the constraint be gone.
	 */
	if (type != NULL && strpbrk(type, "\r\n") == NULL) {
		buf_add(b, "event: ", 7);
		buf_addstr(b, type);
		buf_addc(b, '\n');
	}
	for (;;) {
		size_t len = line_length(data, (size_t)(end - data));

		buf_add(b, "data: ", 6);
		buf_add(b, data, len);
		buf_addc(b, '\n');
		data += len;
		if (data == end)
			break;
		data += data + 1 < end && data[0] == '\r' && data[1] == '\n'
			    ? 2
			    : 1;
	}
	buf_addc(b, '\n');
}

void
sse_add_id(struct buf *b, const char *id)
{
	buf_add(b, "id: ", 4);
	buf_addstr(b, id);
	buf_add(b, "\n\n", 2);
}

void
sse_add_comment(struct buf *b, const char *text)
{
	buf_add(b, ": ", 2);
	buf_addstr(b, text);
	buf_add(b, "\n\n", 2);
}

void
sse_add_padding(struct buf *b, size_t unit, size_t least)
{
	size_t n = (unit - b->len % unit) % unit;

	if ((n == 0 && least == 0) || buf_failed(b))
		return;
	while (n < MAX(least, 3)) /* ":", LF, LF */
		n += unit;
	if (!buf_reserve(b, n))
		return;
	buf_addc(b, ':');
	memset(b->data + b->len, ' ', n - 3);
	b->len += n - 3;
	buf_addstr(b, "\n\n");
}

void
sse_add_retry(struct buf *b, unsigned ms)
{
	buf_addf(b, "retry: %u\n", ms);
}
