/*
 * test_stream_set.c - all streams, and who of them may have left.
 */
#include <sys/socket.h>
#include <unistd.h>

#include "unit.h"

#include "stream/hub/stream_set.h"

#define N     (STREAMS_LOOK_LEAST + 100)
#define ROUND 2 /* looks, at so many */

struct world {
	struct stream_set set;
	struct stream sub[N];
	int peer[N]; /* -1: closed */
	unsigned told[N];
};

static void
add(struct world *w, size_t i)
{
	int fd[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
	w->sub[i].fd = fd[0];
	w->peer[i] = fd[1];
	assert_true(stream_set_add(&w->set, &w->sub[i]));
}

static void
leave(struct world *w, size_t i)
{
	close(w->peer[i]);
	w->peer[i] = -1;
}

static void
remove_stream(struct world *w, size_t i)
{
	stream_set_remove(&w->set, &w->sub[i]);
	close(w->sub[i].fd);
	if (w->peer[i] != -1)
		leave(w, i);
}

static int
set_up(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	for (size_t i = 0; i < N; i++)
		add(w, i);
	*state = w;
	return 0;
}

static int
tear_down(void **state)
{
	struct world *w = *state;
	struct stream *s;

	STREAM_SET_FOREACH (s, left, &w->set) {
		remove_stream(w, (size_t)(s - w->sub));
	}
	assert_int_equal(w->set.n, 0);
	assert_null(w->set.fds);
	assert_null(w->set.subs);
	free(w);
	return 0;
}

static void
note(struct stream *s, void *arg)
{
	struct world *w = arg;

	w->told[s - w->sub]++;
}

static void
note_and_remove(struct stream *s, void *arg)
{
	struct world *w = arg;

	note(s, arg);
	remove_stream(w, (size_t)(s - w->sub));
}

static void
who_leaves_or_sends_is_told_of(void **state)
{
	struct world *w = *state;

	stream_set_look_all(&w->set, note, w);
	for (size_t i = 0; i < N; i++)
		assert_int_equal(w->told[i], 0);
	leave(w, 3);
	assert_int_equal(send(w->peer[5], "x", 1, 0), 1);
	shutdown(w->peer[7], SHUT_WR);
	stream_set_look_all(&w->set, note, w);
	for (size_t i = 0; i < N; i++)
		assert_int_equal(w->told[i], i == 3 || i == 5 || i == 7);
}

static void
a_round_looks_at_each_once(void **state)
{
	struct world *w = *state;

	for (size_t i = 0; i < N; i++)
		leave(w, i);
	for (int k = 0; k < ROUND; k++)
		stream_set_look(&w->set, note, w);
	for (size_t i = 0; i < N; i++)
		assert_int_equal(w->told[i], 1);
}

static void
a_round_that_removes_misses_none(void **state)
{
	struct world *w = *state;

	for (size_t i = 0; i < N; i += 2)
		leave(w, i);
	for (int k = 0; k < ROUND; k++)
		stream_set_look(&w->set, note_and_remove, w);
	for (size_t i = 0; i < N; i++)
		assert_int_equal(w->told[i], i % 2 == 0);
	assert_int_equal(w->set.n, N / 2);
	stream_set_look_all(&w->set, note, w);
	for (size_t i = 0; i < N; i++)
		assert_int_equal(w->told[i], i % 2 == 0);
}

static void
others_that_go_within_a_round_hide_none(void **state)
{
	struct world *w = *state;

	leave(w, 0);
	leave(w, N / 2);
	stream_set_look(&w->set, note, w);
	/* Those from N - 1 on fill the places, below where the round is. */
	for (size_t i = 1; i < N / 2; i++)
		remove_stream(w, i);
	for (int k = 1; k < ROUND; k++)
		stream_set_look(&w->set, note, w);
	assert_true(w->told[0] >= 1);
	assert_true(w->told[N / 2] >= 1);
}

static void
all_may_go_in_one_look(void **state)
{
	struct world *w = *state;

	for (size_t i = 0; i < N; i++)
		leave(w, i);
	stream_set_look_all(&w->set, note_and_remove, w);
	assert_int_equal(w->set.n, 0);
	stream_set_look_all(&w->set, note_and_remove, w); /* of none */
	stream_set_look(&w->set, note_and_remove, w);
	add(w, 0);
	stream_set_look_all(&w->set, note_and_remove, w);
	assert_int_equal(w->told[0], 1);
	leave(w, 0);
	stream_set_look(&w->set, note_and_remove, w);
	assert_int_equal(w->told[0], 2);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(who_leaves_or_sends_is_told_of),
		TEST(a_round_looks_at_each_once),
		TEST(a_round_that_removes_misses_none),
		TEST(others_that_go_within_a_round_hide_none),
		TEST(all_may_go_in_one_look),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
