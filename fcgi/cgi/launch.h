/*
 * launch.h - starts a pgfeed-stream on demand and connects to its socket.
 */
#ifndef PGFEED_LAUNCH_H
#define PGFEED_LAUNCH_H

#include "config/config.h"

/*
 * Connects to pgfeed-stream's socket. If no process serves the socket, starts
 * the program in the folder of this one, with the configuration in PGFEED_CONF.
 * Only one of several processes starts it. Returns the connection, or -1 after
 * logging the reason.
 */
int launch_connect(const struct config *) MUSTCHECK;

/* Replaces this process by the program of that name in its own folder. */
void launch_exec(const char *name);

#endif
