/*
 * test_client_address.c - which address a request really came from.
 */
#include "unit.h"

#include "base/client_address.h"

#define V6_LONG "2001:db8:1111:2222:3333:4444:5555:6666"

static void
only_trusted_proxies_are_believed(void **state)
{
	static char p1[] = "10.0.0.0/8", p2[] = "192.0.2.1", p3[] = "fd00::/8";
	static char *trusted[] = { p1, p2, p3 };
	static const struct {
		const char *remote, *forwarded, *client;
	} table[] = {
		/* nobody between */
		{ "198.51.100.7", "", "198.51.100.7" },
		{ "2001:DB8::1", "", "2001:db8::1" },
		{ "::ffff:198.51.100.7", "", "198.51.100.7" },
		/* forged by the client itself */
		{ "198.51.100.7", "203.0.113.5", "198.51.100.7" },
		{ "198.51.100.7", "10.0.0.1", "198.51.100.7" },
		{ "192.0.2.10", "203.0.113.5", "192.0.2.10" },
		{ "11.0.0.1", "203.0.113.5", "11.0.0.1" },
		{ "fe00::1", "203.0.113.5", "fe00::1" },
		/* through proxies */
		{ "10.1.2.3", "203.0.113.5", "203.0.113.5" },
		{ "::ffff:10.1.2.3", "203.0.113.5", "203.0.113.5" },
		{ "192.0.2.1", "203.0.113.5", "203.0.113.5" },
		{ "fd12::1", "2001:db8::5", "2001:db8::5" },
		{ "10.1.2.3", "203.0.113.5, 10.9.9.9", "203.0.113.5" },
		{ "10.1.2.3", "203.0.113.5,fd00::2,10.9.9.9", "203.0.113.5" },
		/* what the client said is left of what the proxy said */
		{ "10.1.2.3", "1.1.1.1, 203.0.113.5", "203.0.113.5" },
		{ "10.1.2.3", "10.0.0.1, 203.0.113.5", "203.0.113.5" },
		{ "10.1.2.3", "127.0.0.1, 203.0.113.5, 10.0.0.2",
		    "203.0.113.5" },
		/* all are proxies: the first one asked */
		{ "10.1.2.3", "10.0.0.1, 10.0.0.2", "10.0.0.1" },
		{ "10.1.2.3", "", "10.1.2.3" },
		/* with ports */
		{ "10.1.2.3", "203.0.113.5:4711", "203.0.113.5" },
		{ "10.1.2.3", "[2001:db8::5]:4711", "2001:db8::5" },
		{ "10.1.2.3", "[2001:db8::5]", "2001:db8::5" },
		{ "10.1.2.3", V6_LONG, V6_LONG },
		{ "10.1.2.3", "[" V6_LONG "]:65535", V6_LONG },
		/* nonsense counts for nothing, nor what is left of it */
		{ "10.1.2.3", "unknown", "10.1.2.3" },
		{ "10.1.2.3", "203.0.113.5, unknown", "10.1.2.3" },
		{ "10.1.2.3", "203.0.113.5, , 10.0.0.1", "10.0.0.1" },
		{ "10.1.2.3", "203.0.113.5,", "10.1.2.3" },
		{ "10.1.2.3", ",", "10.1.2.3" },
		{ "10.1.2.3", "203.0.113.256", "10.1.2.3" },
		{ "10.1.2.3", "0xcb.0.113.5", "10.1.2.3" },
		{ "10.1.2.3", "1", "10.1.2.3" },
		{ "10.1.2.3", "fe80::1%eth0", "10.1.2.3" },
		{ "10.1.2.3", "[" V6_LONG "]:65535" V6_LONG, "10.1.2.3" },
		/* a Unix socket */
		{ "", "203.0.113.5", "" },
		{ "unix:", "203.0.113.5", "" },
	};
	char out[INET6_ADDRSTRLEN];

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		client_address(
		    out, trusted, 3, table[i].remote, table[i].forwarded);
		if (strcmp(out, table[i].client) != 0)
			fail_msg("%s, %s: %s", table[i].remote,
			    table[i].forwarded, out);
		client_address(
		    out, NULL, 0, table[i].remote, table[i].forwarded);
		assert_true(strcmp(out, table[i].client) == 0 ||
			    strcmp(out, table[i].remote) == 0 ||
			    strncmp(table[i].remote, "::ffff:", 7) == 0);
	}
}

