/*
 * test_post_counters.c - what became of posts, in a file that many add to.
 */
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#include "unit.h"

#include "process/post_counters.h"

static char folder[64], socket_path[128], path[160];

static int
make_folder(void **state)
{
	snprintf(folder, sizeof(folder), "/tmp/pgfeed-counters-XXXXXX");
	if (mkdtemp(folder) == NULL)
		return -1;
	snprintf(socket_path, sizeof(socket_path), "%s/post.sock", folder);
	snprintf(path, sizeof(path), "%s.counters", socket_path);
	return 0;
}

static int
remove_folder(void **state)
{
	unlink(path);
	rmdir(path);
	return rmdir(folder);
}

static struct post_counters *
open_counters(void)
{
	return post_counters_new(socket_path, geteuid(), true);
}

static void
put(const char *text, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_int_not_equal(fd, -1);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

/* What one more stored post makes of the file; -1: it can't be read. */
static int64_t
stored_after_one(void)
{
	struct post_counters *c = open_counters();
	uint64_t sum[OUTCOMES];

	post_counters_add(c, POST_STORED);
	post_counters_flush(c, true);
	post_counters_free(c);
	return post_counters_read(socket_path, sum) ? (int64_t)sum[POST_STORED]
						    : -1;
}

static void
each_outcome_has_a_name_of_its_own(void **state)
{
	for (size_t i = 0; i < OUTCOMES; i++) {
		assert_non_null(outcome_name((enum outcome)i));
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(outcome_name((enum outcome)i),
			    outcome_name((enum outcome)k));
	}
}

static void
two_processes_add_to_one_sum(void **state)
{
	struct post_counters *a = open_counters(), *b = open_counters();
	uint64_t sum[OUTCOMES];
	struct stat st;

	assert_true(post_counters_read(socket_path, sum));
	for (size_t i = 0; i < OUTCOMES; i++) {
		assert_int_equal(sum[i], 0);
		for (size_t k = 0; k <= i; k++)
			post_counters_add(k % 2 == 0 ? a : b, (enum outcome)i);
	}
	post_counters_flush(a, true);
	post_counters_flush(b, true);
	post_counters_flush(a, true); /* nothing new */
	assert_true(post_counters_read(socket_path, sum));
	for (size_t i = 0; i < OUTCOMES; i++)
		assert_int_equal(sum[i], i + 1);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	post_counters_free(a);
	post_counters_free(b);
	assert_int_equal(stored_after_one(), 2); /* it outlives them */
}

static void *
add_many(void *arg)
{
	for (int i = 0; i < 20000; i++)
		post_counters_add(arg, POST_STORED);
	return NULL;
}

static void
nothing_is_lost_between_threads_and_processes(void **state)
{
	enum { PROCESSES = 4, THREADS = 3 };
	uint64_t sum[OUTCOMES];

	for (int p = 0; p < PROCESSES; p++) {
		struct post_counters *c;
		pthread_t thread[THREADS];

		if (fork() != 0)
			continue;
		c = open_counters();
		for (int i = 0; i < THREADS; i++)
			pthread_create(&thread[i], NULL, add_many, c);
		for (int i = 0; i < 100; i++)
			post_counters_flush(c, false);
		for (int i = 0; i < THREADS; i++)
			pthread_join(thread[i], NULL);
		post_counters_flush(c, true);
		_exit(0);
	}
	for (int p = 0; p < PROCESSES; p++) {
		int status;

		assert_int_not_equal(wait(&status), -1);
		assert_int_equal(status, 0);
	}
	assert_true(post_counters_read(socket_path, sum));
	assert_int_equal(sum[POST_STORED], 20000 * PROCESSES * THREADS);
}

/* Whoever holds the lock is not waited for; the next time makes up for it. */
static void
a_lock_holds_nobody_up(void **state)
{
	struct post_counters *c = open_counters();
	uint64_t sum[OUTCOMES];
	int fd = open(path, O_RDONLY);

	assert_int_equal(flock(fd, LOCK_EX), 0);
	post_counters_add(c, POST_LATE);
	post_counters_flush(c, false);
	post_counters_flush(c, true);
	assert_false(post_counters_read(socket_path, sum));
	close(fd);
	post_counters_flush(c, false);
	assert_true(post_counters_read(socket_path, sum));
	assert_int_equal(sum[POST_LATE], 1);
	post_counters_free(c);
}

static void
what_is_not_ours_is_left_alone(void **state)
{
	static const char *const texts[] = {
		"a letter to somebody\n",
		"pgfeed-post",
		"pgfeed-post\nstored\n",
		"pgfeed-post\nstored -1\n",
		"pgfeed-post\nstored 1",
		"pgfeed-post\nstored 1 2\n",
		"pgfeed-post\nstored 99999999999999999999999\n",
		"pgfeed-post\n 1\n",
		"pgfeed-post\n\n",
	};
	char text[8192], back[64] = "";
	uint64_t sum[OUTCOMES];
	struct stat st;
	int fd;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		put(texts[i], 0600);
		assert_int_equal(stored_after_one(), -1);
		fd = open(path, O_RDONLY);
		assert_int_equal(
		    read(fd, back, sizeof(back)), strlen(texts[i]));
		assert_memory_equal(back, texts[i], strlen(texts[i]));
		close(fd);
	}
	memset(text, '\n', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	put(text, 0600);
	assert_int_equal(stored_after_one(), -1);

	put("", 0622); /* others may write */
	assert_int_equal(stored_after_one(), -1);

	put("", 0600);
	snprintf(text, sizeof(text), "%s/other", folder);
	assert_int_equal(link(path, text), 0);
	assert_int_equal(stored_after_one(), -1);
	unlink(path);
	assert_int_equal(symlink(text, path), 0);
	assert_int_equal(stored_after_one(), -1);
	assert_int_equal(stat(text, &st), 0);
	assert_int_equal(st.st_size, 0);
	unlink(text);
	assert_int_equal(stored_after_one(), -1); /* a link to nothing */
	assert_int_equal(access(text, F_OK), -1);

	unlink(path);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(stored_after_one(), -1);
	unlink(path);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(stored_after_one(), -1);
	rmdir(path);

	/* Another owner. */
	put("", 0600);
	post_counters_free(post_counters_new(socket_path, geteuid() + 1, true));
	if (geteuid() == 0) {
		assert_int_equal(chown(path, 1, (gid_t)-1), 0);
		assert_false(post_counters_read(socket_path, sum));
		assert_int_equal(stored_after_one(), -1);

		/* Two users: pgfeed-post's owns its socket and the file. */
		assert_int_equal(mknod(socket_path, S_IFREG | 0600, 0), 0);
		assert_false(post_counters_read(socket_path, sum));
		assert_int_equal(chown(socket_path, 1, (gid_t)-1), 0);
		assert_true(post_counters_read(socket_path, sum));
		unlink(socket_path);
	}
}

static void
without_a_folder_nothing_is_counted(void **state)
{
	uint64_t sum[OUTCOMES];
	struct post_counters *c =
	    post_counters_new("/nonexistent/post", 0, true);

	post_counters_add(c, POST_STORED);
	post_counters_flush(c, true);
	post_counters_free(c);
	post_counters_add(NULL, POST_STORED);
	assert_false(post_counters_read("/nonexistent/post", sum));
}

static void
a_file_cut_short_or_taken_away_ends_nobody(void **state)
{
	struct post_counters *c = open_counters();
	uint64_t sum[OUTCOMES];

	post_counters_add(c, POST_STORED);
	post_counters_add(c, POST_STORED);
	post_counters_flush(c, true);
	assert_int_equal(truncate(path, 0), 0);
	post_counters_add(c, POST_STORED);
	post_counters_flush(c, true);
	assert_true(post_counters_read(socket_path, sum));
	assert_int_equal(sum[POST_STORED], 1);

	/* In the middle of a line: as something else, until it is put right. */
	assert_int_equal(truncate(path, 20), 0);
	post_counters_add(c, POST_STORED);
	post_counters_flush(c, true);
	assert_false(post_counters_read(socket_path, sum));
	assert_int_equal(truncate(path, 0), 0);
	post_counters_flush(c, true);
	assert_true(post_counters_read(socket_path, sum));
	assert_int_equal(sum[POST_STORED], 1);

	unlink(path);
	post_counters_add(c, POST_STORED);
	post_counters_flush(c, true);
	assert_true(post_counters_read(socket_path, sum));
	assert_int_equal(sum[POST_STORED], 1);
	post_counters_free(c);
}

static void
versions_of_the_program_get_along(void **state)
{
	put("pgfeed-post\nfrom_the_future 7\nstored 41\nlate      3\n", 0600);
	assert_int_equal(stored_after_one(), 42);
}

int
main(void)
{
#define IN_FOLDER(test) \
	cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_outcome_has_a_name_of_its_own),
		IN_FOLDER(two_processes_add_to_one_sum),
		IN_FOLDER(nothing_is_lost_between_threads_and_processes),
		IN_FOLDER(a_lock_holds_nobody_up),
		IN_FOLDER(what_is_not_ours_is_left_alone),
		IN_FOLDER(without_a_folder_nothing_is_counted),
		IN_FOLDER(a_file_cut_short_or_taken_away_ends_nobody),
		IN_FOLDER(versions_of_the_program_get_along),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
