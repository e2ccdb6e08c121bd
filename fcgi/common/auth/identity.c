/*
 * identity.c - authentication: the user of a request.
 *
 * Owner:  the threads that verify tokens share the keys by reference count. The
 * last thread frees keys that a newer file has replaced.
 */
#include <sys/stat.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "http/header.h"
#include "auth/identity.h"
#include "base/log.h"
#include "auth/jwt_cache.h"
#include "auth/jwt_keys.h"

#define LOOK_MS 1000 /* interval between two checks of the key file */

struct shared_keys {
	struct jwt_keys *keys;
	unsigned refs;
};

struct identities {
	const struct config *config;
	bool remote_user, jwt;

	pthread_mutex_t mutex; /* guards the members below */
	struct shared_keys *keys;
	struct jwt_cache *good; /* tokens that these keys have verified */
	struct stat seen;       /* state of the key file when it was last read */
	int64_t looked_ms;
};

/* Drops a reference. The caller holds the mutex, or is the only thread. */
static void
unref(struct shared_keys *s)
{
	if (s == NULL || --s->refs > 0)
		return;
	jwt_keys_free(s->keys);
	free(s);
}

static struct shared_keys *
load(const char *path, char *err, size_t size)
{
	struct shared_keys *s = calloc(1, sizeof(*s));

	if (s == NULL) {
		snprintf(err, size, "out of memory");
		return NULL;
	}
	s->refs = 1;
	s->keys = jwt_keys_load(path, err, size);
	if (s->keys != NULL)
		return s;
	free(s);
	return NULL;
}

