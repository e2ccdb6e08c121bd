/*
 * header.c - header values; the last byte chooses a parameter's name.
 */
#include <string.h>

#include "fuzz.h"
#include "http/header.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = { "charset", "boundary", "name",
		"q" };
	struct buf value = BUF_INIT, out = BUF_INIT;
	const char *s;
	size_t n;
	const char *name = names[size > 0 ? data[size - 1] % 4 : 0];

	buf_addstr(&value, "");
	buf_add(&value, data, size);
	if (header_param(&out, value.data, name))
		FUZZ_CHECK(out.len + strlen(name) < size);
	else
		FUZZ_CHECK(out.len == 0);
	buf_clear(&out);
	if (header_unquote(&out, value.data))
		FUZZ_CHECK(out.len <= size);
	else
		FUZZ_CHECK(out.len == 0 && memchr(data, '"', size) != NULL);
	FUZZ_CHECK(header_weight(value.data, "text/html") <= 1000);
	FUZZ_CHECK(header_weight(value.data, "application/json") <= 1000);
	if (header_prefers(value.data, "text/html", "application/json"))
		FUZZ_CHECK(!header_prefers(value.data, "application/json", "text/html") &&
			   header_weight(value.data, "text/html") > 0);
	s = header_cookie(value.data, name, &n);
	if (s != NULL)
		FUZZ_CHECK(s > value.data + strlen(name) &&
			   s + n <= value.data + strlen(value.data) &&
			   memchr(s, ';', n) == NULL);
	if (header_is(value.data, "text/plain"))
		FUZZ_CHECK(size >= 10);
	(void)header_charset_ok(value.data);
	buf_fini(&value);
	buf_fini(&out);
	return 0;
}
