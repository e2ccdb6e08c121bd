/*
 * log.h - one event, one line, one subject.
 *
 * Lines go to stderr or to syslog. Bytes that came from outside may be in a
 * message: control characters are escaped here, so nobody can forge a line.
 * Safe to call from any thread.
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
 * Opens the log for the program called name. Until then lines of level info
 * and above go to stderr. to_syslog: use syslog(3), facility daemon.
 */
void log_open(const char *name, bool to_syslog, enum log_level most);

void log_error(const char *fmt, ...) PRINTF(1, 2); /* an operator should act */
void log_warning(const char *fmt, ...) PRINTF(1, 2); /* may need a look */
void log_info(const char *fmt, ...) PRINTF(1, 2);
void log_debug(const char *fmt, ...) PRINTF(1, 2);

/* As log_error(), with ": " and the text of errno behind the message. */
void log_sys(const char *fmt, ...) PRINTF(1, 2);

/* log_error(), then exit(1): for bad configuration at start. */
void log_fatal(const char *fmt, ...) PRINTF(1, 2) __attribute__((noreturn));

#endif
