/*
 * fcgid.h - FastCGI proxy for web servers that start a process for each request
 * and keep the process for the next one (mod_fcgid).
 */
#ifndef PGFEED_FCGID_H
#define PGFEED_FCGID_H

#include "config/config.h"

/* Returns whether stdin is a listening socket. */
bool pump_is_wanted(void);

/* Serves one connection after the other; never returns. */
void pump(const struct config *) __attribute__((noreturn));

#endif
