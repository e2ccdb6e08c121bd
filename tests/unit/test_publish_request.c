/*
 * test_publish_request.c - from a request to an event: topic, kind, key, data.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "post/publish_request.h"

#define FORM      "application/x-www-form-urlencoded"
#define JSON      "application/json"
#define TEXT      "text/plain"
#define MULTIPART "multipart/form-data; boundary=X"

static struct config config = {
	.base_path = (char[]){ "/events" },
	.payload_limit = 100,
	.body_limit = 1000,
	.max_fields = 20,
	.form_token = (char[]){ "csrf" },
};

/* One string for all: topic|kind|key|next|data, or the status. A token of the
 * form is said before them, with a blank. */
static void
show(struct buf *out, const struct publish_request_source *src)
{
	struct fault f = { 0 };
	struct publish_request d;

	publish_request_init(&d);
	if (publish_request_parse(&d, &config, src, &f) == -1) {
		assert_true(f.status >= 400 && f.status < 500);
		assert_true(f.detail[0] != '\0');
		buf_addf(out, "%d", f.status);
	} else {
		const struct buf *const all[] = { &d.topic, &d.kind, &d.key,
			&d.next, &d.data };

		if (d.token.len > 0)
			buf_addf(out, "%s ", d.token.data);
		for (size_t i = 0; i < ARRAY_LEN(all); i++) {
			buf_add(out, all[i]->data, all[i]->len);
			buf_addstr(out, i < 4 ? "|" : "");
		}
	}
	publish_request_fini(&d);
}

