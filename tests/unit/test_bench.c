/*
 * test_bench.c - the load generator counts right, however its input is cut.
 *
 * A benchmark that loses an event by itself would blame the server for it.
 */
#include <string.h>

#include "feed.h"
#include "hist.h"
#include "unit.h"
#include "wheel.h"

/* --- feed: one answer, cut in two at every byte, and byte by byte */

struct heard {
	int n;
	char text[256];
};

static void
hear(void *arg, const struct feed_event *e)
{
	struct heard *h = arg;
	size_t n = strlen(h->text);

	h->n++;
	snprintf(h->text + n, sizeof(h->text) - n, "[%s|%s]",
	    e->type != NULL ? e->type : "", e->data);
}

#define STREAM                                                      \
	"retry: 2500\n\nid: 7\nevent: pgfeed.open\ndata: {}\n\n:\n" \
	"data: a\r\ndata:b\r\nid: 8\r\n\r\ndata\nid: 9\n\nid: 10\n" \
	"data: half"

static void
assert_heard(enum feed_kind kind, const char *s, size_t n)
{
	for (size_t cut = 0; cut <= n; cut++) {
		struct heard h = { 0 };
		struct feed f;

		feed_init(&f, kind);
		feed_reset(&f);
		if (cut == n) {
			for (size_t i = 0; i < n; i++)
				assert_int_equal(
				    feed_take(&f, s + i, 1, hear, &h), 0);
		} else {
			assert_int_equal(feed_take(&f, s, cut, hear, &h), 0);
			assert_int_equal(
			    feed_take(&f, s + cut, n - cut, hear, &h), 0);
		}
		assert_int_equal(f.status, 200);
		assert_string_equal(h.text, "[pgfeed.open|{}][|a\nb]");
		assert_true(f.retry_ms == 2500);
		/* 10 belongs to an event that was cut. */
		assert_string_equal(f.last_id.data, "9");
		assert_true(f.ended);
		feed_fini(&f);
	}
}

static void
http_chunks_may_be_cut_anywhere(void **state)
{
	char s[1024];
	int n = snprintf(s, sizeof(s),
	    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
	    "Transfer-Encoding: chunked\r\n\r\n"
	    "5\r\n%.5s\r\n1A\r\n%.26s\r\n%zx\r\n%s\r\n0\r\n\r\n",
	    STREAM, STREAM + 5, strlen(STREAM) - 31, STREAM + 31);

	assert_heard(FEED_HTTP, s, (size_t)n);
}

static size_t
add_record(char *s, int type, const char *content, size_t n, int padding)
{
	const char head[8] = { 1, (char)type, 0, 1, 0, (char)n, (char)padding };

	memcpy(s, head, 8);
	memcpy(s + 8, content, n);
	memset(s + 8 + n, 'x', (size_t)padding);
	return 8 + n + (size_t)padding;
}

static void
fastcgi_records_may_be_cut_anywhere(void **state)
{
	static const char head[] = "Status: 200 OK\r\nX: y\r\n\r\n";
	char s[1024];
	size_t n = 0;

	n += add_record(s + n, 6, head, 10, 6);
	n += add_record(s + n, 6, head + 10, sizeof(head) - 11, 0);
	n += add_record(s + n, 7, "a word to stderr", 16, 0);
	n += add_record(s + n, 6, STREAM, 40, 3);
	n += add_record(s + n, 6, STREAM + 40, strlen(STREAM) - 40, 0);
	n += add_record(s + n, 6, "", 0, 0);
	n += add_record(s + n, 3, "\0\0\0\0\0\0\0\0", 8, 0);
	assert_heard(FEED_FASTCGI, s, n);
}

static void
an_answer_that_is_none_is_refused(void **state)
{
	struct heard h = { 0 };
	struct feed f;

	feed_init(&f, FEED_HTTP);
	feed_reset(&f);
	assert_int_equal(feed_take(&f, "SSH-2.0-x\r\n\r\n", 13, hear, &h), -1);
	feed_reset(&f);
	assert_int_equal(
	    feed_take(&f, "HTTP/1.1 503 No\r\n\r\n", 19, hear, &h), 0);
	assert_int_equal(f.status, 503);
	feed_fini(&f);
}

/* --- hist */

static void
percentiles_are_off_by_at_most_a_64th(void **state)
{
	static struct hist h;

	assert_true(hist_at(&h, 0.5) == 0);
	for (int64_t i = 1; i <= 100000; i++)
		hist_add(&h, i);
	assert_true(h.count == 100000 && h.max == 100000);
	for (double p = 0.01; p < 1; p += 0.01) {
		double is = (double)hist_at(&h, p), should = p * 100000;

		assert_true(is >= should - 1 && is <= should * (1 + 1.0 / 64));
	}
	assert_true(hist_at(&h, 1) == 100000);
	hist_add(&h, -5);
	hist_add(&h, INT64_MAX);
	assert_true(hist_at(&h, 0) == 0 && hist_at(&h, 1) > 100000);
}

/* --- wheel */

static int fired;

static void
fire(struct wheel_timer *t)
{
	assert_false(t->set);
	fired++;
}

static void
timers_are_due_once_and_not_before(void **state)
{
	static struct wheel w;
	struct wheel_timer soon = { 0 }, late = { 0 }, never = { 0 };

	wheel_init(&w, 1000);
	wheel_set(&w, &soon, 1010);
	wheel_set(&w, &late, 1010 + 3 * WHEEL_SLOTS);
	wheel_set(&w, &never, 1005);
	wheel_clear(&w, &never);
	wheel_turn(&w, 1009, fire);
	assert_int_equal(fired, 0);
	wheel_turn(&w, 1010, fire);
	assert_int_equal(fired, 1);
	wheel_turn(&w, 1009 + 3 * WHEEL_SLOTS, fire);
	assert_int_equal(fired, 1);
	wheel_turn(&w, 1010 + 3 * WHEEL_SLOTS, fire);
	assert_int_equal(fired, 2);
	assert_int_equal(w.n, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(http_chunks_may_be_cut_anywhere),
		cmocka_unit_test(fastcgi_records_may_be_cut_anywhere),
		cmocka_unit_test(an_answer_that_is_none_is_refused),
		cmocka_unit_test(percentiles_are_off_by_at_most_a_64th),
		cmocka_unit_test(timers_are_due_once_and_not_before),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
