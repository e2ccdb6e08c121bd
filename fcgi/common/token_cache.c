/*
 * token_cache.c - what tokens said that have been found good.
 *
 * Always: the table is in the order of last use, the oldest first.
 */
#include <stdlib.h>
#include <string.h>

#include "hash.h"
#include "token_cache.h"

struct token_cache {
	char *token;
	struct token_content content;
	UT_hash_handle hh;
};

static void
forget(struct token_cache **table, struct token_cache *c)
{
	HASH_DEL(*table, c);
	free(c->token);
	free(c->content.who);
	free(c->content.claims);
	free(c);
}

void
token_cache_clear(struct token_cache **table)
{
	while (*table != NULL)
		forget(table, *table);
}

/* False, and nothing to free, without memory. */
static bool
copy(struct token_content *to, const struct token_content *from)
{
	to->who = strdup(from->who);
	to->claims = strdup(from->claims);
	to->expires = from->expires;
	if (to->who != NULL && to->claims != NULL)
		return true;
	free(to->who);
	free(to->claims);
	return false;
}

bool
token_cache_find(struct token_cache **table, const char *token, size_t n,
    int64_t now, int64_t leeway, struct token_content *out)
{
	struct token_cache *c;

	HASH_FIND(hh, *table, token, n, c);
	if (c == NULL)
		return false;
	if (c->content.expires + leeway <= now) {
		forget(table, c);
		return false;
	}
	HASH_DEL(*table, c);
	HASH_ADD_KEYPTR(hh, *table, c->token, n, c);
	return copy(out, &c->content);
}

void
token_cache_add(struct token_cache **table, const char *token, size_t n,
    const struct token_content *content)
{
	struct token_cache *c;

	HASH_FIND(hh, *table, token, n, c);
	if (c != NULL) /* another thread was faster */
		return;
	c = calloc(1, sizeof(*c));
	if (c == NULL)
		return;
	c->token = strndup(token, n);
	if (c->token == NULL || !copy(&c->content, content)) {
		free(c->token);
		free(c);
		return;
	}
	if (HASH_COUNT(*table) == TOKEN_CACHE_MAX)
		forget(table, *table);
	HASH_ADD_KEYPTR(hh, *table, c->token, n, c);
}