static bool
same_file(const struct stat *a, const struct stat *b)
{
	return a->st_ino == b->st_ino && a->st_size == b->st_size &&
	       a->st_mode == b->st_mode &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
	       a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

struct identities *
identities_new(const struct config *c)
{
	struct identities *ids = calloc(1, sizeof(*ids));
	char err[512];

	if (ids == NULL)
		log_fatal("could not start: out of memory");
	ids->config = c;
	for (size_t i = 0; i < c->identity.n; i++) {
		if (strcmp(c->identity.item[i], "jwt") == 0)
			ids->jwt = true;
		else
			ids->remote_user = true;
	}
	pthread_mutex_init(&ids->mutex, NULL);
	if (!ids->jwt)
		return ids;
	(void)stat(c->jwt_keys, &ids->seen);
	ids->looked_ms = now_ms();
	ids->keys = load(c->jwt_keys, err, sizeof(err));
	if (ids->keys == NULL)
		log_fatal("jwt_keys: %s", err);
	return ids;
}

void
identities_free(struct identities *ids)
{
	unref(ids->keys);
	jwt_cache_clear(&ids->good);
	pthread_mutex_destroy(&ids->mutex);
	free(ids);
}

bool
identities_take_tokens(const struct identities *ids)
{
	return ids->jwt;
}

/* Reads the key file again if it has changed. The caller holds the mutex. */
static void
look(struct identities *ids)
{
	struct shared_keys *fresh;
	struct stat st;
	char err[512];

	if (now_ms() - ids->looked_ms < LOOK_MS)
		return;
	ids->looked_ms = now_ms();
	if (stat(ids->config->jwt_keys, &st) == -1 ||
	    same_file(&st, &ids->seen))
		return;
	ids->seen = st;
	fresh = load(ids->config->jwt_keys, err, sizeof(err));
	if (fresh == NULL) {
		log_error("jwt_keys: %s; the previous keys stay in use", err);
		return;
	}
	unref(ids->keys);
	ids->keys = fresh;
	jwt_cache_clear(&ids->good);
	log_info("jwt_keys: file has changed, %zu keys read", fresh->keys->n);
}

/*
 * Returns NULL and fills in *content when the cache has the token; otherwise
 * returns the keys to verify it with, with a reference.
 */
static struct shared_keys *
recall(struct identities *ids, const char *token, size_t n, int64_t now,
    struct jwt_content *content)
{
	struct shared_keys *s = NULL;

	pthread_mutex_lock(&ids->mutex);
	look(ids);
	if (!jwt_cache_find(&ids->good, token, n, now, content)) {
		s = ids->keys;
		s->refs++;
	}
	pthread_mutex_unlock(&ids->mutex);
	return s;
}

/* Drops the keys, and caches content unless it is NULL (an invalid token). */
static void
remember(struct identities *ids, const char *token, size_t n,
    struct shared_keys *s, const struct jwt_content *content)
{
	pthread_mutex_lock(&ids->mutex);
	if (content != NULL && s == ids->keys) /* not replaced meanwhile */
		jwt_cache_add(&ids->good, token, n, content);
	unref(s);
	pthread_mutex_unlock(&ids->mutex);
}

/* Returns the token of a request and its length, or NULL. */
static const char *
find_token(const struct config *c, const struct request *r,
    const struct query *query, size_t *n)
{
	const char *auth = request_param_or_empty(r, "HTTP_AUTHORIZATION");
	const char *token = NULL;

	if (strncasecmp(auth, "Bearer ", 7) == 0) {
		token = auth + 7 + strspn(auth + 7, " ");
		*n = strlen(token);
		return token;
	}
	if (*c->jwt_cookie != '\0')
		token = header_cookie(
		    request_param_or_empty(r, "HTTP_COOKIE"), c->jwt_cookie, n);
	if (token == NULL && query != NULL) {
		const struct param *p = query_find(query, "access_token");

		if (p != NULL) {
			token = p->value;
			*n = p->value_len;
		}
	}
	return token;
}

static enum identity_result
judge(struct identities *ids, const char *token, size_t n, struct identity *out,
    const char **why)
{
	const struct config *c = ids->config;
	const struct jwt_rules rules = {
		.issuer = c->jwt_issuer,
		.audience = c->jwt_audience,
		.user = c->jwt_user,
		.leeway = c->jwt_leeway / 1000,
	};
	int64_t now = wall_us() / 1000000;
	struct jwt_content content = { .who = NULL };
	enum jwt_result rc = TOKEN_OK;
	struct shared_keys *s;

	s = recall(ids, token, n, now, &content);
	if (s != NULL) {
		rc = jwt_judge(token, n, s->keys->key, s->keys->n, &rules, now,
		    &content, why);
		remember(ids, token, n, s, rc == TOKEN_OK ? &content : NULL);
	}
	if (rc == TOKEN_NO_MEMORY)
		return IDENTITY_NO_MEMORY;
	if (rc == TOKEN_REFUSED)
		return IDENTITY_REFUSED;
	out->who = content.who;
	out->claims = content.claims;
	out->expires = content.expires;
	return IDENTITY_OK;
}

/* Compares without case, as RFC 3875 section 4.1.1 says. */
static bool
auth_type_counts(const struct config_list *types, const char *type)
{
	for (size_t i = 0; i < types->n; i++) {
		if (strcasecmp(types->item[i], type) == 0)
			return true;
	}
	return types->n == 0;
}

enum identity_result
identity_find(struct identities *ids, const struct request *r,
    const struct query *query, struct identity *out, const char **why)
{
	const char *user = request_param_or_empty(r, "REMOTE_USER");
	const char *token;
	size_t n;

	memset(out, 0, sizeof(*out));
	*why = NULL;
	if (ids->remote_user && *user != '\0' &&
	    auth_type_counts(&ids->config->auth_types,
		request_param_or_empty(r, "AUTH_TYPE"))) {
		*why = "the user's name is not one that can be used here";
		if (!jwt_user_valid(user, strlen(user)))
			return IDENTITY_REFUSED;
		out->who = strdup(user);
	} else if (ids->jwt) {
		token = find_token(ids->config, r, query, &n);
		if (token != NULL)
			return judge(ids, token, n, out, why);
	}
	out->claims = strdup("{}");
	if (out->claims != NULL && (out->who != NULL || *why == NULL))
		return IDENTITY_OK;
	identity_fini(out);
	return IDENTITY_NO_MEMORY;
}

void
identity_fini(struct identity *id)
{
	free(id->who);
	free(id->claims);
	memset(id, 0, sizeof(*id));
}
