/*
 * test_topic_params.c - the topics that a request names; the same for GET and
 * POST, whose own rules are in test_stream.py and test_publish_request.c.
 */
#include "unit.h"

#include "feed/topic.h"
#include "http/topic_params.h"

static void
the_path_below_the_base_is_a_topic(void **state)
{
	static const struct {
		struct topic_path path;
		const char *topic;
	} table[] = {
		{ { "/events/a/b?topic=c", "", "" }, "a/b" },
		{ { "/events/a%2Fb", "", "" }, "a/b" },
		{ { "/events/a%20b", "/events", "/a b" }, "a b" },
		{ { "/events", "", "" }, "" },
		{ { "/events/", "", "" }, "" },
		{ { "/events/a/", "", "" }, "a/" },
		{ { "/cgi-bin/x/a%2fb", "/cgi-bin/x", "/a/b" }, "a/b" },
		{ { "/cgi-bin/x/a", "/cgi-bin/x", "" }, "a" },
		{ { "/rewritten", "/cgi-bin/x", "/a/b" }, "a/b" },
		{ { "/elsewhere", "", "" }, "" },
		{ { "", "", "/a" }, "a" },
	};

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct buf b = BUF_INIT;

		topic_path_add(&b, "/events", &table[i].path);
		buf_addstr(&b, "");
		assert_string_equal(b.data, table[i].topic);
		buf_fini(&b);
	}
}

static void
a_path_is_refused_for_both_methods(void **state)
{
	static const char *const bad[] = { "a/", "/a", "a//b", "-/status",
		"a\n", "a*b", "\xff" };

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		assert_non_null(topic_path_wrong(bad[i], strlen(bad[i]), true));
		assert_non_null(
		    topic_path_wrong(bad[i], strlen(bad[i]), false));
	}
	assert_null(topic_path_wrong("a/b", 3, true));
	assert_null(topic_path_wrong("a/b", 3, false));
	assert_null(topic_path_wrong("a/*", 3, true));
	assert_non_null(topic_path_wrong("a/*", 3, false));
}

static void
the_query_names_topics(void **state)
{
	static const struct {
		const char *query, *topics; /* each followed by a blank */
		bool hint;
	} table[] = {
		{ "", "", false },
		{ "topic=a&x=y&topic=b", "a b ", false },
		{ "topic[]=a&topic%5b%5D=b", "a b ", false },
		{ "topic[0]=a&topic[1]=b&topic=c&topic[10]=d", "a b c d ",
		    false },
		{ "topic=a%20b/", "a b/ ", false },
		{ "topic=", " ", false },
		{ "topic[=a&topic]=a&topic[a]=a&topic[][]=a&topi=a&Topic=a", "",
		    false },
		{ "topic%00=a&topic[]%00=a&topic[%00]=a", "", false },
		{ "topics=a,b", "", true },
		{ "topics[]=a", "", true },
		{ "topics[0]=a", "", true },
		{ "topicsx=a", "", false },
	};

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		const struct param *p = NULL;
		struct buf b = BUF_INIT;
		struct query q;

		query_init(&q);
		assert_int_equal(query_parse(&q, table[i].query,
				     strlen(table[i].query)),
		    PARAMS_OK);
		while ((p = topic_param_next(&q, p)) != NULL)
			buf_addf(&b, "%s ", p->value);
		buf_addstr(&b, "");
		assert_string_equal(b.data, table[i].topics);
		assert_int_equal(
		    topic_params_hint(&q) != NULL, table[i].hint);
		buf_fini(&b);
		query_fini(&q);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_path_below_the_base_is_a_topic),
		cmocka_unit_test(a_path_is_refused_for_both_methods),
		cmocka_unit_test(the_query_names_topics),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
