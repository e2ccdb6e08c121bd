/*
 * test_log.c - one event is one line, whatever is in it.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/log.h"

/* What write() says on stderr, without "NAME[PID]: ". */
static const char *
said(void (*write_something)(void))
{
	static char text[8192];
	int saved = dup(STDERR_FILENO);
	FILE *f = tmpfile();
	size_t n;
	char *start;

	assert_true(saved != -1);
	assert_non_null(f);
	assert_int_not_equal(dup2(fileno(f), STDERR_FILENO), -1);
	write_something();
	fflush(stderr);
	assert_int_not_equal(dup2(saved, STDERR_FILENO), -1);
	close(saved);
	rewind(f);
	n = fread(text, 1, sizeof(text) - 1, f);
	text[n] = '\0';
	fclose(f);
	start = strstr(text, "]: ");
	return start != NULL ? start + 3 : text;
}

static void
write_each(void)
{
	log_error("bad %d", 1);
	log_warning("odd");
	log_info("fine");
	log_debug("detail");
}

static void
test_levels(void **state)
{
	static const char *const expected[] = {
		[LOG_LEVEL_ERROR] = "error: bad 1",
		[LOG_LEVEL_WARNING] = "warning: odd",
		[LOG_LEVEL_INFO] = "fine",
		[LOG_LEVEL_DEBUG] = "debug: detail",
	};
	char line[128];

	for (int level = LOG_LEVEL_ERROR; level <= LOG_LEVEL_DEBUG; level++) {
		const char *s;

		log_open("test", false, level);
		s = said(write_each);
		for (int i = LOG_LEVEL_ERROR; i <= LOG_LEVEL_DEBUG; i++) {
			snprintf(line, sizeof(line), "%s\n", expected[i]);
			assert_int_equal(strstr(s, line) != NULL, i <= level);
		}
	}
}

static void
write_named(void)
{
	log_info("x");
}

static void
test_a_line_names_program_and_process(void **state)
{
	char line[64];

	log_open("name", false, LOG_LEVEL_INFO);
	snprintf(line, sizeof(line), "name[%d]: x\n", (int)getpid());
	/* said() points behind the prefix, in the whole text */
	assert_string_equal(said(write_named) - (strlen(line) - 2), line);
}

static void
write_forged(void)
{
	log_info("topic %s", "a\nname[1]: error: forged\r\x1b[2J\x7f\t\xc2\x9b");
}

static void
test_nobody_forges_a_line(void **state)
{
	log_open("test", false, LOG_LEVEL_INFO);
	assert_string_equal(said(write_forged),
	    "topic a\\x0aname[1]: error: forged\\x0d\\x1b[2J\\x7f\\x09\\xc2\\x9b\n");
}

static void
write_with_newline(void)
{
	log_info("could not connect: refused\n\n");
}

static void
test_the_newline_of_libpq_goes(void **state)
{
	assert_string_equal(
	    said(write_with_newline), "could not connect: refused\n");
}

static void
write_sys(void)
{
	errno = ENOENT;
	log_sys("could not read \"%s\"", "x");
	assert_int_equal(errno, ENOENT); /* the caller may still look */
}

static void
test_log_sys_tells_errno(void **state)
{
	char line[128];

	snprintf(line, sizeof(line), "error: could not read \"x\": %s\n",
	    strerror(ENOENT));
	assert_string_equal(said(write_sys), line);
}

static void
write_long(void)
{
	static char s[5000];

	memset(s, '\x01', sizeof(s) - 1);
	log_info("%s", s);
	memset(s, 'x', sizeof(s) - 1);
	log_info("%s", s);
}

static void
test_a_long_line_is_cut_and_stays_one(void **state)
{
	const char *s = said(write_long), *end = strchr(s, '\n');

	assert_non_null(end);
	assert_true(end - s < 2100 && end - s > 500);
	end = strchr(end + 1, '\n');
	assert_non_null(end);
	assert_string_equal(end, "\n");
}

static void
test_log_fatal_ends_with_1(void **state)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		int null = open("/dev/null", O_WRONLY);

		dup2(null, STDERR_FILENO);
		log_fatal("no");
	}
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 1);
}

/* Messages of one kind: at most one a second, and none is forgotten. */
static void
a_limit_counts_what_it_leaves_out(void **state)
{
	static const struct {
		uint64_t n;
		int64_t now_ms;
		uint64_t logged;
	} table[] = { { 1, 5000, 1 }, { 2, 5000, 0 }, { 1, 5999, 0 },
		{ 4, 6000, 7 }, { 1, 6001, 0 }, { 1, 99000, 2 },
		{ 1, 100000, 1 } };
	struct log_limit limit = { 0 };

	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		assert_int_equal(
		    log_limit_take(&limit, table[i].n, table[i].now_ms),
		    table[i].logged);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_levels),
		cmocka_unit_test(test_a_line_names_program_and_process),
		cmocka_unit_test(test_nobody_forges_a_line),
		cmocka_unit_test(test_the_newline_of_libpq_goes),
		cmocka_unit_test(test_log_sys_tells_errno),
		cmocka_unit_test(test_a_long_line_is_cut_and_stays_one),
		cmocka_unit_test(test_log_fatal_ends_with_1),
		cmocka_unit_test(a_limit_counts_what_it_leaves_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
