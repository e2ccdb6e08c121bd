/*
 * jwt_cache.c - LRU cache of verified tokens.
 *
 * Always: the table is in the order of last use, the oldest first.
 */
#include <stdlib.h>
#include <string.h>

#include "base/siphash.h"
#include "auth/jwt_cache.h"

struct jwt_cache {
	char *token;
	struct jwt_content content;
	UT_hash_handle hh;
};

static void
forget(struct jwt_cache **table, struct jwt_cache *c)
{
	HASH_DEL(*table, c);
	free(c->token);
	free(c->content.who);
	free(c->content.claims);
	free(c);
}

void
jwt_cache_clear(struct jwt_cache **table)
{
	while (*table != NULL)
		forget(table, *table);
}

/* False, and nothing to free, without memory. */
static bool
copy(struct jwt_content *to, const struct jwt_content *from)
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
jwt_cache_find(struct jwt_cache **table, const char *token, size_t n,
    int64_t now, struct jwt_content *out)
{
	struct jwt_cache *c;

	HASH_FIND(hh, *table, token, n, c);
	if (c == NULL)
		return false;
	if (c->content.expires <= now) {
		forget(table, c);
		return false;
	}
	HASH_DEL(*table, c);
	HASH_ADD_KEYPTR(hh, *table, c->token, n, c);
	return copy(out, &c->content);
}

void
jwt_cache_add(struct jwt_cache **table, const char *token, size_t n,
    const struct jwt_content *content)
{
	struct jwt_cache *c;

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
