/*
 * form.c - forms: the first line is the content type, the rest the body.
 *
 * A value of a multipart form is a piece of the body, byte for byte, and all
 * of them lie one behind the other in it.
 */
#include <string.h>

#include "http/form.h"
#include "fuzz.h"
#include "http/header.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *s = (const char *)data, *why, *at;
	const char *line = size > 0 ? memchr(s, '\n', size) : NULL;
	struct buf type = BUF_INIT;
	enum form_result rc;
	struct query p;
	size_t n;

	if (line == NULL)
		return 0;
	buf_add(&type, s, (size_t)(line - s));
	n = size - type.len - 1;
	query_init(&p);
	rc = form_parse(&p, type.data, line + 1, n, &why);
	FUZZ_CHECK((rc == FORM_MALFORMED) == (why != NULL));
	FUZZ_CHECK(rc != FORM_OTHER_TYPE || p.n == 0);
	at = line + 1;
	for (size_t i = 0;
	     i < p.n && header_is(type.data, "multipart/form-data"); i++) {
		size_t left = (size_t)(s + size - at);

		at = memmem(at, left, p.item[i].value, p.item[i].value_len);
		FUZZ_CHECK(at != NULL);
		at += p.item[i].value_len;
	}
	query_fini(&p);
	buf_fini(&type);
	return 0;
}
