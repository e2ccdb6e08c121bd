/*
 * test_query.c - query strings, repeated names, paths.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "http/query.h"

/* What a query string becomes, written back as name=value; pairs. */
static void
test_parse(void **state)
{
	static const struct {
		const char *in, *out;
	} table[] = {
		{ "", "" },
		{ "&", "" },
		{ "&&&", "" },
		{ "a=b", "a=b;" },
		{ "a=b&c=d", "a=b;c=d;" },
		{ "&a=b&&c=d&", "a=b;c=d;" },
		{ "a", "a=;" },
		{ "a=", "a=;" },
		{ "=b", "=b;" },
		{ "=", "=;" },
		{ "a=b=c", "a=b=c;" },
		{ "a=1&a=2&a=3", "a=1;a=2;a=3;" },
		{ "a+b=c+d", "a b=c d;" },
		{ "a%20b=%63%2B", "a b=c+;" },
		{ "a%3Db=c%26d", "a=b=c&d;" },
		{ "%e2%82%ac=%F0%9F%98%80", "\u20ac=\U0001F600;" },
		/* no escape at all: stands for itself */
		{ "a=%", "a=%;" },
		{ "a=%4", "a=%4;" },
		{ "a=%zz%41", "a=%zzA;" },
		{ "a=%4g", "a=%4g;" },
		{ "%=%%41", "%=%A;" },
		/* an escape does not reach over the end of its piece */
		{ "a%4&1=b", "a%4=;1=b;" },
		{ "a%4=1", "a%4=1;" },
	};

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct buf out = BUF_INIT;
		struct query p;

		query_init(&p);
		assert_int_equal(
		    query_parse(&p, table[i].in, strlen(table[i].in)),
		    PARAMS_OK);
		buf_addstr(&out, "");
		for (size_t k = 0; k < p.n; k++)
			buf_addf(
			    &out, "%s=%s;", p.item[k].name, p.item[k].value);
		assert_string_equal(out.data, table[i].out);
		query_fini(&p);
		buf_fini(&out);
	}
}

static void
test_bytes_of_any_kind(void **state)
{
	const struct param *a;
	struct query p;

	query_init(&p);
	assert_int_equal(query_parse(&p, "a=x%00y%ff\0z&%00=1", 18), PARAMS_OK);
	assert_int_equal(p.n, 2);
	a = query_find(&p, "a");
	assert_non_null(a);
	assert_int_equal(a->value_len, 6);
	assert_memory_equal(a->value, "x\0y\xff\0z", 7);
	assert_int_equal(p.item[1].name_len, 1);
	assert_null(query_find(&p, ""));
	query_fini(&p);
}

static void
test_repeated_names_keep_their_order(void **state)
{
	const struct param *i;
	struct query p;

	query_init(&p);
	assert_int_equal(
	    query_parse(&p, "t=1&x=9&t=2&tt=8&t=3", 20), PARAMS_OK);
	assert_string_equal(query_get(&p, "t"), "1");
	assert_string_equal(query_get(&p, "x"), "9");
	assert_null(query_get(&p, "y"));
	i = query_find(&p, "t");
	i = query_next(&p, i);
	assert_string_equal(i->value, "2");
	i = query_next(&p, i);
	assert_string_equal(i->value, "3");
	assert_null(query_next(&p, i));
	query_fini(&p);
}

static void
test_there_is_a_limit(void **state)
{
	char many[2 * (PARAMS_MAX + 1)];
	struct query p;

	for (size_t i = 0; i < sizeof(many); i += 2)
		memcpy(many + i, "a&", 2);
	query_init(&p);
	assert_int_equal(query_parse(&p, many, sizeof(many) - 2), PARAMS_OK);
	assert_int_equal(p.n, PARAMS_MAX);
	query_fini(&p);
	assert_int_equal(query_parse(&p, many, sizeof(many)), PARAMS_TOO_MANY);
	assert_int_equal(p.n, PARAMS_MAX);
	query_fini(&p);
}

static void
test_path_below(void **state)
{
	static const struct {
		const char *uri, *base, *out; /* NULL: not below */
	} table[] = {
		{ "/events", "/events", "" },
		{ "/events/", "/events", "" },
		{ "/events?topic=a", "/events", "" },
		{ "/events/a", "/events", "a" },
		{ "/events/a/b", "/events", "a/b" },
		{ "/events/a?b/c", "/events", "a" },
		{ "/events/a%20b%2Fc", "/events", "a b/c" },
		{ "/events/a+b", "/events", "a+b" },
		{ "/%65vents/a", "/events", "a" },
		{ "/events//a", "/events", "/a" },
		{ "/events/%", "/events", "%" },
		{ "/events2", "/events", NULL },
		{ "/event", "/events", NULL },
		{ "/", "/events", NULL },
		{ "", "/events", NULL },
		{ "*", "/events", NULL },
		/* nothing behind the end is looked at */
		{ "http://\0/events/a", "/events", NULL },
		{ "https://\0/events/a", "/events", NULL },
		{ "/a", "/", "a" },
		{ "/", "/", "" },
		{ "//a", "/", "/a" },
		{ "http://h/events/a?x", "/events", "a" },
		{ "https://h:8/events/a", "/events", "a" },
		{ "http://h", "/events", NULL },
	};

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct buf b = BUF_INIT;

		buf_addstr(&b, "");
		assert_int_equal(path_below(&b, table[i].uri, table[i].base),
		    table[i].out != NULL);
		assert_string_equal(
		    b.data, table[i].out != NULL ? table[i].out : "");
		buf_fini(&b);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_bytes_of_any_kind),
		cmocka_unit_test(test_repeated_names_keep_their_order),
		cmocka_unit_test(test_there_is_a_limit),
		cmocka_unit_test(test_path_below),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
