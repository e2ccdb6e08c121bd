/*
 * client_address.c - the client's address, behind trusted reverse proxies.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/client_address.h"

#define V6_NETWORK_BYTES 8

/* An address of either family; IPv4 as ::ffff:192.0.2.1, so all are alike. */
static bool
parse(struct in6_addr *a, const char *s)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	if (inet_pton(AF_INET6, s, a) == 1)
		return true;
	memcpy(a->s6_addr, mapped, sizeof(mapped));
	return inet_pton(AF_INET, s, a->s6_addr + sizeof(mapped)) == 1;
}

struct network {
	struct in6_addr address;
	unsigned bits;
};

static bool
parse_network(struct network *net, const char *s)
{
	char text[INET6_ADDRSTRLEN], *end;
	size_t n = strcspn(s, "/");
	unsigned most;

	if (n >= sizeof(text))
		return false;
	memcpy(text, s, n);
	text[n] = '\0';
	if (!parse(&net->address, text))
		return false;
	most = strchr(text, ':') != NULL ? 128 : 32;
	net->bits = 128;
	if (s[n] == '\0')
		return true;
	if (s[n + 1] < '0' || s[n + 1] > '9' || strlen(s + n + 1) > 3)
		return false;
	net->bits = (unsigned)strtoul(s + n + 1, &end, 10);
	if (*end != '\0' || net->bits > most)
		return false;
	net->bits += 128 - most;
	return true;
}

bool
client_address_network_valid(const char *s)
{
	struct network net;

	return parse_network(&net, s);
}

static bool
is_in(const struct in6_addr *a, const struct network *net)
{
	const uint8_t *x = a->s6_addr, *y = net->address.s6_addr;
	unsigned bytes = net->bits / 8, rest = net->bits % 8;

	return memcmp(x, y, bytes) == 0 &&
	       (rest == 0 || (x[bytes] ^ y[bytes]) >> (8 - rest) == 0);
}

static bool
is_trusted(const struct in6_addr *a, char *const *trusted, size_t n)
{
	struct network net;

	for (size_t i = 0; i < n; i++) {
		if (parse_network(&net, trusted[i]) && is_in(a, &net))
			return true;
	}
	return false;
}

/*
 * One element of X-Forwarded-For, the n bytes at s: an address; some proxies
 * add the port, "192.0.2.1:4711" or "[2001:db8::1]:4711".
 */
static bool
parse_element(struct in6_addr *a, const char *s, size_t n)
{
	char text[INET6_ADDRSTRLEN + 8], *p = text, *colon;

	while (n > 0 && (*s == ' ' || *s == '\t')) {
		s++;
		n--;
	}
	while (n > 0 && (s[n - 1] == ' ' || s[n - 1] == '\t'))
		n--;
	if (n == 0 || n >= sizeof(text))
		return false;
	memcpy(text, s, n);
	text[n] = '\0';
	colon = strchr(text, ':');
	if (*p == '[') {
		p++;
		p[strcspn(p, "]")] = '\0';
	} else if (colon != NULL && strchr(colon + 1, ':') == NULL)
		*colon = '\0';
	return parse(a, p);
}

static void
print(char out[INET6_ADDRSTRLEN], const struct in6_addr *a)
{
	if (IN6_IS_ADDR_V4MAPPED(a))
		inet_ntop(AF_INET, a->s6_addr + 12, out, INET6_ADDRSTRLEN);
	else
		inet_ntop(AF_INET6, a, out, INET6_ADDRSTRLEN);
}

void
client_address(char out[INET6_ADDRSTRLEN], char *const *trusted, size_t n,
    const char *remote, const char *forwarded)
{
	const char *end = forwarded + strlen(forwarded), *s;
	struct in6_addr a, next;

	*out = '\0';
	if (!parse(&a, remote))
		return;
	while (end > forwarded && is_trusted(&a, trusted, n)) {
		s = memrchr(forwarded, ',', (size_t)(end - forwarded));
		s = s != NULL ? s + 1 : forwarded;
		if (!parse_element(&next, s, (size_t)(end - s)))
			break;
		a = next;
		end = s > forwarded ? s - 1 : forwarded;
	}
	print(out, &a);
}

struct client_key
client_key(const char *address)
{
	struct client_key key = { { 0 } };
	struct in6_addr a;

	if (!parse(&a, address))
		return key;
	if (IN6_IS_ADDR_V4MAPPED(&a)) {
		key.bytes[0] = 4;
		memcpy(key.bytes + 1, a.s6_addr + 12, 4);
	} else {
		key.bytes[0] = V6_NETWORK_BYTES;
		memcpy(key.bytes + 1, a.s6_addr, V6_NETWORK_BYTES);
	}
	return key;
}
