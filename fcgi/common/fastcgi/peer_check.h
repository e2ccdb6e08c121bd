/*
 * peer_check.h - the users that may connect to a socket.
 *
 * FastCGI has no authentication: a peer may claim that its request comes from
 * any user on any host. So only the web server's users may connect.
 */
#ifndef PGFEED_PEER_CHECK_H
#define PGFEED_PEER_CHECK_H

#include "config/config.h"

struct peer_check;

/*
 * Returns a check for these users, each a name or a number. Root and the user
 * of this process are always allowed. A name that this machine does not know is
 * logged and left out. Exits when there is no memory. For start-up only.
 */
struct peer_check *peer_check_new(const struct config_list *users);
void peer_check_free(struct peer_check *);

/* Returns whether the peer of the Unix socket fd is one of these users. */
bool peer_check_allow(struct peer_check *, int fd);

#endif
