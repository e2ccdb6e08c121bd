/*
 * test_sse.c - frames of text/event-stream, and FastCGI records around them.
 */
#include "unit.h"

#include "stream/source/feed_event.h"
#include "fastcgi/record.h"
#include "http/sse.h"

static void
a_payload_becomes_one_data_line_per_line(void **state)
{
	static const struct {
		const char *data, *frame;
	} cases[] = {
		{ "hello", "data: hello\n\n" },
		{ "", "data: \n\n" },
		{ "a\nb", "data: a\ndata: b\n\n" },
		{ "a\r\nb", "data: a\ndata: b\n\n" },
		{ "a\rb", "data: a\ndata: b\n\n" },
		{ "a\n", "data: a\ndata: \n\n" },
		{ "a\r\n", "data: a\ndata: \n\n" },
		{ "a\r", "data: a\ndata: \n\n" },
		{ "\n\n", "data: \ndata: \ndata: \n\n" },
		{ "\r\r\n\n", "data: \ndata: \ndata: \ndata: \n\n" },
		{ " a: b", "data:  a: b\n\n" },
		{ "data: x", "data: data: x\n\n" },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct buf b = BUF_INIT;

		sse_add_event(
		    &b, NULL, NULL, cases[i].data, strlen(cases[i].data));
		assert_string_equal(b.data, cases[i].frame);
		buf_fini(&b);
	}
}

static void
id_and_type_come_first(void **state)
{
	struct buf b = BUF_INIT;

	sse_add_event(&b, "12.3", "update", "x", 1);
	assert_string_equal(b.data, "id: 12.3\nevent: update\ndata: x\n\n");
	buf_fini(&b);
}

static void
a_type_with_a_line_break_is_left_out(void **state)
{
	struct buf b = BUF_INIT;

	sse_add_event(&b, "1", "a\ndata: forged", "x", 1);
	sse_add_event(&b, "2", "a\rb", "y", 1);
	assert_string_equal(b.data, "id: 1\ndata: x\n\nid: 2\ndata: y\n\n");
	buf_fini(&b);
}

static void
an_id_alone_dispatches_nothing(void **state)
{
	struct buf b = BUF_INIT;

	sse_add_comment(&b, "hb");
	sse_add_id(&b, "7");
	sse_add_retry(&b, 2500);
	assert_string_equal(b.data, ": hb\n\nid: 7\n\nretry: 2500\n");
	buf_fini(&b);
}

/* Puts the content of STDOUT records together again. */
static size_t
unwrap(const struct buf *records, char *out)
{
	const unsigned char *p = (const unsigned char *)records->data;
	const unsigned char *end = p + records->len;
	size_t n = 0;

	while (p < end) {
		size_t len = (size_t)p[4] << 8 | p[5];

		assert_true(end - p >= (ptrdiff_t)(8 + len));
		assert_int_equal(p[0], 1);
		assert_int_equal(p[1], 6);
		assert_int_equal(p[2] << 8 | p[3], 0x1234);
		assert_true(len >= 1);
		assert_true(len <= RECORD_MAX_CONTENT);
		memcpy(out + n, p + 8, len);
		n += len;
		p += 8 + len;
	}
	return n;
}

static void
output_of_any_length_comes_out_of_the_records_as_it_went_in(void **state)
{
	static const size_t sizes[] = { 0, 1, 8183, 8184, 8185, 16368, 70000 };
	static char in[70000], out[70000];

	for (size_t i = 0; i < sizeof(in); i++)
		in[i] = (char)(i * 7);
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		struct buf b = BUF_INIT;

		record_add_output(&b, 0x1234, in, sizes[i]);
		assert_int_equal(unwrap(&b, out), sizes[i]);
		assert_memory_equal(in, out, sizes[i]);
		buf_fini(&b);
	}
}

static void
the_end_is_an_empty_stdout_and_end_request(void **state)
{
	static const char end[] = "\1\6\0\1\0\0\0\0"
				  "\1\3\0\1\0\10\0\0"
				  "\0\0\0\0\0\0\0\0";
	struct buf b = BUF_INIT;

	record_add_end(&b, 1);
	assert_int_equal(b.len, 24);
	assert_memory_equal(b.data, end, 24);
	buf_fini(&b);
}

static void
an_entry_as_json_keeps_every_byte(void **state)
{
	struct feed_event *e = feed_event_new(42, INT64_C(1767225600000001),
	    "a/\"b", NULL, NULL, "x\r\n\t\"\\\1\xf0\x9f\x98\x80", 11,
	    "Zo\xc3\xab", "42", 42);
	struct buf b = BUF_INIT;

	assert_non_null(e);
	feed_event_add_sse(&b, e, e->topic, FORMAT_JSON, "42.3");
	assert_string_equal(b.data,
	    "id: 42.3\ndata: {\"topic\":\"a/\\\"b\",\"id\":\"42\","
	    "\"at\":\"2026-01-01T00:00:00.000001Z\",\"kind\":null,"
	    "\"by\":\"Zo\xc3\xab\","
	    "\"data\":\"x\\r\\n\\t\\\"\\\\\\u0001\xf0\x9f\x98\x80\"}\n\n");
	feed_event_free(e);
	buf_fini(&b);
}

