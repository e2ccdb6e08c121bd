/*
 * sse.c - events on the wire: the first line is the type, the rest data.
 *
 * Whatever they are, a reader finds one event with these data in it.
 */
#include <string.h>

#include "fuzz.h"
#include "http/sse.h"

/* The data that a reader of the format puts together from the lines at s. */
static void
read_event(struct buf *data, const char *s, size_t n)
{
	const char *end = s + n;
	bool first = true;

	FUZZ_CHECK(memchr(s, '\r', n) == NULL && buf_reserve(data, n));
	while (s < end && *s != '\n') {
		const char *eol = memchr(s, '\n', (size_t)(end - s));

		FUZZ_CHECK(eol != NULL);
		if (strncmp(s, "data: ", 6) == 0) {
			if (!first)
				buf_addc(data, '\n');
			first = false;
			buf_add(data, s + 6, (size_t)(eol - s - 6));
		} else
			FUZZ_CHECK(strncmp(s, "id: 1\n", 6) == 0 ||
				   strncmp(s, "event: ", 7) == 0);
		s = eol + 1;
	}
	FUZZ_CHECK(s + 1 == end && !first);
}

/* What was to be sent, with LF for each of CR, LF and CRLF. */
static void
normalize(struct buf *out, const char *s, size_t n)
{
	FUZZ_CHECK(buf_reserve(out, n));
	for (size_t i = 0; i < n; i++) {
		if (s[i] == '\n' && i > 0 && s[i - 1] == '\r')
			continue;
		buf_addc(out, s[i]);
		if (s[i] == '\r')
			out->data[out->len - 1] = '\n';
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *s = (const char *)data;
	const char *eol = size > 0 ? memchr(s, '\n', size) : NULL;
	struct buf type = BUF_INIT, event = BUF_INIT, got = BUF_INIT,
		   sent = BUF_INIT;
	size_t n;

	buf_addstr(&type, "");
	if (eol != NULL) {
		buf_add(&type, s, (size_t)(eol - s));
		size -= (size_t)(eol + 1 - s);
		s = eol + 1;
	}
	sse_add_event(&event, size % 2 ? "1" : NULL,
	    size % 3 ? type.data : NULL, size > 0 ? s : "", size);
	read_event(&got, event.data, event.len);
	normalize(&sent, s, size);
	FUZZ_CHECK(got.len == sent.len);
	FUZZ_CHECK(sent.len == 0 || memcmp(got.data, sent.data, sent.len) == 0);

	n = event.len;
	sse_add_padding(&event, 1 + size % 300, size % 7);
	FUZZ_CHECK(event.len % (1 + size % 300) == 0);
	FUZZ_CHECK(event.len == n || event.data[n] == ':');
	sse_add_id(&event, "1");
	sse_add_comment(&event, "beat");
	sse_add_retry(&event, (unsigned)size);
	FUZZ_CHECK(memcmp(event.data + event.len - 1, "\n", 1) == 0);
	buf_fini(&type);
	buf_fini(&event);
	buf_fini(&got);
	buf_fini(&sent);
	return 0;
}
