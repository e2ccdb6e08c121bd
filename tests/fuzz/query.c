/*
 * query.c - query strings and paths as strangers write them.
 *
 * What comes out, written with every byte escaped, must read back the same.
 */
#include <string.h>

#include "fuzz.h"
#include "http/query.h"

static void
escape(struct buf *b, const char *s, size_t n)
{
	static const char hex[] = "0123456789abcdef";

	FUZZ_CHECK(buf_reserve(b, 3 * n));
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)s[i];
		const char escaped[] = { '%', hex[c >> 4], hex[c & 15] };

		buf_add(b, escaped, sizeof(escaped));
	}
}

/* it is one of those that are found under its name. */
static void
check_same_name(const struct query *p, const struct param *it)
{
	const struct param *found = query_find(p, it->name);

	FUZZ_CHECK(found != NULL && query_get(p, it->name) == found->value);
	while (found != it) {
		FUZZ_CHECK(found != NULL && found < it);
		found = query_next(p, found);
	}
}

static void
check_path(const char *uri)
{
	struct buf at_root = BUF_INIT, below = BUF_INIT;

	if (path_below(&below, uri, "/events")) {
		FUZZ_CHECK(path_below(&at_root, uri, "/"));
		FUZZ_CHECK(at_root.len >= below.len + 6);
		FUZZ_CHECK(memcmp(at_root.data, "events", 6) == 0);
	} else
		FUZZ_CHECK(below.len == 0);
	buf_fini(&at_root);
	buf_fini(&below);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct query p, again;
	struct buf b = BUF_INIT;
	enum query_result rc;
	char *uri;

	query_init(&p);
	query_init(&again);
	rc = query_parse(&p, (const char *)data, size);
	FUZZ_CHECK(rc == PARAMS_OK || p.n == PARAMS_MAX);
	for (size_t i = 0; i < p.n; i++) {
		const struct param *it = &p.item[i];

		FUZZ_CHECK(it->name[it->name_len] == '\0');
		FUZZ_CHECK(it->value[it->value_len] == '\0');
		if (i < 16 && strlen(it->name) == it->name_len)
			check_same_name(&p, it);
		escape(&b, it->name, it->name_len);
		buf_addc(&b, '=');
		escape(&b, it->value, it->value_len);
		buf_addc(&b, '&');
	}
	FUZZ_CHECK(query_parse(&again, b.data, b.len) == PARAMS_OK);
	FUZZ_CHECK(again.n == p.n);
	for (size_t i = 0; i < p.n; i++) {
		const struct param *x = &p.item[i], *y = &again.item[i];

		FUZZ_CHECK(
		    x->name_len == y->name_len && x->value_len == y->value_len);
		FUZZ_CHECK(memcmp(x->name, y->name,
			       x->name_len + x->value_len + 1) == 0);
	}
	FUZZ_CHECK(p.n > 0 || query_get(&p, "absent") == NULL);
	query_fini(&p);
	query_fini(&again);

	buf_fini(&b);

	/* In memory of its own size, or nobody sees what is read behind it. */
	uri = strndup((const char *)data, size);
	FUZZ_CHECK(uri != NULL);
	check_path(uri);
	free(uri);
	return 0;
}