static void
a_plain_notify_has_no_id(void **state)
{
	struct feed_event *e =
	    feed_event_new(0, 0, "t", NULL, "k", "d", 1, NULL, "9", 9);
	struct buf b = BUF_INIT;

	assert_non_null(e);
	feed_event_add_json(&b, e, e->topic);
	assert_string_equal(b.data,
	    "{\"topic\":\"t\",\"at\":\"1970-01-01T00:00:00.000000Z\","
	    "\"kind\":\"k\",\"by\":null,\"data\":\"d\"}");
	buf_clear(&b);
	feed_event_add_sse(&b, e, e->topic, FORMAT_RAW, NULL);
	assert_string_equal(b.data, "event: k\ndata: d\n\n");
	feed_event_free(e);
	buf_fini(&b);
}

static void
an_event_has_the_topic_that_its_reader_asked_for(void **state)
{
	struct feed_event *e =
	    feed_event_new(7, 0, "t", "u\nv/w", "k", "d", 1, NULL, "7", 7);
	const char *topic = e->topic;
	struct buf b = BUF_INIT;

	assert_string_equal(topic, "t");
	topic = feed_event_next_topic(e, topic);
	assert_string_equal(topic, "u");
	topic = feed_event_next_topic(e, topic);
	assert_string_equal(topic, "v/w");
	assert_null(feed_event_next_topic(e, topic));
	assert_string_equal(e->kind, "k");
	feed_event_add_json(&b, e, topic);
	assert_non_null(strstr(b.data, "{\"topic\":\"v/w\",\"id\":\"7\""));
	assert_null(strstr(b.data, "\"t\""));
	buf_clear(&b);
	feed_event_add_sse(&b, e, topic, FORMAT_JSON, NULL);
	assert_non_null(strstr(b.data, "data: {\"topic\":\"v/w\","));
	buf_clear(&b);
	feed_event_add_json(&b, e, e->topic);
	assert_non_null(strstr(b.data, "{\"topic\":\"t\","));
	feed_event_free(e);
	buf_fini(&b);
}

/* What Apache holds back without flushpackets: see RECORD_PADDED. */
static void
padding_fills_whole_units_with_comments(void **state)
{
	static const size_t units[] = { RECORD_PADDED, 2 * RECORD_PADDED };
	static char text[3 * 2 * RECORD_PADDED];

	memset(text, 'x', sizeof(text));
	for (size_t u = 0; u < ARRAY_LEN(units); u++) {
		for (size_t n = 0; n < sizeof(text);
		     n += n % units[u] < 8 || n % units[u] > units[u] - 8
			      ? 1
			      : 1000) {
			struct buf b = BUF_INIT;
			const char *tail;

			buf_add(&b, text, n);
			sse_add_padding(&b, units[u], u * RECORD_TLS_TAIL);
			assert_false(buf_failed(&b));
			assert_int_equal(b.len % units[u], 0);
			assert_true(
			    b.len < n + units[u] + 3 + u * RECORD_TLS_TAIL);
			assert_true(b.len >= n + u * RECORD_TLS_TAIL);
			tail = b.data + n;
			if (b.len > n) {
				assert_int_equal(tail[0], ':');
				assert_int_equal(
				    strspn(tail + 1, " "), b.len - n - 3);
				assert_string_equal(b.data + b.len - 2, "\n\n");
			}
			buf_fini(&b);
		}
	}
}

static void
a_padded_record_is_one_that_apache_passes_on(void **state)
{
	static char in[4 * RECORD_PADDED], out[4 * RECORD_PADDED];
	struct buf b = BUF_INIT;

	/* One exceeds 4096; two exceed 8192, the first of them does not,
	 * not even as a chunk (RFC 9112 section 7.1) behind a head. */
	assert_true(RECORD_PADDED >= 4096);
	assert_true(2 * RECORD_PADDED > 8192);
	assert_true(RECORD_PADDED + 8 + 1024 <= 8192);
	memset(in, 'x', sizeof(in));
	record_add_padded(&b, 0x1234, in, sizeof(in));
	assert_int_equal(b.len, 4 * (8 + RECORD_PADDED));
	assert_int_equal(unwrap(&b, out), sizeof(in));
	assert_memory_equal(in, out, sizeof(in));
	buf_fini(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_payload_becomes_one_data_line_per_line),
		cmocka_unit_test(id_and_type_come_first),
		cmocka_unit_test(a_type_with_a_line_break_is_left_out),
		cmocka_unit_test(an_id_alone_dispatches_nothing),
		cmocka_unit_test(
		    output_of_any_length_comes_out_of_the_records_as_it_went_in),
		cmocka_unit_test(the_end_is_an_empty_stdout_and_end_request),
		cmocka_unit_test(padding_fills_whole_units_with_comments),
		cmocka_unit_test(a_padded_record_is_one_that_apache_passes_on),
		cmocka_unit_test(an_entry_as_json_keeps_every_byte),
		cmocka_unit_test(a_plain_notify_has_no_id),
		cmocka_unit_test(
		    an_event_has_the_topic_that_its_reader_asked_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
