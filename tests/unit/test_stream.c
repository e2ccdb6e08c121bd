/*
 * test_stream.c - what a stream claims to have had while the ring moves on
 * under it. (What it writes is for the integration tests.)
 */
#include <sys/wait.h>
#include <signal.h>
#include <unistd.h>

#include "unit.h"

#include "stream/client/stream.h"

#define RING_BYTES (1024 * 1024)

static struct feed_event *
make(int64_t id, size_t bytes)
{
	struct cursor c;
	char text[CURSOR_TEXT_MAX], *data = calloc(1, bytes + 1);
	struct feed_event *e;

	cursor_init(&c, 1, id);
	cursor_print(&c, text, sizeof(text));
	memset(data, 'x', bytes);
	e = feed_event_new(
	    id, 0, "other", NULL, NULL, data, bytes, NULL, text, id);
	assert_non_null(e);
	free(data);
	return e;
}

/* The ring's tail moves past everything that is there now. */
static void
run_past(struct ring *r, int64_t *id)
{
	uint64_t head = ring_head(r);

	while (ring_tail(r) <= head)
		assert_true(ring_append(r, make(++*id, 64 * 1024)));
}

static void
a_poll_that_the_ring_has_passed_claims_what_it_had(void **state)
{
	const char *topic = "a";
	struct shape poll = { .format = FORMAT_POLL, .cors = "" };
	struct filters *filters = filters_new();
	struct cursor base;
	struct feed feed = { 0 };
	struct stream s = { .fd = -1, .state = STREAM_REPLAYING };
	char text[CURSOR_TEXT_MAX];
	int64_t id = 14;

	cursor_init(&base, 1, 10);
	feed.ring = ring_new(RING_BYTES, &base);
	for (int64_t n = 11; n <= id; n++)
		assert_true(ring_append(feed.ring, make(n, 1)));
	s.filter = filter_get(filters, poll, &topic, 1);
	s.own = strdup("12");

	/* It comes back and finds nothing for it in the ring ... */
	assert_int_equal(stream_run(&feed, &s), STREAM_CAUGHT_UP);
	assert_int_equal(s.state, STREAM_FOLLOWING);
	stream_position(&feed, &s, text);
	assert_string_equal(text, "14");

	/* ... which moves on before it waits there: its time may be over ... */
	run_past(feed.ring, &id);
	stream_position(&feed, &s, text);
	assert_string_equal(text, "14");

	/* ... or it is not, and it goes back to the table. */
	assert_int_equal(stream_run(&feed, &s), STREAM_MORE);
	assert_int_equal(s.state, STREAM_REPLAYING);
	assert_string_equal(s.own, "14");

	free(s.own);
	free(s.resume);
	filter_unref(filters, s.filter);
	filters_free(filters);
	ring_free(feed.ring);
}

static bool
holds(struct stream_list *list, struct stream *s)
{
	struct stream *other;

	LIST_FOREACH (other, list, in_list) {
		if (other == s)
			return true;
	}
	return false;
}

static void
a_state_is_a_list(void **state)
{
	struct filter f = { .refs = 1 };
	struct stream_list waiting = LIST_HEAD_INITIALIZER(waiting);
	struct stream s = { .fd = -1, .filter = &f, .waiting = &waiting };
	char own[] = "3";

	assert_int_equal(s.state, STREAM_OPENING);
	assert_false(stream_has_begun(&s));
	stream_set_state(&s, STREAM_ASKING);
	assert_true(holds(&waiting, &s));
	assert_false(stream_has_begun(&s));
	stream_set_state(&s, STREAM_OPENING);
	assert_false(holds(&waiting, &s));
	stream_set_state(&s, STREAM_REPLAYING);
	assert_true(stream_has_begun(&s));
	stream_set_state(&s, STREAM_FOLLOWING);
	stream_set_state(&s, STREAM_LIVE);
	assert_true(holds(&f.live, &s));
	stream_set_state(&s, STREAM_FOLLOWING);
	assert_false(holds(&f.live, &s));
	s.own = own;
	stream_set_state(&s, STREAM_LIVE);
	assert_true(holds(&f.apart, &s));
	assert_false(holds(&f.live, &s));
	/* Its own position may be gone while it is in the list. */
	s.own = NULL;
	stream_set_state(&s, STREAM_CLOSED);
	assert_false(holds(&f.apart, &s));
}

static void
a_wrong_step_asserts(void **state)
{
	static const struct {
		enum stream_state from, to;
	} steps[] = {
		{ STREAM_OPENING, STREAM_LIVE },
		{ STREAM_REPLAYING, STREAM_LIVE },
		{ STREAM_ASKING, STREAM_FOLLOWING },
		{ STREAM_LIVE, STREAM_OPENING },
		{ STREAM_CLOSED, STREAM_OPENING },
		{ STREAM_CLOSED, STREAM_CLOSED },
	};

	for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
		int status;
		pid_t pid = fork();

		assert_true(pid >= 0);
		if (pid == 0) {
			struct stream s = { .state = steps[i].from };

			signal(SIGABRT, SIG_DFL);
			close(2);
			stream_set_state(&s, steps[i].to);
			_exit(0);
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status));
		assert_int_equal(WTERMSIG(status), SIGABRT);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    a_poll_that_the_ring_has_passed_claims_what_it_had),
		cmocka_unit_test(a_state_is_a_list),
		cmocka_unit_test(a_wrong_step_asserts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
