/*
 * config.h - the settings of all programs: defaults, then the file, then the
 * environment (option heartbeat is overridden by PGFEED_HEARTBEAT).
 *
 * conf/pgfeed.conf names every option with its default and one sentence;
 * tests/unit/options.sh notices when one is missing there or in the manual.
 */
#ifndef PGFEED_CONFIG_H
#define PGFEED_CONFIG_H

#include <stdio.h>

#include "base/util.h"

struct config_list {
	char **item; /* words, split at blanks and commas */
	size_t n;
};

/* Times are milliseconds and sizes bytes here, whatever the file says. */
struct config {
	/* database */
	char *database;
	char *stream_database;
	char *post_database;
	struct config_list listen;

	/* process and sockets */
	char *user;
	char *stream_socket;
	char *post_socket;
	int64_t socket_mode;
	char *socket_group;
	struct config_list peer_users;
	char *base_path;

	/* streams */
	int64_t heartbeat;
	int64_t retry_min;
	int64_t retry_max;
	int64_t max_age;
	int64_t max_streams;
	int64_t max_streams_per_address;
	int64_t max_streams_per_user;
	int64_t max_topics;
	int64_t ring_size;
	int64_t lag_limit;
	int64_t lag_size;
	int64_t replay_limit;
	int64_t poll_wait;

	/* publishing */
	int64_t post_threads;
	int64_t payload_limit;
	int64_t body_limit;
	int64_t max_fields;
	int64_t head_limit;
	int64_t request_timeout;
	struct config_list origins;
	int64_t key_age;

	/* identity and access */
	struct config_list identity;
	struct config_list auth_types;
	char *jwt_keys;
	char *jwt_issuer;
	char *jwt_audience;
	int64_t jwt_leeway;
	char *jwt_cookie;
	char *jwt_user;
	struct config_list trusted_proxies;
	int64_t access_age;
	char *form_token;
	int64_t post_rate_per_address;
	int64_t post_rate_per_user;
	int64_t post_burst;

	/* history */
	int64_t retention;

	/* plain CGI */
	int64_t cgi_streams;
	char *cgi_log;

	/* log */
	char *log;
	char *log_level;
};

/*
 * Fills c from the defaults, the file and the environment. path NULL means
 * $PGFEED_CONF, else SYSCONFDIR/pgfeed/pgfeed.conf if there is one. Returns
 * 0; or -1 with "file:line: what is wrong" in err, and c is empty then.
 */
int config_load(
    struct config *c, const char *path, char *err, size_t size) MUSTCHECK;

/*
 * What the types of options don't say, and what can only be judged together.
 * Returns the field that is wrong, with the reason in err, or NULL.
 * config_load() has asked it.
 */
const void *config_check(const struct config *, char *err, size_t size);

void config_free(struct config *);

/* Prints every option as the file would have it. */
void config_print(const struct config *, FILE *);

/* The connection string for a program's own option, else for all. */
const char *config_database(const struct config *, const char *own);

/* Applies log and log_level for the program called name. */
void config_open_log(const struct config *, const char *name);

#endif
