/*
 * fcgid.h - FastCGI to FastCGI, for web servers that start a process for each
 * request and keep it for the next (mod_fcgid).
 */
#ifndef PGFEED_FCGID_H
#define PGFEED_FCGID_H

#include "config/config.h"

/* Whether this process was started with a listening socket as its stdin. */
bool pump_is_wanted(void);

/* Serves one connection after the other; never returns. */
void pump(const struct config *) __attribute__((noreturn));

#endif
