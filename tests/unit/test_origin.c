/*
 * test_origin.c - which pages may post, and where a redirect may lead.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "http/origin.h"

static void
origins_are_classified(void **state)
{
	static char listed[] = "https://app.example";
	char *list[] = { listed };
	struct config c = { .origins = { list, 1 } };
	static const struct {
		const char *host, *origin, *site, *referer;
		enum origin_result result;
	} table[] = {
		/* no browser, or one that says nothing */
		{ "a.example", "", "", "", ORIGIN_SAME },
		{ "", "", "", "", ORIGIN_SAME },
		/* Sec-Fetch-Site decides */
		{ "a.example", "", "same-origin", "", ORIGIN_SAME },
		{ "a.example", "", "none", "", ORIGIN_SAME },
		{ "a.example", "", "same-site", "", ORIGIN_FOREIGN },
		{ "a.example", "", "cross-site", "", ORIGIN_FOREIGN },
		{ "a.example", "", "nonsense", "", ORIGIN_FOREIGN },
		{ "a.example", "null", "same-origin", "", ORIGIN_SAME },
		{ "a.example", "http://a.example", "cross-site", "",
		    ORIGIN_FOREIGN },
		/* a proxy that hides the host */
		{ "10.0.0.1", "https://a.example", "same-origin", "",
		    ORIGIN_SAME },
		/* Origin against Host */
		{ "a.example", "http://a.example", "", "", ORIGIN_SAME },
		{ "a.example", "https://a.example", "", "", ORIGIN_SAME },
		{ "A.Example", "http://a.example", "", "", ORIGIN_SAME },
		{ "a.example:80", "http://a.example", "", "", ORIGIN_SAME },
		{ "a.example", "http://a.example:80", "", "", ORIGIN_SAME },
		{ "a.example:443", "https://a.example", "", "", ORIGIN_SAME },
		{ "a.example:8080", "http://a.example:8080", "", "",
		    ORIGIN_SAME },
		{ "[::1]:8080", "http://[::1]:8080", "", "", ORIGIN_SAME },
		{ "a.example:8080", "http://a.example", "", "",
		    ORIGIN_FOREIGN },
		{ "a.example", "http://a.example:8080", "", "",
		    ORIGIN_FOREIGN },
		{ "a.example:443", "http://a.example", "", "", ORIGIN_FOREIGN },
		{ "a.example", "http://b.example", "", "", ORIGIN_FOREIGN },
		{ "a.example", "http://a.example.evil", "", "",
		    ORIGIN_FOREIGN },
		{ "a.example", "http://evil-a.example", "", "",
		    ORIGIN_FOREIGN },
		{ "a.example", "http://a.example@evil", "", "",
		    ORIGIN_FOREIGN },
		{ "a.example", "http://a.example/", "", "", ORIGIN_FOREIGN },
		{ "a.example", "null", "", "", ORIGIN_FOREIGN },
		{ "a.example", "file://", "", "", ORIGIN_FOREIGN },
		{ "a.example", "a.example", "", "", ORIGIN_FOREIGN },
		{ "", "http://", "", "", ORIGIN_FOREIGN },
		{ "", "http://a.example", "", "", ORIGIN_FOREIGN },
		/* the list: exactly */
		{ "a.example", "https://app.example", "", "", ORIGIN_ALLOWED },
		{ "a.example", "https://app.example", "cross-site", "",
		    ORIGIN_ALLOWED },
		{ "a.example", "http://app.example", "cross-site", "",
		    ORIGIN_FOREIGN },
		{ "a.example", "https://app.example.evil", "", "",
		    ORIGIN_FOREIGN },
		{ "a.example", "https://app.exampl", "", "", ORIGIN_FOREIGN },
		/* Referer, when there is nothing better */
		{ "a.example", "", "", "http://a.example/page?x", ORIGIN_SAME },
		{ "a.example", "", "", "http://b.example/http://a.example/",
		    ORIGIN_FOREIGN },
		{ "a.example", "", "", "nonsense", ORIGIN_FOREIGN },
		{ "a.example", "http://a.example", "", "http://b.example/",
		    ORIGIN_SAME },
	};

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		const struct origin_source src = {
			.host = table[i].host,
			.origin = table[i].origin,
			.fetch_site = table[i].site,
			.referer = table[i].referer,
		};

		if (origin_check(&c, &src) != table[i].result)
			fail_msg("case %zu: host %s origin %s site %s "
				 "referer %s",
			    i, table[i].host, table[i].origin, table[i].site,
			    table[i].referer);
	}
}

/* A page on plain HTTP is not ours when the server itself speaks TLS. */
static void
test_http_is_foreign_to_https(void **state)
{
	struct config c = { .origins = { NULL, 0 } };
	struct origin_source src = { .host = "a.example",
		.https = true,
		.origin = "http://a.example",
		.fetch_site = "",
		.referer = "" };

	assert_int_equal(origin_check(&c, &src), ORIGIN_FOREIGN);
	src.origin = "https://a.example";
	assert_int_equal(origin_check(&c, &src), ORIGIN_SAME);
}

static void
test_redirect(void **state)
{
	static const struct origin_source src = { .host = "a.example:8080" };
	static const struct {
		const char *next, *out; /* NULL: no */
	} table[] = {
		{ "/", "/" },
		{ "/a/b?c=d&e#f", "/a/b?c=d&e#f" },
		{ "/a//b", "/a//b" },
		{ "/..//b", "/..//b" },
		{ "/a%0d%0ab", "/a%0d%0ab" },
		{ "/a b\"<>^`{|}", "/a%20b%22%3C%3E%5E%60%7B%7C%7D" },
		{ "/\u20ac", "/%E2%82%AC" },
		{ "http://a.example:8080/x?y", "/x?y" },
		{ "https://A.EXAMPLE:8080/x", "/x" },
		{ "HTTP://a.example:8080", "/" },
		{ "", NULL },
		{ "a", NULL },
		{ "?a", NULL },
		{ "//evil.example", NULL },
		{ "///evil.example", NULL },
		{ "/\\evil.example", NULL },
		{ "\\\\evil.example", NULL },
		{ "/\t/evil.example", NULL },
		{ "/a\r\nSet-Cookie: x=1", NULL },
		{ "/a\nb", NULL },
		{ "/\x7f", NULL },
		{ " /a", NULL },
		{ "http://evil.example/", NULL },
		{ "http://a.example:8080//evil.example", NULL },
		{ "http://a.example:8080\\evil.example", NULL },
		{ "http://a.example:8080@evil.example/", NULL },
		{ "http://a.example:8080?x", NULL },
		{ "http://a.example/", NULL },
		{ "http://a.example:80801/", NULL },
		{ "http:/x", NULL },
		{ "http://", NULL },
		{ "http:///x", NULL },
		{ "javascript:alert(1)", NULL },
		{ "data:text/html,x", NULL },
		{ "ftp://a.example:8080/", NULL },
	};

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct buf b = BUF_INIT;

		buf_addstr(&b, "<");
		if (origin_redirect(&b, &src, table[i].next,
			strlen(table[i].next)) != (table[i].out != NULL))
			fail_msg("%s", table[i].next);
		assert_string_equal(
		    b.data + 1, table[i].out != NULL ? table[i].out : "");
		buf_fini(&b);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(origins_are_classified),
		cmocka_unit_test(test_http_is_foreign_to_https),
		cmocka_unit_test(test_redirect),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
