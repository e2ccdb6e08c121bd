/*
 * test_ingest.c - batches, halves, keys and outages, on a connection that the
 * test plays. It takes the place of post/ingest_connection.c.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "post/ingest.h"
#include "post/ingest_connection.h"

#define JOBS 1200

static struct ingest_connection {
	struct ingest_connection_calls calls;
	void *arg;
	bool up, in_flight, bell_pending;
	unsigned n_sent, n_resets; /* batches, reconnections */
	char sent[JOBS * 8];       /* data of the rows of the last batch */
	unsigned n_rows;
	int64_t down_since;
} fake;

static struct event_base *base;
static struct ingest *in;
static struct ingest_job job[JOBS];
static char answers[JOBS * 8]; /* data and first letter of the status */

struct ingest_connection *
ingest_connection_new(struct event_base *b, const struct config *config,
    const struct ingest_connection_calls *calls, void *arg)
{
	memset(&fake, 0, sizeof(fake));
	fake.calls = *calls;
	fake.arg = arg;
	fake.down_since = now_ms();
	return &fake;
}

void
ingest_connection_free(struct ingest_connection *s)
{
}

bool
ingest_connection_ready(const struct ingest_connection *s)
{
	return s->up && !s->in_flight;
}

bool
ingest_connection_idle(const struct ingest_connection *s)
{
	return !s->in_flight && !s->bell_pending;
}

int64_t
ingest_connection_down_since(const struct ingest_connection *s)
{
	return s->up ? 0 : s->down_since;
}

void
ingest_connection_send(
    struct ingest_connection *s, const struct row *const *rows, unsigned n)
{
	assert_true(ingest_connection_ready(s));
	s->in_flight = true;
	s->n_sent++;
	s->n_rows = n;
	s->sent[0] = '\0';
	for (unsigned i = 0; i < n; i++)
		strcat(s->sent, rows[i]->data);
}

static void
go_down(void)
{
	fake.up = fake.in_flight = false;
	fake.down_since = now_ms();
}

void
ingest_connection_reset(struct ingest_connection *s)
{
	s->n_resets++;
	go_down();
}

static void
turn_loop(void)
{
	event_base_loop(base, EVLOOP_NONBLOCK);
}

static void
come_up(void)
{
	fake.up = true;
	fake.calls.up(fake.arg);
	turn_loop();
}

static void
set_bool(PGresult *res, int row, int column, bool value)
{
	static char yes[] = "t", no[] = "f";

	PQsetvalue(res, row, column, value ? yes : no, 1);
}

/*
 * Answers with a row of pgfeed.ingest() for each event of the batch in flight.
 * The flags are d(uplicate), c(onflict), f(orbidden) and p(olicy failed).
 */
static void
answer(const char *flags)
{
	static char n[] = "n", denied[] = "forbidden", failed[] = "failed: x";
	PGresAttDesc columns[] = { { n }, { n }, { n }, { n }, { n } };
	PGresult *res = PQmakeEmptyPGresult(NULL, PGRES_TUPLES_OK);
	char id[16];

	assert_true(PQsetResultAttrs(res, 5, columns));
	for (int i = 0; i < (int)fake.n_rows; i++) {
		char flag = i < (int)strlen(flags) ? flags[i] : ' ';

		snprintf(id, sizeof(id), "%d", 100 + i);
		PQsetvalue(res, i, 1, id, (int)strlen(id));
		set_bool(res, i, 2, flag == 'd');
		set_bool(res, i, 3, flag == 'c');
		if (flag == 'f')
			PQsetvalue(res, i, 4, denied, (int)strlen(denied));
		if (flag == 'p')
			PQsetvalue(res, i, 4, failed, (int)strlen(failed));
	}
	fake.in_flight = false;
	fake.calls.ended(BATCH_COMMITTED, res, "", fake.arg);
	PQclear(res);
}

static void
commit(const char *flags)
{
	answer(flags);
	turn_loop();
}

static void
refuse(const char *sqlstate)
{
	PGresult *res = PQmakeEmptyPGresult(NULL, PGRES_FATAL_ERROR);

	fake.in_flight = false;
	fake.calls.ended(BATCH_REFUSED, res, sqlstate, fake.arg);
	PQclear(res);
	turn_loop();
}

static void
lose(void)
{
	bool lost = fake.in_flight;

	go_down();
	if (lost)
		fake.calls.ended(BATCH_LOST, NULL, "", fake.arg);
	turn_loop();
}

static void
done(struct ingest_job *j)
{
	static const char letters[] = {
		[INGEST_STORED] = 's',
		[INGEST_DUPLICATE] = 'd',
		[INGEST_CONFLICT] = 'c',
		[INGEST_REFUSED] = 'r',
		[INGEST_FORBIDDEN] = 'f',
		[INGEST_POLICY] = 'p',
		[INGEST_UNAVAILABLE] = 'u',
		[INGEST_UNKNOWN] = '?',
	};

	sprintf(
	    answers + strlen(answers), "%s%c", j->row.data, letters[j->status]);
}

/* One event for each letter; a capital one has a key. */
static void
put(const char *data)
{
	static char text[JOBS][2];
	static unsigned n;

	for (; *data != '\0'; data++) {
		unsigned i = n++ % JOBS;

		text[i][0] = *data;
		job[i] = (struct ingest_job){ .done = done,
			.row = { .topic = "t",
			    .key = *data < 'a' ? "key" : NULL,
			    .data = text[i],
			    .data_len = 1 } };
		assert_true(ingest_put(in, &job[i]));
	}
}

