/*
 * client_address.h - the client's address, behind trusted reverse proxies.
 *
 * Behind a reverse proxy, REMOTE_ADDR is the proxy's address. Any client can send
 * X-Forwarded-For, so an address in it counts only when a proxy of the option
 * trusted_proxies has added it.
 */
#ifndef PGFEED_CLIENT_ADDRESS_H
#define PGFEED_CLIENT_ADDRESS_H

#include <netinet/in.h>

#include "base/util.h"

/* Returns whether s is an address or a network: 10.0.0.0/8, 192.0.2.1, fd00::/8. */
bool client_address_network_valid(const char *s);

/*
 * Writes the client's address to out. The address is remote (REMOTE_ADDR) unless
 * one of the n trusted networks contains it; then it is the right-most address in
 * forwarded (X-Forwarded-For) that no trusted network contains, or the left-most
 * address when all are trusted. An entry that is not an address ends the search.
 * out is "" when remote is not an address, such as that of a Unix socket.
 */
void client_address(char out[INET6_ADDRSTRLEN], char *const *trusted, size_t n,
    const char *remote, const char *forwarded);

/*
 * Key of a client for limits per address: an IPv4 address, or the /64 network of
 * an IPv6 address, since one browser can use all addresses of its network (RFC
 * 8981). All strings that are not addresses have the same key.
 */
struct client_key {
	uint8_t bytes[9]; /* the length of what follows, that, zeros */
};

struct client_key client_key(const char *address);

#endif
