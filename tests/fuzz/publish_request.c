/*
 * publish_request.c - whole requests: lines of URI, path info, query, content type,
 * key, Host, Origin, Sec-Fetch-Site and Referer; what follows is the body.
 *
 * What becomes an event is fit for the database and for a stream, and an
 * answer leads nowhere but to a path on the same host.
 */
#include <string.h>

#include "post/publish_request.h"
#include "fuzz.h"
#include "http/origin.h"
#include "feed/topic.h"

#define LINES 9

static char listed_origin[] = "https://app.example";
static char *origins[] = { listed_origin };
static struct config config = {
	.origins = { origins, 1 },
	.base_path = (char[]){ "/events" },
	.payload_limit = 4096,
	.body_limit = 16384,
	.max_fields = 100,
	.form_token = (char[]){ "csrf" },
};

static bool
is_line(const struct buf *b)
{
	return b->len == 0 ||
	       (utf8_valid(b->data, b->len) && strlen(b->data) == b->len &&
		   strpbrk(b->data, "\r\n") == NULL);
}

static void
check_draft(const struct publish_request *d)
{
	FUZZ_CHECK(topic_valid(d->topic.data, d->topic.len));
	FUZZ_CHECK(is_line(&d->kind) && d->kind.len <= KIND_MAX_BYTES);
	FUZZ_CHECK(is_line(&d->key) && d->key.len <= KEY_MAX_BYTES);
	FUZZ_CHECK(d->next.len <= NEXT_MAX_BYTES);
	FUZZ_CHECK(d->data.len <= 4096);
	FUZZ_CHECK(
	    d->data.len == 0 || (utf8_valid(d->data.data, d->data.len) &&
				    strlen(d->data.data) == d->data.len));
}

static void
check_redirect(const struct origin_source *src, const char *next, size_t n)
{
	struct buf b = BUF_INIT;

	if (origin_redirect(&b, src, next, n)) {
		FUZZ_CHECK(b.len > 0 && b.data[0] == '/' && b.data[1] != '/');
		for (size_t i = 0; i < b.len; i++)
			FUZZ_CHECK(b.data[i] > ' ' && b.data[i] < 0x7f &&
				   b.data[i] != '\\');
	} else
		FUZZ_CHECK(b.len == 0);
	buf_fini(&b);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *s = (const char *)data, *end = s + size;
	struct buf line[LINES] = { BUF_INIT };
	struct publish_request_source src;
	struct origin_source origin;
	struct fault fault = { 0 };
	struct publish_request d;
	size_t limit;

	for (int i = 0; i < LINES; i++) {
		const char *eol =
		    s < end ? memchr(s, '\n', (size_t)(end - s)) : NULL;

		buf_addstr(&line[i], "");
		if (eol != NULL) {
			buf_add(&line[i], s, (size_t)(eol - s));
			s = eol + 1;
		}
	}
	src = (struct publish_request_source){
		.path = { line[0].data, "", line[1].data },
		.query = line[2].data,
		.content_type = line[3].data,
		.key = line[4].data,
		.body = s,
		.body_len = (size_t)(end - s),
	};
	origin = (struct origin_source){ .host = line[5].data,
		.origin = line[6].data,
		.fetch_site = line[7].data,
		.referer = line[8].data };

	publish_request_init(&d);
	limit = publish_request_body_limit(&config, src.content_type, "", &fault);
	FUZZ_CHECK((limit == 0) == (fault.status == 415));
	if (limit >= src.body_len) {
		if (publish_request_parse(&d, &config, &src, &fault) == 0) {
			check_draft(&d);
			check_redirect(&origin, d.next.data, d.next.len);
		} else
			FUZZ_CHECK(fault.status >= 400 && fault.status < 500 &&
				   fault.detail[0] != '\0');
	}
	FUZZ_CHECK(
	    publish_request_body_limit(&config, src.content_type, "gzip", &fault) == 0);
	publish_request_fini(&d);
	FUZZ_CHECK(
	    (origin_check(&config, &origin) == ORIGIN_ALLOWED) ==
	    (strcmp(origin.origin, listed_origin) == 0));
	check_redirect(&origin, origin.referer, strlen(origin.referer));
	for (int i = 0; i < LINES; i++)
		buf_fini(&line[i]);
	return 0;
}
