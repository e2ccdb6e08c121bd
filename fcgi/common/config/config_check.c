/*
 * config_check.c - what is wrong with values that are well-formed.
 *
 * Each check returns the field that is wrong, after saying why in err, or NULL.
 */
#include <string.h>

#include "base/client_address.h"
#include "config/config.h"

static const void *
check_paths_and_numbers(const struct config *c, char *err, size_t size)
{
	size_t n = strlen(c->base_path);

	if (c->retry_min > c->retry_max) {
		snprintf(err, size, "retry_min is greater than retry_max");
		return &c->retry_min;
	}
	if (c->base_path[0] != '/' || (n > 1 && c->base_path[n - 1] == '/')) {
		snprintf(err, size,
		    "base_path must begin with / and not end with one");
		return &c->base_path;
	}
	if (c->payload_limit > c->body_limit) {
		snprintf(err, size, "payload_limit is greater than body_limit");
		return &c->payload_limit;
	}
	return NULL;
}

static const void *
check_identity(const struct config *c, char *err, size_t size)
{
	for (size_t i = 0; i < c->identity.n; i++) {
		const char *kind = c->identity.item[i];

		if (strcmp(kind, "jwt") == 0 && *c->jwt_keys == '\0') {
			snprintf(err, size,
			    "identity has jwt, which needs jwt_keys");
			return &c->identity;
		}
		if (strcmp(kind, "jwt") != 0 &&
		    strcmp(kind, "remote_user") != 0) {
			snprintf(err, size,
			    "identity is remote_user, jwt, both or nothing");
			return &c->identity;
		}
	}
	if (*c->jwt_user == '\0') {
		snprintf(err, size, "jwt_user must name a claim");
		return &c->jwt_user;
	}
	return NULL;
}

static const void *
check_cookies(const struct config *c, char *err, size_t size)
{
	static const char ends[] = "=,; \t\"";

	if (strpbrk(c->jwt_cookie, ends) != NULL) {
		snprintf(err, size, "jwt_cookie is not a cookie's name");
		return &c->jwt_cookie;
	}
	if (strpbrk(c->form_token, ends) != NULL) {
		snprintf(err, size, "form_token is not a cookie's name");
		return &c->form_token;
	}
	return NULL;
}

/* "null" is the origin of anybody's sandboxed page, and "*" everybody's. */
static bool
is_origin(const char *s)
{
	const char *host = strstr(s, "://");

	return host != NULL && host[3] != '\0' &&
	       strpbrk(host + 3, "/*") == NULL;
}

static const void *
check_others(const struct config *c, char *err, size_t size)
{
	for (size_t i = 0; i < c->origins.n; i++) {
		if (is_origin(c->origins.item[i]))
			continue;
		snprintf(err, size,
		    "\"%s\" is not an origin such as https://www.example.org",
		    c->origins.item[i]);
		return &c->origins;
	}
	for (size_t i = 0; i < c->trusted_proxies.n; i++) {
		if (client_address_network_valid(c->trusted_proxies.item[i]))
			continue;
		snprintf(err, size,
		    "\"%s\" is not an address or a network such as 10.0.0.0/8",
		    c->trusted_proxies.item[i]);
		return &c->trusted_proxies;
	}
	return NULL;
}

static const void *
check_log(const struct config *c, char *err, size_t size)
{
	if (strcmp(c->log, "stderr") != 0 && strcmp(c->log, "syslog") != 0) {
		snprintf(err, size, "log must be stderr or syslog");
		return &c->log;
	}
	if (strcmp(c->log_level, "error") != 0 &&
	    strcmp(c->log_level, "warning") != 0 &&
	    strcmp(c->log_level, "info") != 0 &&
	    strcmp(c->log_level, "debug") != 0) {
		snprintf(err, size,
		    "log_level must be error, warning, info or debug");
		return &c->log_level;
	}
	return NULL;
}

const void *
config_check(const struct config *c, char *err, size_t size)
{
	const void *field = check_paths_and_numbers(c, err, size);

	if (field == NULL)
		field = check_identity(c, err, size);
	if (field == NULL)
		field = check_cookies(c, err, size);
	if (field == NULL)
		field = check_others(c, err, size);
	if (field == NULL)
		field = check_log(c, err, size);
	return field;
}
