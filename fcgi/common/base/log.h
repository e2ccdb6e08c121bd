/*
 * log.h - log messages, one line each, on stderr or syslog.
 *
 * A message may contain bytes from outside. This module escapes control
 * characters, so that no input can forge a line. Any thread may call it.
 */
#ifndef PGFEED_LOG_H
#define PGFEED_LOG_H

#include "base/util.h"

enum log_level {
	LOG_LEVEL_ERROR,
	LOG_LEVEL_WARNING,
	LOG_LEVEL_INFO,
	LOG_LEVEL_DEBUG
};

/*
 * Opens the log of the program called name; most is the least important level
 * that is logged. Before this call, lines of level info and above go to stderr.
 * to_syslog selects syslog(3), facility daemon.
 */
void log_open(const char *name, bool to_syslog, enum log_level most);

void log_error(const char *fmt, ...) PRINTF(1, 2); /* an operator should act */
void log_warning(const char *fmt, ...) PRINTF(1, 2); /* may need a look */
void log_info(const char *fmt, ...) PRINTF(1, 2);
void log_debug(const char *fmt, ...) PRINTF(1, 2);

/* Logs an error with ": " and the text of errno appended. */
void log_sys(const char *fmt, ...) PRINTF(1, 2);

/*
 * The messages of one kind that any client can cause: at most one a second.
 * All zeros before the first.
 */
struct log_limit {
	int64_t last_ms;
	uint64_t left_out; /* occasions since then that were not logged */
};

/*
 * Counts n occasions for a message. Returns 0 when the last message is less than
 * a second old, else the number of occasions since then, n included, for the
 * message that the caller logs now.
 */
uint64_t log_limit_take(struct log_limit *, uint64_t n, int64_t now_ms);

/* Logs an error and exits with 1. For bad configuration at start. */
void log_fatal(const char *fmt, ...) PRINTF(1, 2) __attribute__((noreturn));

#endif