static void
test_drafts(void **state)
{
	static const struct {
		const char *uri, *path_info, *query, *type, *key, *body, *out;
	} table[] = {
		/* where the topic comes from */
		{ "/events/a/b", "", "", TEXT, "", "x", "a/b||||x" },
		{ "/events/a%20b", "", "", TEXT, "", "x", "a b||||x" },
		{ "/events?topic=q", "", "topic=q", TEXT, "", "x", "q||||x" },
		{ "/events/p?topic=q", "", "topic=q", FORM, "",
		    "_topic=f&data=x", "p||||x" },
		{ "/events?topic=q", "", "topic=q", FORM, "", "_topic=f&data=x",
		    "f||||x" },
		{ "/events", "", "", FORM, "", "_topic=&data=x",
		    "events||||x" },
		{ "/events", "", "", TEXT, "", "x", "events||||x" },
		{ "/events/", "", "", TEXT, "", "x", "events||||x" },
		{ "/cgi-bin/post/a/b", "/a/b", "", TEXT, "", "x", "a/b||||x" },
		{ "/cgi-bin/post", "", "", TEXT, "", "x", "events||||x" },
		{ "/events/a*", "", "", TEXT, "", "x", "400" },
		{ "/events/-/status", "", "", TEXT, "", "x", "400" },
		{ "/events//a", "", "", TEXT, "", "x", "400" },
		{ "/events/a%0d%0aX:y", "", "", TEXT, "", "x", "400" },
		{ "/events/a%00", "", "", TEXT, "", "x", "400" },
		{ "/events/%ff", "", "", TEXT, "", "x", "400" },
		{ "/events", "", "", FORM, "", "_topic=a%0ab&data=x", "400" },
		{ "/events/a/", "", "", TEXT, "", "x", "400" },
		{ "/events", "", "topic[]=q", TEXT, "", "x", "q||||x" },
		{ "/events", "", "topic%5B0%5D=q", TEXT, "", "x", "q||||x" },
		{ "/events", "", "topic=q&topic=q", TEXT, "", "x", "q||||x" },
		{ "/events", "", "topic=q&topic=r", TEXT, "", "x", "400" },
		{ "/events", "", "topic=q&topic[]=r", TEXT, "", "x", "400" },
		{ "/events", "", "topic=", TEXT, "", "x", "400" },
		{ "/events", "", "topics=q", TEXT, "", "x", "400" },
		{ "/events", "", "topics=q&topic=r", TEXT, "", "x", "r||||x" },
		{ "/events/p", "", "topics=q", TEXT, "", "x", "p||||x" },
		{ "/events", "", "topics=q", FORM, "", "_topic=f&data=x",
		    "f||||x" },
		/* the form's token is none of its data */
		{ "/events/t", "", "", FORM, "", "csrf=s&a=b",
		    "s t||||{\"a\":\"b\"}" },
		{ "/events/t", "", "", FORM, "", "csrf=s&a=b&csrf=r", "400" },
		{ "/events/t", "", "", FORM, "", "data=x&csrf=s", "s t||||x" },
		{ "/events/t", "", "", FORM, "", "csrf=s", "400" },
		{ "/events/t", "", "csrf=s", FORM, "", "data=x", "t||||x" },
		{ "/events/t", "", "csrf=s", TEXT, "", "csrf=s",
		    "t||||csrf=s" },
		/* kind, key, next */
		{ "/events/t", "", "kind=k&key=y&next=/n", TEXT, "", "x",
		    "t|k|y|/n|x" },
		{ "/events/t", "", "kind=k&key=y&next=/n", FORM, "",
		    "_kind=K&_key=Y&_next=/N&data=x", "t|K|Y|/N|x" },
		{ "/events/t", "", "kind=k&key=y&next=/n", FORM, "",
		    "_kind=&_key=&_next=&data=x", "t|k|y|/n|x" },
		{ "/events/t", "", "key=y", FORM, "\"h\"", "_key=Y&data=x",
		    "t||h||x" },
		{ "/events/t", "", "_kind=k&_topic=u", TEXT, "", "x",
		    "t||||x" },
		/* several values mean one thing, or nothing */
		{ "/events/t", "", "kind=k&kind=k", TEXT, "", "x", "t|k|||x" },
		{ "/events/t", "", "kind=k&kind=l", TEXT, "", "x", "400" },
		{ "/events/t", "", "key=k&key=l", TEXT, "", "x", "400" },
		{ "/events/t", "", "next=k&next=l", TEXT, "", "x", "400" },
		{ "/events", "", "", FORM, "", "_topic=a&_topic=b&data=x",
		    "400" },
		{ "/events/t", "", "", FORM, "", "_kind=a&_kind=b&data=x",
		    "400" },
		{ "/events/t", "", "", FORM, "", "_key=a&_key=&data=x", "400" },
		{ "/events/t", "", "", TEXT, " h\\ ", "x", "t||h\\||x" },
		{ "/events/t", "", "", TEXT, "\"h", "x", "400" },
		{ "/events/t", "", "kind=a%0ab", TEXT, "", "x", "400" },
		{ "/events/t", "", "kind=a%0db", TEXT, "", "x", "400" },
		{ "/events/t", "", "kind=a%00b", TEXT, "", "x", "400" },
		{ "/events/t", "", "kind=%ff", TEXT, "", "x", "400" },
		{ "/events/t", "", "kind=pgfeed.bye", TEXT, "", "x", "400" },
		{ "/events/t", "", "kind=pgfeedx", TEXT, "", "x",
		    "t|pgfeedx|||x" },
		{ "/events/t", "", "key=a%0ab", TEXT, "", "x", "400" },
		{ "/events/t", "", "key=a%00", TEXT, "", "x", "400" },
		/* bodies as they stand */
		{ "/events/t", "", "", TEXT, "", "a\r\nb\n\n",
		    "t||||a\r\nb\n\n" },
		{ "/events/t", "", "", TEXT, "", "", "t||||" },
		{ "/events/t", "", "", TEXT, "", "'); DROP TABLE x;--",
		    "t||||'); DROP TABLE x;--" },
		{ "/events/t", "", "", TEXT, "", "\xff", "422" },
		{ "/events/t", "", "", JSON, "", " {\"a\" : \"\\u0000\"}\n",
		    "t|||| {\"a\" : \"\\u0000\"}\n" },
		{ "/events/t", "", "", "application/x+json; charset=utf-8", "",
		    "1", "t||||1" },
		{ "/events/t", "", "", JSON, "", "{a}", "400" },
		{ "/events/t", "", "", JSON, "", "", "400" },
		{ "/events/t", "", "", JSON, "", "\xef\xbb\xbf{}", "400" },
		{ "/events/t", "", "", TEXT, "", "\xef\xbb\xbf{}",
		    "t||||\xef\xbb\xbf{}" },
		{ "/events/t", "", "", JSON, "", "\"\xc0\x80\"", "422" },
		/* forms */
		{ "/events/t", "", "", FORM, "", "data=a%0D%0Ab",
		    "t||||a\r\nb" },
		{ "/events/t", "", "", FORM, "", "data=a&_kind=k", "t|k|||a" },
		{ "/events/t", "", "", FORM, "", "data=a&other=1",
		    "t||||{\"data\":\"a\",\"other\":\"1\"}" },
		{ "/events/t", "", "", FORM, "",
		    "topic=a&kind=b&key=c&next=d&_other=e&Data=f",
		    "t||||{\"topic\":\"a\",\"kind\":\"b\",\"key\":\"c\","
		    "\"next\":\"d\",\"_other\":\"e\",\"Data\":\"f\"}" },
		{ "/events/t", "", "", FORM, "", "data=", "t||||" },
		{ "/events/t", "", "", FORM, "", "data=a%00b", "422" },
		{ "/events/t", "", "", FORM, "", "data=%e2%82", "422" },
		{ "/events/t", "", "", FORM, "", "data=1&data=2",
		    "t||||{\"data\":[\"1\",\"2\"]}" },
		{ "/events/t", "", "", FORM, "", "b=1&_kind=k&a=2",
		    "t|k|||{\"b\":\"1\",\"a\":\"2\"}" },
		{ "/events/t", "", "", FORM, "", "a=1&b=2&a=&a=%22%5c%0a",
		    "t||||{\"a\":[\"1\",\"\",\"\\\"\\\\\\n\"],\"b\":\"2\"}" },
		{ "/events/t", "", "", FORM, "", "%22=x",
		    "t||||{\"\\\"\":\"x\"}" },
		{ "/events/t", "", "", FORM, "", "a=%ff", "422" },
		{ "/events/t", "", "", FORM, "", "", "400" },
		{ "/events/t", "", "", FORM, "", "_kind=k&_topic=u", "400" },
		/* JSON that is sent as a form, as curl -d does */
		{ "/events/t", "", "", FORM, "", "{\"a\":1}", "415" },
		{ "/events/t", "", "", FORM, "", "{\"a\":\"b=c&d\"}", "415" },
		{ "/events/t", "", "", FORM, "", " [ {\"a\":1}]\n", "415" },
		{ "/events/t", "", "", FORM, "", "{\n  \"a\": 1,\n}", "415" },
		{ "/events/t", "", "", FORM, "", "\xef\xbb\xbf{}", "415" },
		{ "/events/t", "", "", FORM, "", "\"text\"", "415" },
		{ "/events/t", "", "", FORM, "", "[1]", "415" },
		{ "/events/t", "", "", FORM, "", "[1]=x",
		    "t||||{\"[1]\":\"x\"}" },
		{ "/events/t", "", "", FORM, "",
		    "%7B%22a%22:1%7D=", "t||||{\"{\\\"a\\\":1}\":\"\"}" },
		{ "/events/t", "", "", "multipart/form-data; boundary=X", "",
		    "--X\r\nContent-Disposition: form-data; name=data\r\n\r\n"
		    "a\r\n--X--",
		    "t||||a" },
		{ "/events/t", "", "", "multipart/form-data; boundary=X", "",
		    "--X", "400" },
		{ "/events/t", "", "", "multipart/form-data; boundary=X", "",
		    "--X\r\nContent-Disposition: form-data; name=data\r\n"
		    "Content-Type: text/plain; charset=latin1\r\n\r\n"
		    "a\r\n--X--",
		    "415" },
	};

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		const struct publish_request_source src = {
			.path = { table[i].uri, "", table[i].path_info },
			.query = table[i].query,
			.content_type = table[i].type,
			.key = table[i].key,
			.body = table[i].body,
			.body_len = strlen(table[i].body),
		};
		struct buf out = BUF_INIT;

		show(&out, &src);
		if (strcmp(out.data, table[i].out) != 0)
			fail_msg("case %zu (%s, %s): %s, not %s", i,
			    table[i].uri, table[i].body, out.data,
			    table[i].out);
		buf_fini(&out);
	}
}

