/*
 * peer_check.h - who may connect to a socket.
 *
 * FastCGI has no authentication of its own: whoever is connected may claim to
 * be any user on any host. So only the web server's users may connect.
 */
#ifndef PGFEED_PEER_CHECK_H
#define PGFEED_PEER_CHECK_H

#include "config/config.h"

struct peer_check;

/*
 * Users by name or number; root and our own user always belong to them. A name
 * that this machine does not know is left out with a message. Exits when there
 * is no memory: this is start-up.
 */
struct peer_check *peer_check_new(const struct config_list *users);
void peer_check_free(struct peer_check *);

/* Whether one of them is at the other end of a Unix socket. */
bool peer_check_allow(struct peer_check *, int fd);

#endif
