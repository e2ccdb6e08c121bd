/*
 * request_check.c - the bytes of a connection, whoever sent them.
 *
 * A verdict does not depend on how the bytes arrive, nor does the body.
 */
#include <string.h>

#include "base/buf.h"
#include "fastcgi/request_check.h"
#include "fuzz.h"

static enum fcgi_check
read_body(struct fcgi_body b, const char *p, size_t n, size_t step,
    struct buf *content)
{
	enum fcgi_check result = FCGI_CHECK_MORE;

	while (n > 0 && result == FCGI_CHECK_MORE) {
		size_t left = n < step ? n : step, length;
		const char *end = p + left, *piece;

		n -= left;
		while ((result = fcgi_body_next(
			    &b, &p, &left, &piece, &length)) == FCGI_CHECK_OK &&
		       !b.ended) {
			FUZZ_CHECK(length > 0 && piece + length == p);
			buf_add(content, piece, length);
		}
		FUZZ_CHECK(p + left == end);
		FUZZ_CHECK(result != FCGI_CHECK_MORE || left == 0);
	}
	return result;
}

static void
check_body(const struct fcgi_head *head, const char *p, size_t n)
{
	const struct fcgi_body b = fcgi_body_after(head);
	enum fcgi_check whole = request_check_body(head, p, n);
	struct buf once = BUF_INIT, pieces = BUF_INIT;

	p += head->n;
	n -= head->n;
	FUZZ_CHECK(read_body(b, p, n, n, &once) == whole);
	FUZZ_CHECK(read_body(b, p, n, 1 + n % 13, &pieces) == whole);
	FUZZ_CHECK(once.len == pieces.len);
	FUZZ_CHECK(
	    once.len == 0 || memcmp(once.data, pieces.data, once.len) == 0);
	buf_fini(&once);
	buf_fini(&pieces);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *p = (const char *)data;
	struct fcgi_head head, same;
	enum fcgi_check whole = fcgi_check(p, size, &head);

	for (size_t n = size; n > 0; n = n * 3 / 4) {
		enum fcgi_check part = fcgi_check(p, n, &same);

		FUZZ_CHECK(part == FCGI_CHECK_MORE || part == whole);
		if (part == FCGI_CHECK_OK)
			FUZZ_CHECK(same.n == head.n && same.id == head.id &&
				   same.padding == head.padding);
	}
	if (whole == FCGI_CHECK_OK) {
		FUZZ_CHECK(size >= 24 && data[1] == 1 && head.id != 0);
		FUZZ_CHECK(head.n + head.padding <= size);
		check_body(&head, p, size);
	}
	return 0;
}