static int
set_up(void **state)
{
	base = event_base_new();
	in = ingest_new(base, NULL, 50);
	answers[0] = '\0';
	return 0;
}

static int
tear_down(void **state)
{
	lose(); /* what a failed test has left */
	ingest_finish(in);
	ingest_free(in);
	event_base_free(base);
	return 0;
}

#define assert_answers(s)                        \
	do {                                     \
		assert_string_equal(answers, s); \
		answers[0] = '\0';               \
	} while (0)

/* What the loop has read in one go is one batch, sent before the loop waits. */
static void
test_requests_of_one_turn_are_one_batch(void **state)
{
	come_up();
	put("abc");
	assert_false(fake.in_flight);
	turn_loop();
	assert_string_equal(fake.sent, "abc");
	put("de");
	put("f");
	turn_loop();
	assert_int_equal(fake.n_sent, 1);
	commit("");
	assert_answers("asbscs");
	assert_string_equal(fake.sent, "def");
	commit("dcf");
	assert_answers("ddecff");
}

static void
test_the_refused_event_is_found_by_halves(void **state)
{
	static const char *const parts[] = { "abcdx", "ab", "cdx", "c", "dx",
		"d", "x" };

	come_up();
	put("abcdx");
	turn_loop();
	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		assert_string_equal(fake.sent, parts[i]);
		if (strchr(parts[i], 'x') != NULL)
			refuse("P0001");
		else
			commit("");
	}
	assert_answers("asbscsdsxr");
	assert_false(fake.in_flight);
}

static void
test_a_right_that_is_missing_is_forbidden(void **state)
{
	come_up();
	put("a");
	turn_loop();
	refuse("42501");
	assert_answers("af");
}

/* Only a key can make the statement wait for a lock. */
static void
test_events_without_key_survive_a_lock_timeout(void **state)
{
	come_up();
	put("aBcD");
	turn_loop();
	refuse("55P03");
	assert_string_equal(fake.sent, "ac");
	commit("");
	assert_answers("BuDuascs");
	put("a");
	turn_loop();
	refuse("55P03"); /* none has a key: nothing to try again */
	assert_answers("au");
}

static void
test_other_errors_begin_a_new_connection(void **state)
{
	come_up();
	put("ab");
	turn_loop();
	refuse("25006");
	assert_answers("aubu");
	assert_int_equal(fake.n_resets, 1);
	put("c");
	come_up();
	commit("");
	assert_answers("cs");
}

static void
test_a_loss_is_unknown_for_what_was_sent_only(void **state)
{
	come_up();
	put("ab");
	turn_loop();
	put("c");
	lose();
	assert_answers("a?b?");
	come_up();
	assert_string_equal(fake.sent, "c");
	commit("");
	assert_answers("cs");

	put("xy"); /* the second half has not been sent */
	turn_loop();
	refuse("23514");
	assert_string_equal(fake.sent, "x");
	lose();
	assert_answers("x?yu");
}

static void
test_without_a_connection_events_wait_for_a_time(void **state)
{
	put("a");
	turn_loop();
	assert_answers("");
	while (answers[0] == '\0') /* patience_ms */
		event_base_loop(base, EVLOOP_ONCE);
	assert_answers("au");
	put("b"); /* it is over: at once */
	turn_loop();
	assert_answers("bu");
}

static void *
put_in_thread(void *arg)
{
	put("t");
	return NULL;
}

static void
test_another_thread_wakes_the_loop(void **state)
{
	pthread_t thread;

	come_up();
	assert_int_equal(pthread_create(&thread, NULL, put_in_thread, NULL), 0);
	while (!fake.in_flight)
		event_base_loop(base, EVLOOP_ONCE);
	pthread_join(thread, NULL);
	assert_string_equal(fake.sent, "t");
	commit("");
	assert_answers("ts");
}

/* BATCH_ROWS. The loop takes many turns for so many answers. */
static void
test_a_batch_has_a_limit(void **state)
{
	come_up();
	for (int i = 0; i < 1100; i++)
		put("a");
	turn_loop();
	assert_int_equal(fake.n_rows, 1000);
	commit("");
	assert_int_equal(fake.n_rows, 100);
	assert_int_equal(strlen(answers), 2 * 1000);
	commit("");
	assert_int_equal(strlen(answers), 2 * 1100);
}

static void
on_later(evutil_socket_t fd, short what, void *arg)
{
	answer("");
	fake.bell_pending = false;
}

static void
test_finish_waits_for_jobs(void **state)
{
	static const struct timeval soon = { .tv_usec = 20000 };

	come_up();
	put("a");
	turn_loop();
	fake.bell_pending = true;
	event_base_once(base, -1, EV_TIMEOUT, on_later, NULL, &soon);
	ingest_finish(in);
	assert_answers("as");
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_requests_of_one_turn_are_one_batch),
		TEST(test_the_refused_event_is_found_by_halves),
		TEST(test_a_right_that_is_missing_is_forbidden),
		TEST(test_events_without_key_survive_a_lock_timeout),
		TEST(test_other_errors_begin_a_new_connection),
		TEST(test_a_loss_is_unknown_for_what_was_sent_only),
		TEST(test_without_a_connection_events_wait_for_a_time),
		TEST(test_another_thread_wakes_the_loop),
		TEST(test_a_batch_has_a_limit),
		TEST(test_finish_waits_for_jobs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
