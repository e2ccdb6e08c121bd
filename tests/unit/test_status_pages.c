/*
 * test_status_pages.c - the line a minute about the streams.
 */
#include "unit.h"

#include <unistd.h>

#include "base/log.h"
#include "stream/source/stats.h"
#include "stream/status_pages.h"

/* What a call writes to stderr. */
static const char *
minute(size_t open)
{
	static char text[1000];
	int saved = dup(STDERR_FILENO);
	FILE *f = tmpfile();
	size_t n;

	assert_non_null(f);
	assert_int_not_equal(dup2(fileno(f), STDERR_FILENO), -1);
	status_log_minute(open);
	assert_int_not_equal(dup2(saved, STDERR_FILENO), -1);
	close(saved);
	rewind(f);
	n = fread(text, 1, sizeof(text) - 1, f);
	text[n] = '\0';
	fclose(f);
	return text;
}

static void
a_minute_is_a_line_if_streams_came_or_left(void **state)
{
	log_open("t", false, LOG_LEVEL_INFO);
	assert_string_equal(minute(0), "");
	stats.opened = 5;
	stats.closed = 2;
	stats.events = 7;
	stats_refuse(REFUSED_FULL);
	stats_refuse(REFUSED_LATE);
	assert_non_null(strstr(minute(3),
	    "3 streams are open; in the last minute 5 opened, 2 closed, 2 were "
	    "refused, and 7 events came\n"));
	stats.events = 9; /* they alone are no reason */
	assert_string_equal(minute(3), "");
	stats.closed = 3;
	assert_non_null(strstr(minute(2), " 0 opened, 1 closed, 0 were refused"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_minute_is_a_line_if_streams_came_or_left),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
