/*
 * sandbox.h - privileges that a gateway drops before its first request.
 *
 * Each step is final and holds for every thread. The order at start is: sockets,
 * user, sandbox, threads.
 */
#ifndef PGFEED_SANDBOX_H
#define PGFEED_SANDBOX_H

#include "config/config.h"

/*
 * Changes to the user of the option user, with its groups, when the process runs
 * as root; warns when root stays root. Exits when the user does not exist or the
 * change fails.
 */
void sandbox_drop_root(const struct config *);

/*
 * Forbids this process to execute programs and to inspect other processes, and
 * forbids other processes of the same user to inspect this one. A step that the
 * kernel or the build does not support is skipped with a log message. Builds
 * with a sanitizer skip all steps, since the sanitizer needs these calls.
 */
void sandbox_enter(void);

/* Returns whether this build has the system call filter (seccomp). */
bool sandbox_has_filter(void);

#endif
