/*
 * test_config.c - defaults, then the file, then the environment; and whoever
 * makes a mistake learns where.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "config/config.h"

static char path[] = "/tmp/pgfeed-test-config-XXXXXX";
static char err[512];

static void
write_bytes(const char *text, size_t n)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, n, f), n);
	assert_int_equal(fclose(f), 0);
}

static int
load(struct config *c, const char *text)
{
	write_bytes(text, strlen(text));
	return config_load(c, path, err, sizeof(err));
}

/* The message must be "FILE:LINE: " and contain why. */
static void
refused(const char *text, int line, const char *why)
{
	char where[128];
	struct config c;

	assert_int_equal(load(&c, text), -1);
	snprintf(where, sizeof(where), "%s:%d: ", path, line);
	if (strncmp(err, where, strlen(where)) != 0 || strstr(err, why) == NULL)
		fail_msg("\"%s\" gave \"%s\"", text, err);
	assert_null(c.database); /* empty */
}

static void
test_an_empty_file_gives_the_defaults(void **state)
{
	struct config c;

	assert_int_equal(load(&c, "\n# only a comment\n ; and another"), 0);
	assert_string_equal(c.database, "");
	assert_string_equal(c.base_path, "/events");
	assert_int_equal(c.heartbeat, 15000);
	assert_int_equal(c.socket_mode, 0660);
	assert_int_equal(c.payload_limit, 65536);
	assert_int_equal(c.retention, INT64_C(7) * 86400 * 1000);
	assert_int_equal(c.listen.n, 0);
	assert_int_equal(c.peer_users.n, 2);
	assert_string_equal(c.peer_users.item[1], "www-data");
	config_free(&c);
	config_free(&c); /* twice does no harm */
}

static void
test_values_are_read_as_they_stand(void **state)
{
	struct config c;

	assert_int_equal(
	    load(&c, "database = host=/run/a dbname='my db' options='-c x=1'\n"
		     "  \theartbeat=2s  \r\n"
		     "listen: a, b\tc ,,d\n"
		     "listen = \xc3\xa4 e\n" /* the last one counts */
		     "socket_mode = 0600\n"
		     "origins = https://a.example:8443,http://[::1]"),
	    0);
	assert_string_equal(
	    c.database, "host=/run/a dbname='my db' options='-c x=1'");
	assert_int_equal(c.heartbeat, 2000);
	assert_int_equal(c.listen.n, 2);
	assert_string_equal(c.listen.item[0], "\xc3\xa4");
	assert_int_equal(c.socket_mode, 0600);
	assert_int_equal(c.origins.n, 2);
	assert_string_equal(c.origins.item[1], "http://[::1]");
	config_free(&c);
}

static void
test_units(void **state)
{
	static const struct {
		const char *line;
		size_t offset;
		int64_t value; /* -1: refused */
	} table[] = {
#define TIME(s, v) { "max_age = " s, offsetof(struct config, max_age), v }
#define SIZE(s, v)                                                      \
	{                                                               \
		"ring_size = " s, offsetof(struct config, ring_size), v \
	}
		TIME("500ms", 500),
		TIME("7", 7000),
		TIME("7s", 7000),
		TIME("7 S", 7000),
		TIME("7min", 420000),
		TIME("2h", 7200000),
		TIME("2d", 172800000),
		TIME("0", 0),
		TIME("31d", -1),
		TIME("-1", -1),
		TIME("1.5s", -1),
		TIME("", -1),
		TIME("s", -1),
		TIME("7m", -1), /* minutes or milliseconds? */
		TIME("7sec", -1),
		TIME("7 s s", -1),
		TIME("7kB", -1),
		TIME("99999999999999999999", -1),
		TIME("9223372036854775807d", -1),
		SIZE("1048576", 1048576),
		SIZE("2048kB", 2097152),
		SIZE("2048kb", 2097152),
		SIZE("3 MB", 3145728),
		SIZE("1GB", 1073741824),
		SIZE("1TB", -1),
		SIZE("5s", -1),
		SIZE("1", -1), /* out of range */
		{ "max_topics = 10", offsetof(struct config, max_topics), 10 },
		{ "max_topics = 0", offsetof(struct config, max_topics), -1 },
		{ "max_topics = 10k", offsetof(struct config, max_topics), -1 },
		{ "socket_mode = 777", offsetof(struct config, socket_mode),
		    0777 },
		{ "socket_mode = 1777", offsetof(struct config, socket_mode),
		    -1 },
		{ "socket_mode = 0680", offsetof(struct config, socket_mode),
		    -1 },
	};

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct config c;

		if (table[i].value == -1) {
			refused(table[i].line, 1, "");
			continue;
		}
		if (load(&c, table[i].line) == -1)
			fail_msg("%s: %s", table[i].line, err);
		assert_int_equal(
		    *(int64_t *)((char *)&c + table[i].offset), table[i].value);
		config_free(&c);
	}
}

