/*
 * log.c - log messages on stderr or syslog.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "base/log.h"

#define LINE_MAX_BYTES 1024
#define LIMIT_MS       1000

static const char *log_name = "pgfeed";
static bool log_to_syslog;
static enum log_level log_most = LOG_LEVEL_INFO;

void
log_open(const char *name, bool to_syslog, enum log_level most)
{
	log_name = name;
	log_to_syslog = to_syslog;
	log_most = most;
	if (to_syslog)
		openlog(name, LOG_PID | LOG_NDELAY, LOG_DAEMON);
}

PRINTF(2, 0)
static void
write_line(enum log_level level, const char *fmt, va_list ap, int err)
{
	static const struct {
		const char *word;
		int priority;
	} levels[] = {
		[LOG_LEVEL_ERROR] = { "error: ", LOG_ERR },
		[LOG_LEVEL_WARNING] = { "warning: ", LOG_WARNING },
		[LOG_LEVEL_INFO] = { "", LOG_INFO },
		[LOG_LEVEL_DEBUG] = { "debug: ", LOG_DEBUG },
	};
	char raw[LINE_MAX_BYTES], line[2 * LINE_MAX_BYTES];
	size_t n;

	if (level > log_most)
		return;
	vsnprintf(raw, sizeof(raw), fmt, ap);
	n = strlen(raw);
	while (n > 0 && raw[n - 1] == '\n') /* libpq ends its messages so */
		raw[--n] = '\0';
	if (err != 0)
		snprintf(raw + n, sizeof(raw) - n, ": %s", strerror(err));
	text_escape(line, sizeof(line), raw, strlen(raw));
	if (log_to_syslog)
		syslog(
		    levels[level].priority, "%s%s", levels[level].word, line);
	else
		fprintf(stderr, "%s[%d]: %s%s\n", log_name, (int)getpid(),
		    levels[level].word, line);
}

#define LOG_FUNCTION(name, level, err)           \
	void name(const char *fmt, ...)          \
	{                                        \
		int saved = errno;               \
		va_list ap;                      \
		va_start(ap, fmt);               \
		write_line(level, fmt, ap, err); \
		va_end(ap);                      \
		errno = saved;                   \
	}

LOG_FUNCTION(log_error, LOG_LEVEL_ERROR, 0)
LOG_FUNCTION(log_warning, LOG_LEVEL_WARNING, 0)
LOG_FUNCTION(log_info, LOG_LEVEL_INFO, 0)
LOG_FUNCTION(log_debug, LOG_LEVEL_DEBUG, 0)
LOG_FUNCTION(log_sys, LOG_LEVEL_ERROR, saved)

void
log_fatal(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	write_line(LOG_LEVEL_ERROR, fmt, ap, 0);
	va_end(ap);
	exit(1);
}

uint64_t
log_limit_take(struct log_limit *l, uint64_t n, int64_t now_ms)
{
	uint64_t all = l->left_out + n;
	bool early = l->last_ms != 0 && now_ms - l->last_ms < LIMIT_MS;

	l->left_out = early ? all : 0;
	if (early)
		return 0;
	l->last_ms = now_ms;
	return all;
}
