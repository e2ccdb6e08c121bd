/*
 * client_address.c - lines: trusted networks, REMOTE_ADDR,
 * X-Forwarded-For.
 *
 * What a client puts in front of the field changes nothing, unless all that
 * the proxies said is themselves.
 */
#include <string.h>

#include "base/buf.h"
#include "base/client_address.h"
#include "fuzz.h"

#define NETWORKS 4

static void
check(char **trusted, size_t n, const char *remote, const char *forwarded)
{
	char out[INET6_ADDRSTRLEN], again[INET6_ADDRSTRLEN];
	struct client_key key;
	struct buf longer = BUF_INIT;

	client_address(out, trusted, n, remote, forwarded);
	FUZZ_CHECK(memchr(out, '\0', sizeof(out)) != NULL);
	FUZZ_CHECK(*out == '\0' || client_address_network_valid(out));
	key = client_key(out);
	FUZZ_CHECK((key.bytes[0] == 0) == (*out == '\0'));
	FUZZ_CHECK(key.bytes[0] == 0 || key.bytes[0] == 4 || key.bytes[0] == 8);

	/* Who is believed nothing is who it is. */
	client_address(again, NULL, 0, remote, forwarded);
	if (n == 0)
		FUZZ_CHECK(strcmp(out, again) == 0);

	client_address(again, trusted, n, out, "203.0.113.1");
	if (strcmp(again, out) != 0)
		return; /* out is a proxy */
	buf_addf(&longer, "203.0.113.1, 10.0.0.1, %s", forwarded);
	client_address(again, trusted, n, remote, longer.data);
	FUZZ_CHECK(strcmp(again, out) == 0);
	buf_fini(&longer);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1), *rest, *networks, *remote, *forwarded;
	char *trusted[NETWORKS], *word;
	size_t n = 0;

	if (text == NULL)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	rest = text;
	networks = strsep(&rest, "\n");
	remote =
	    rest != NULL ? strsep(&rest, "\n") : networks + strlen(networks);
	forwarded = rest != NULL ? rest : remote + strlen(remote);
	while (n < NETWORKS && (word = strsep(&networks, " ")) != NULL)
		trusted[n++] = word;
	check(trusted, n, remote, forwarded);
	check(trusted, 0, remote, forwarded);
	free(text);
	return 0;
}