static void
test_mistakes_are_told_with_their_line(void **state)
{
	static char longest[10000];

	refused("\n\nhartbeat = 5s\n", 3, "there is no option \"hartbeat\"");
	refused("heartbeat = soon", 1, "needs a time such as");
	refused("heartbeat = 10ms", 1, "out of range, which is 100ms to 1h");
	refused("# x\nheartbeat\n", 2, "name = value");
	refused("\n[stream]\nheartbeat = 1s\n", 2, "[stream]");
	refused("a = 1\nb = 2\n", 1, "\"a\""); /* the first one is told */
	refused("log = file\n", 1, "log must be stderr or syslog");
	refused("\nlog_level = loud\n", 2, "log_level must be");
	refused("\nretry_min = 9s\n\n", 2, "greater than retry_max");
	refused("base_path = events\n", 1, "base_path must begin");
	refused("identity = jwt\n", 1, "needs jwt_keys");
	refused("identity = remote_user, basic\n", 1, "identity is");
	refused("jwt_cookie = a=b\n", 1, "not a cookie's name");
	refused("trusted_proxies = ::1, 10.0.0.0/33\n", 1, "10.0.0.0/33");
	refused("form_token = a b\n", 1, "not a cookie's name");
	refused("origins = https://a.example/\n", 1, "is not an origin");
	refused("origins = *\n", 1, "is not an origin");
	refused("origins = null\n", 1, "is not an origin");
	refused("origins = https://*.example\n", 1, "is not an origin");
	refused("jwt_user =\n", 1, "must name a claim");
	refused("base_path = /events/\n", 1, "base_path must begin");
	refused("body_limit = 64kB\npayload_limit = 65kB\n", 2,
	    "greater than body_limit");
	memset(longest, 'x', sizeof(longest) - 1);
	memcpy(longest, "\ndatabase = ", 12);
	refused(longest, 2, "too long");
}

/* Other parsers take such a line for more of the value before it. */
static void
test_an_indented_line_is_a_line(void **state)
{
	struct config c;

	assert_int_equal(load(&c, "database = x\n  heartbeat = 3s\n"), 0);
	assert_string_equal(c.database, "x");
	assert_int_equal(c.heartbeat, 3000);
	config_free(&c);
}

static void
test_a_comment_is_a_line_of_its_own(void **state)
{
	struct config c;

	assert_int_equal(load(&c, "database = x ;y #z\n;listen = a\n"), 0);
	assert_string_equal(c.database, "x ;y #z");
	assert_int_equal(c.listen.n, 0);
	config_free(&c);
	refused("\nheartbeat = 5s ; fast", 2, "not \"5s ; fast\"");
}

/* Editors of Windows begin a file with a byte order mark. */
static void
test_a_byte_order_mark_is_skipped(void **state)
{
	struct config c;

	assert_int_equal(
	    load(&c, "\xef\xbb\xbfheartbeat = 3s\nmax_age:2s\n"), 0);
	assert_int_equal(c.heartbeat, 3000);
	assert_int_equal(c.max_age, 2000);
	config_free(&c);
	refused("\n\xef\xbb\xbfheartbeat = 3s\n", 2, "no option");
}

static void
test_control_characters_are_refused(void **state)
{
	static const char nul[] = "database = a\0b\nheartbeat = 3s\n";
	struct config c;

	/* It would end the line, and hide the rest. */
	write_bytes(nul, sizeof(nul) - 1);
	assert_int_equal(config_load(&c, path, err, sizeof(err)), -1);
	assert_non_null(strstr(err, ":1: the line has a control"));
	refused("\nlisten = a\rb\n", 2, "control character");
	refused("listen = a\vb\n", 1, "control character");
	refused("listen = a\x7f\n", 1, "control character");
	assert_int_equal(
	    load(&c, "listen =\ta\tb\r\n\r\nheartbeat = 1s\r\n"), 0);
	assert_int_equal(c.listen.n, 2);
	config_free(&c);
}

