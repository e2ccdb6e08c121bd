/*
 * json.c - JSON, judged beside json-c.
 *
 * json-c takes more than JSON, so what we take it must take too. And whatever
 * buf_addjson() writes is JSON.
 *
 * json-c 0.17 and 0.18 refuse every byte from 0x80 on with JSON_TOKENER_STRICT:
 * to them such a byte is a negative char and so a control character.
 */
#include <json-c/json.h>
#include <string.h>

#include "base/buf.h"
#include "fuzz.h"
#include "base/json.h"

static bool
is_ascii(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if ((unsigned char)s[i] >= 0x80)
			return false;
	}
	return true;
}

static bool
json_c_takes(const char *s, size_t n)
{
	struct json_tokener *t = json_tokener_new_ex(JSON_MAX_DEPTH + 2);
	struct json_object *o;
	bool ok;

	FUZZ_CHECK(t != NULL);
	if (is_ascii(s, n))
		json_tokener_set_flags(t, JSON_TOKENER_STRICT);
	o = json_tokener_parse_ex(t, s, (int)n);
	/* A number might go on: tell that it does not. */
	if (json_tokener_get_error(t) == json_tokener_continue)
		o = json_tokener_parse_ex(t, " ", 1);
	ok = json_tokener_get_error(t) == json_tokener_success;
	json_object_put(o);
	json_tokener_free(t);
	return ok;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *s = (const char *)data;
	struct buf b = BUF_INIT;
	size_t where = SIZE_MAX;

	if (!utf8_valid(s, size))
		return 0;
	if (json_check(s, size, &where) == NULL) {
		FUZZ_CHECK(where == size);
		FUZZ_CHECK(json_c_takes(s, size));
	} else
		FUZZ_CHECK(where <= size);

	buf_addjson(&b, s, size);
	FUZZ_CHECK(json_check(b.data, b.len, &where) == NULL);
	buf_fini(&b);
	return 0;
}
