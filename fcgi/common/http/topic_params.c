/*
 * topic_params.c - the topics of a request, from its path and its query.
 */
#include <string.h>

#include "feed/topic.h"
#include "http/topic_params.h"

void
topic_path_add(struct buf *b, const char *base_path, const struct topic_path *p)
{
	if (path_below(b, p->uri, base_path) ||
	    (*p->script_name != '\0' && path_below(b, p->uri, p->script_name)))
		return;
	buf_addstr(b, *p->path_info == '/' ? p->path_info + 1 : p->path_info);
}

const char *
topic_path_wrong(const char *s, size_t n, bool pattern)
{
	if (pattern ? !topic_pattern_valid(s, n) : !topic_valid(s, n))
		return TOPIC_RULE;
	if (!topic_fits_path(s, n))
		return "a path has no empty segment and no slash at its end: name such a topic in the query, ?topic=";
	return NULL;
}

/* Returns whether the pair's name is word, word[] or word[N]. */
static bool
is_named(const struct param *p, const char *word)
{
	size_t n = strlen(word), digits;

	if (p->name_len < n || memcmp(p->name, word, n) != 0)
		return false;
	if (p->name_len == n)
		return true;
	digits = strspn(p->name + n + 1, "0123456789");
	return p->name[n] == '[' && p->name_len == n + digits + 2 &&
	       p->name[n + 1 + digits] == ']';
}

static const struct param *
find_named(const struct query *q, const struct param *after, const char *word)
{
	size_t i = after != NULL ? (size_t)(after - q->item) + 1 : 0;

	for (; i < q->n; i++) {
		if (is_named(&q->item[i], word))
			return &q->item[i];
	}
	return NULL;
}

const struct param *
topic_param_next(const struct query *q, const struct param *after)
{
	return find_named(q, after, "topic");
}

const char *
topic_params_hint(const struct query *q)
{
	return find_named(q, NULL, "topics") != NULL
		   ? "topics= is no parameter of pgfeed: name each topic by itself, ?topic=a&topic=b"
		   : NULL;
}
