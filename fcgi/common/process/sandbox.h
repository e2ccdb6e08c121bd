/*
 * sandbox.h - what a gateway gives up before it reads the first request.
 *
 * All of it is for good and holds for every thread. The order at start is:
 * sockets, user, sandbox, threads.
 */
#ifndef PGFEED_SANDBOX_H
#define PGFEED_SANDBOX_H

#include "config/config.h"

/*
 * Becomes the option user, with its groups, when started as root; warns when
 * root stays root. Exits when that user is not there or it does not work.
 */
void sandbox_drop_root(const struct config *);

/*
 * No other program can be started from here on, no other process be looked
 * into, and no process of the same user may look into this one. What the
 * kernel or the build can't do is left out with a message. In builds with a
 * sanitizer, which needs such things itself, it does nothing.
 */
void sandbox_enter(void);

/* Whether this build has the filter of system calls. */
bool sandbox_has_filter(void);

#endif