static void
check_length(const char *type, const char *before, char c, size_t n, int status)
{
	struct buf body = BUF_INIT, out = BUF_INIT;
	struct publish_request_source src = { { "/events/t", "", "" }, "", type,
		"", NULL, 0 };
	char expected[8];

	buf_addstr(&body, before);
	for (size_t i = 0; i < n; i++)
		buf_addc(&body, c);
	src.body = body.data;
	src.body_len = body.len;
	show(&out, &src);
	snprintf(expected, sizeof(expected), "%d", status);
	if (status == 0)
		assert_memory_equal(out.data, "t|", 2);
	else
		assert_string_equal(out.data, expected);
	buf_fini(&body);
	buf_fini(&out);
}

static void
check_fields(const char *type, size_t n, int status)
{
	struct buf text = BUF_INIT, out = BUF_INIT;
	struct publish_request_source src = { { "/events/t", "", "" }, "", type,
		"", "x", 1 };
	char expected[8];

	for (size_t i = 0; i < n; i++)
		buf_addstr(
		    &text, strcmp(type, MULTIPART) != 0
			       ? "a&"
			       : "--X\r\nContent-Disposition: form-data; "
				 "name=a\r\n\r\n\r\n");
	if (strcmp(type, MULTIPART) == 0)
		buf_addstr(&text, "--X--");
	if (strcmp(type, TEXT) == 0)
		src.query = text.data;
	else {
		src.body = text.data;
		src.body_len = text.len;
	}
	show(&out, &src);
	snprintf(expected, sizeof(expected), "%d", status);
	if (status == 0)
		assert_memory_equal(out.data, "t|", 2);
	else
		assert_string_equal(out.data, expected);
	buf_fini(&text);
	buf_fini(&out);
}

