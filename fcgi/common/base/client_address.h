/*
 * client_address.h - which address a request really came from.
 *
 * Behind a reverse proxy REMOTE_ADDR is the proxy's. What X-Forwarded-For says
 * can be said by anybody, and counts only as far as it was said by a proxy that
 * the option trusted_proxies names.
 */
#ifndef PGFEED_CLIENT_ADDRESS_H
#define PGFEED_CLIENT_ADDRESS_H

#include <netinet/in.h>

#include "base/util.h"

/* Whether s is an address or a network: 10.0.0.0/8, 192.0.2.1, fd00::/8. */
bool client_address_network_valid(const char *s);

/*
 * Writes the client's address: remote (REMOTE_ADDR), unless it is one of the n
 * trusted networks. Then the right-most address in forwarded (X-Forwarded-For)
 * that is none of them; when all are, the left-most. From what is no address
 * on, nothing to the left counts. What is written for a remote that is no
 * address, such as that of a Unix socket's client, is "".
 */
void client_address(char out[INET6_ADDRSTRLEN], char *const *trusted, size_t n,
    const char *remote, const char *forwarded);

/*
 * What counts as one client: an IPv4 address, or the network of 64 bits that
 * an IPv6 address is in, since one browser can easily have all addresses of its
 * network (RFC 8981). All that is no address is the same one.
 */
struct client_key {
	uint8_t bytes[9]; /* the length of what follows, that, zeros */
};

struct client_key client_key(const char *address);

#endif
