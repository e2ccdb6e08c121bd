/*
 * peers.h - who may connect to a socket.
 *
 * FastCGI has no authentication of its own: whoever is connected may claim to
 * be any user on any host. So only the web server's users may connect.
 */
#ifndef PGFEED_PEERS_H
#define PGFEED_PEERS_H

#include "config.h"

struct peers;

/*
 * Users by name or number; root and our own user always belong to them. A name
 * that this machine does not know is left out with a message. Exits when there
 * is no memory: this is start-up.
 */
struct peers *peers_new(const struct config_list *users);
void peers_free(struct peers *);

/* Whether one of them is at the other end of a Unix socket. */
bool peers_allow(struct peers *, int fd);

#endif