static void
test_limits_are_exact(void **state)
{
	check_length(TEXT, "", 'x', 100, 0);
	check_length(TEXT, "", 'x', 101, 413);
	check_length(JSON, "", '1', 100, 0);
	check_length(JSON, "", '1', 101, 413);
	check_length(FORM, "data=", 'x', 100, 0);
	check_length(FORM, "data=", 'x', 101, 413);
	check_length(FORM, "a=", 'x', 92, 0); /* {"a":"..."} */
	check_length(FORM, "a=", 'x', 93, 413);
	check_length(FORM, "data=1&_kind=", 'x', KIND_MAX_BYTES, 0);
	check_length(FORM, "data=1&_kind=", 'x', KIND_MAX_BYTES + 1, 400);
	check_length(FORM, "data=1&_key=", 'x', KEY_MAX_BYTES, 0);
	check_length(FORM, "data=1&_key=", 'x', KEY_MAX_BYTES + 1, 400);
	check_length(FORM, "data=1&_next=/", 'x', NEXT_MAX_BYTES - 1, 0);
	check_length(FORM, "data=1&_next=/", 'x', NEXT_MAX_BYTES, 400);
	check_length(FORM, "a", '&', 2000, 0);
	check_fields(FORM, 20, 0);
	check_fields(FORM, 21, 413);
	check_fields(FORM, 2000, 413);
	check_fields(MULTIPART, 20, 0);
	check_fields(MULTIPART, 21, 413);
	check_fields(TEXT, 20, 0); /* in the query */
	check_fields(TEXT, 21, 400);
	check_fields(TEXT, 2000, 400);
	check_length(FORM, "data=", '\xe2', 3, 422);
}

static void
test_nul_bytes_are_refused(void **state)
{
	static const char *const types[] = { TEXT, JSON };
	struct publish_request_source src = { { "/events/t", "", "" }, "", NULL,
		"", "\"a\0b\"", 5 };

	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		struct buf out = BUF_INIT;

		src.content_type = types[i];
		show(&out, &src);
		assert_string_equal(out.data, "422");
		buf_fini(&out);
	}
}

static void
test_body_limit_by_type(void **state)
{
	static const struct {
		const char *type, *encoding;
		size_t limit;
		int status;
	} table[] = {
		{ FORM, "", 1000, 0 },
		{ "Multipart/Form-Data; boundary=x", "identity", 1000, 0 },
		{ JSON, "", 100, 0 },
		{ "application/problem+json", "", 100, 0 },
		{ "text/plain; charset=\"UTF-8\"", "", 100, 0 },
		{ "text/plain; charset=latin1", "", 0, 415 },
		{ FORM "; charset=latin1", "", 0, 415 },
		{ "text/html", "", 0, 415 },
		{ "application/octet-stream", "", 0, 415 },
		{ "+json", "", 0, 415 },
		{ "", "", 0, 415 },
		{ JSON, "gzip", 0, 415 },
		{ JSON, "br", 0, 415 },
	};

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct fault f;

		assert_int_equal(publish_request_body_limit(&config, table[i].type,
				     table[i].encoding, &f),
		    table[i].limit);
		assert_int_equal(f.status, table[i].status);
	}
}

static void
test_the_message_says_what_to_do(void **state)
{
	static const struct {
		const char *query, *type, *body, *part;
	} table[] = {
		{ "", FORM, "{\"a\":1}", "Content-Type: application/json" },
		{ "", JSON, "\xef\xbb\xbf{}", "byte order mark" },
		{ "", JSON, "{a}", "this is not JSON" },
		{ "", FORM, "_key=a&_key=b&data=x", "_key is there several" },
		{ "topics=a", TEXT, "x", "?topic=a&topic=b" },
	};

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		const struct publish_request_source src = {
			{ "/events", "", "" }, table[i].query, table[i].type,
			"", table[i].body, strlen(table[i].body)
		};
		struct publish_request d;
		struct fault f = { 0 };

		publish_request_init(&d);
		assert_int_equal(
		    publish_request_parse(&d, &config, &src, &f), -1);
		if (strstr(f.detail, table[i].part) == NULL)
			fail_msg("%s: %s", table[i].body, f.detail);
		publish_request_fini(&d);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_drafts),
		cmocka_unit_test(test_limits_are_exact),
		cmocka_unit_test(test_nul_bytes_are_refused),
		cmocka_unit_test(test_the_message_says_what_to_do),
		cmocka_unit_test(test_body_limit_by_type),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
