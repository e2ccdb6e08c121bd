/*
 * launch.h - a pgfeed-stream for everybody who comes by CGI.
 */
#ifndef PGFEED_LAUNCH_H
#define PGFEED_LAUNCH_H

#include "config/config.h"

/*
 * Connects to pgfeed-stream's socket, and starts the program when nobody
 * serves it: the one in the folder of this program, with the configuration in
 * PGFEED_CONF. Of many who find it missing at once, one starts it. Returns the
 * connection or -1 after logging why.
 */
int launch_connect(const struct config *) MUSTCHECK;

/*
 * Takes one of n places, beginning with number first, for the life of this
 * process; false when all are taken.
 */
bool launch_take_place(
    const struct config *, unsigned first, unsigned n) MUSTCHECK;

/* Replaces this process by the program of that name in its own folder. */
void launch_exec(const char *name);

#endif