static void
test_what_is_no_file_is_told(void **state)
{
	struct config c;

	assert_int_equal(config_load(&c, "/nix/x", err, sizeof(err)), -1);
	assert_non_null(strstr(err, "\"/nix/x\": No such file"));
	assert_int_equal(config_load(&c, "/tmp", err, sizeof(err)), -1);
	assert_non_null(strstr(err, "\"/tmp\": Is a directory"));
}

static void
test_the_environment_overrides(void **state)
{
	struct config c;

	setenv("PGFEED_HEARTBEAT", "9s", 1);
	setenv("PGFEED_PEER_USERS", "", 1);
	assert_int_equal(load(&c, "heartbeat = 3s\n"), 0);
	assert_int_equal(c.heartbeat, 9000);
	assert_int_equal(c.peer_users.n, 0);
	config_free(&c);

	setenv("PGFEED_HEARTBEAT", "", 1);
	assert_int_equal(load(&c, ""), -1);
	assert_non_null(strstr(err, "environment PGFEED_HEARTBEAT: "));
	unsetenv("PGFEED_HEARTBEAT");
	setenv("PGFEED_LOG", "file", 1);
	assert_int_equal(load(&c, "log = syslog\n"), -1);
	assert_non_null(strstr(err, "environment: log must be"));
	unsetenv("PGFEED_LOG");
	unsetenv("PGFEED_PEER_USERS");
}

static void
test_the_environment_names_the_file(void **state)
{
	struct config c;

	write_bytes("heartbeat = 4s\n", 15);
	setenv("PGFEED_CONF", path, 1);
	assert_int_equal(config_load(&c, NULL, err, sizeof(err)), 0);
	assert_int_equal(c.heartbeat, 4000);
	config_free(&c);
	unsetenv("PGFEED_CONF");
}

/* What config_print() writes is a file that gives the same again. */
static void
test_print_and_load_again(void **state)
{
	char *first = NULL, *second = NULL;
	size_t n1, n2;
	struct config c;
	FILE *f;

	assert_int_equal(
	    load(&c, "heartbeat = 1500ms\nmax_age = 0\nlisten = a b\nring_size "
		     "= 3MB\n"
		     "payload_limit = 1000\nretention = 36h\nsocket_mode = 7\n"
		     "database = host=x dbname=y\n"),
	    0);
	f = open_memstream(&first, &n1);
	config_print(&c, f);
	fclose(f);
	config_free(&c);
	assert_non_null(strstr(first, "\nheartbeat = 1500ms\n"));
	assert_non_null(strstr(first, "\nretention = 36h\n"));
	assert_non_null(strstr(first, "\nsocket_mode = 0007\n"));

	if (load(&c, first) == -1)
		fail_msg("%s", err);
	f = open_memstream(&second, &n2);
	config_print(&c, f);
	fclose(f);
	config_free(&c);
	assert_string_equal(first, second);
	free(first);
	free(second);
}

static void
test_a_program_has_its_own_database_or_that_of_all(void **state)
{
	struct config c;

	assert_int_equal(load(&c, "database = a\npost_database = b\n"), 0);
	assert_string_equal(config_database(&c, c.stream_database), "a");
	assert_string_equal(config_database(&c, c.post_database), "b");
	config_free(&c);
}

/* The caller's own settings must not leak in. */
static int
setup(void **state)
{
	extern char **environ;

	for (char **e = environ; *e != NULL;) {
		char name[128];

		if (strncmp(*e, "PGFEED_", 7) != 0) {
			e++;
			continue;
		}
		snprintf(name, sizeof(name), "%.*s", (int)strcspn(*e, "="), *e);
		unsetenv(name);
	}
	int fd = mkstemp(path);
	return fd == -1 ? -1 : close(fd);
}

static int
teardown(void **state)
{
	return unlink(path);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_an_empty_file_gives_the_defaults),
		cmocka_unit_test(test_values_are_read_as_they_stand),
		cmocka_unit_test(test_units),
		cmocka_unit_test(test_mistakes_are_told_with_their_line),
		cmocka_unit_test(test_an_indented_line_is_a_line),
		cmocka_unit_test(test_a_comment_is_a_line_of_its_own),
		cmocka_unit_test(test_a_byte_order_mark_is_skipped),
		cmocka_unit_test(test_control_characters_are_refused),
		cmocka_unit_test(test_what_is_no_file_is_told),
		cmocka_unit_test(test_the_environment_overrides),
		cmocka_unit_test(test_the_environment_names_the_file),
		cmocka_unit_test(test_print_and_load_again),
		cmocka_unit_test(
		    test_a_program_has_its_own_database_or_that_of_all),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