static void
networks_are_addresses_with_a_length(void **state)
{
	static const struct {
		const char *text;
		bool valid;
	} table[] = {
		{ "10.0.0.0/8", true },
		{ "0.0.0.0/0", true },
		{ "192.0.2.1", true },
		{ "192.0.2.1/32", true },
		{ "::1", true },
		{ "::/0", true },
		{ "fd00::/8", true },
		{ V6_LONG "/128", true },
		{ "", false },
		{ "/8", false },
		{ "10.0.0.0/", false },
		{ "10.0.0.0/33", false },
		{ "10.0.0.0/-1", false },
		{ "10.0.0.0/+8", false },
		{ "10.0.0.0/ 8", false },
		{ "10.0.0.0/8x", false },
		{ "10.0.0.0/0008", false },
		{ "10.0.0/8", false },
		{ "10.0.0.0/255.0.0.0", false },
		{ "fd00::/129", false },
		{ "localhost", false },
		{ V6_LONG V6_LONG, false },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		if (client_address_network_valid(table[i].text) !=
		    table[i].valid)
			fail_msg("%s", table[i].text);
	}
}

/* Each length of a prefix, on both sides of its last bit. */
static void
a_network_ends_where_it_says(void **state)
{
	char out[INET6_ADDRSTRLEN], net[32], *trusted[] = { net };
	char inside[32], outside[32];

	for (unsigned bits = 1; bits <= 32; bits++) {
		uint32_t bit = UINT32_C(1) << (32 - bits);
		uint32_t a = 0xc0a80000 | bit, b = a ^ bit;

		snprintf(net, sizeof(net), "%u.%u.%u.%u/%u", a >> 24,
		    a >> 16 & 255, a >> 8 & 255, a & 255, bits);
		snprintf(inside, sizeof(inside), "%u.%u.%u.%u", a >> 24,
		    a >> 16 & 255, a >> 8 & 255, a & 255);
		snprintf(outside, sizeof(outside), "%u.%u.%u.%u", b >> 24,
		    b >> 16 & 255, b >> 8 & 255, b & 255);
		client_address(out, trusted, 1, inside, "1.2.3.4");
		assert_string_equal(out, "1.2.3.4");
		client_address(out, trusted, 1, outside, "1.2.3.4");
		assert_string_equal(out, outside);
	}
}

static void
what_one_browser_can_have_is_one_address(void **state)
{
	static const struct {
		const char *first, *second;
		bool same;
	} pairs[] = {
		{ "192.0.2.1", "192.0.2.1", true },
		{ "192.0.2.1", "192.0.2.2", false },
		{ "2001:db8::1", "2001:db8::ffff:2:3:4", true },
		{ "2001:db8::1", "2001:db8:0:1::1", false },
		{ "192.0.2.1", "::ffff:192.0.2.1", true },
		{ "192.0.2.1", "192.0.2.10", false },
		{ "0.0.0.0", "", false },
		{ "::", "", false },
		{ "", "unix:", true },
	};

	for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
		struct client_key a = client_key(pairs[i].first);
		struct client_key b = client_key(pairs[i].second);

		assert_int_equal(memcmp(&a, &b, sizeof(a)) == 0, pairs[i].same);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_trusted_proxies_are_believed),
		cmocka_unit_test(networks_are_addresses_with_a_length),
		cmocka_unit_test(a_network_ends_where_it_says),
		cmocka_unit_test(what_one_browser_can_have_is_one_address),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
