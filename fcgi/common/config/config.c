/*
 * config.c - one table of options, read by everything that deals with them.
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/config.h"
#include "base/log.h"

enum option_type {
	OPT_STRING,
	OPT_LIST,
	OPT_INT,
	OPT_OCTAL,
	OPT_TIME, /* 500ms 15s 10min 24h 30d; a bare number is seconds */
	OPT_SIZE, /* 64kB 32MB 1GB, powers of 1024; a bare number is bytes */
};

struct option {
	const char *name;
	enum option_type type;
	size_t offset;
	const char *dflt;
	int64_t min, max;
};

#define OPTION(name, type, dflt, min, max)                                 \
	{                                                                  \
#name, type, offsetof(struct config, name), dflt, min, max \
	}
#define SECOND INT64_C(1000)
#define HOUR   (3600 * SECOND)
#define DAY    (24 * HOUR)
#define KB     INT64_C(1024)
#define MB     (1024 * KB)

#define LINE_MAX_BYTES 4096

static const struct option options[] = {
	OPTION(database, OPT_STRING, "", 0, 0),
	OPTION(stream_database, OPT_STRING, "", 0, 0),
	OPTION(post_database, OPT_STRING, "", 0, 0),
	OPTION(listen, OPT_LIST, "", 0, 0),

	OPTION(user, OPT_STRING, "", 0, 0),
	OPTION(stream_socket, OPT_STRING, "/run/pgfeed/stream.sock", 0, 0),
	OPTION(post_socket, OPT_STRING, "/run/pgfeed/post.sock", 0, 0),
	OPTION(socket_mode, OPT_OCTAL, "0660", 0, 0777),
	OPTION(socket_group, OPT_STRING, "", 0, 0),
	OPTION(peer_users, OPT_LIST, "root www-data", 0, 0),
	OPTION(base_path, OPT_STRING, "/events", 0, 0),

	OPTION(heartbeat, OPT_TIME, "15s", 100, HOUR),
	OPTION(retry_min, OPT_TIME, "2s", 0, HOUR),
	OPTION(retry_max, OPT_TIME, "5s", 0, HOUR),
	OPTION(max_age, OPT_TIME, "10min", 0, 30 * DAY),
	OPTION(max_streams, OPT_INT, "10000", 1, 1000000),
	OPTION(max_streams_per_address, OPT_INT, "0", 0, 1000000),
	OPTION(max_streams_per_user, OPT_INT, "0", 0, 1000000),
	OPTION(max_topics, OPT_INT, "32", 1, 1024),
	OPTION(ring_size, OPT_SIZE, "32MB", MB, 1024 * 1024 * MB),
	OPTION(lag_limit, OPT_TIME, "30s", 100, HOUR),
	OPTION(lag_size, OPT_SIZE, "0", 0, 1024 * 1024 * MB),
	OPTION(replay_limit, OPT_INT, "0", 0, INT64_C(1) << 40),
	OPTION(poll_wait, OPT_TIME, "25s", 0, HOUR),

	OPTION(post_threads, OPT_INT, "64", 1, 1024),
	OPTION(payload_limit, OPT_SIZE, "64kB", 1, MB),
	OPTION(body_limit, OPT_SIZE, "1MB", KB, 64 * MB),
	OPTION(max_fields, OPT_INT, "1024", 16, 1024),
	OPTION(head_limit, OPT_SIZE, "64kB", 4 * KB, 64 * KB),
	OPTION(request_timeout, OPT_TIME, "30s", 100, HOUR),
	OPTION(origins, OPT_LIST, "", 0, 0),
	OPTION(key_age, OPT_TIME, "24h", SECOND, 365 * DAY),

	OPTION(identity, OPT_LIST, "remote_user", 0, 0),
	OPTION(auth_types, OPT_LIST, "", 0, 0),
	OPTION(jwt_keys, OPT_STRING, "", 0, 0),
	OPTION(jwt_issuer, OPT_STRING, "", 0, 0),
	OPTION(jwt_audience, OPT_STRING, "", 0, 0),
	OPTION(jwt_leeway, OPT_TIME, "30s", 0, HOUR),
	OPTION(jwt_cookie, OPT_STRING, "", 0, 0),
	OPTION(jwt_user, OPT_STRING, "sub", 0, 0),
	OPTION(trusted_proxies, OPT_LIST, "", 0, 0),
	OPTION(access_age, OPT_TIME, "1min", 100, DAY),
	OPTION(form_token, OPT_STRING, "", 0, 0),
	OPTION(post_rate_per_address, OPT_INT, "0", 0, 1000000),
	OPTION(post_rate_per_user, OPT_INT, "100", 0, 1000000),
	OPTION(post_burst, OPT_INT, "200", 1, 1000000),

	OPTION(retention, OPT_TIME, "7d", 0, 36500 * DAY),

	OPTION(cgi_streams, OPT_INT, "10", 0, 1000),
	OPTION(cgi_log, OPT_STRING, "", 0, 0),

	OPTION(log, OPT_STRING, "stderr", 0, 0),
	OPTION(log_level, OPT_STRING, "info", 0, 0),
};

static void
free_list(struct config_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->item[i]);
	free(l->item);
	l->item = NULL;
	l->n = 0;
}

static int
set_list(struct config_list *l, const char *value)
{
	static const char blanks[] = " \t,";
	char **p;

	free_list(l);
	while (*(value += strspn(value, blanks)) != '\0') {
		size_t n = strcspn(value, blanks);

		p = realloc(l->item, (l->n + 1) * sizeof(*p));
		if (p == NULL)
			return -1;
		l->item = p;
		p[l->n] = strndup(value, n);
		if (p[l->n] == NULL)
			return -1;
		l->n++;
		value += n;
	}
	return 0;
}

/* The units of a type, ascending; the one without a name is the default. */
struct unit {
	const char *name;
	int64_t factor;
};

static const struct unit *
units_of(enum option_type type, size_t *n)
{
	static const struct unit times[] = { { "ms", 1 }, { "", SECOND },
		{ "s", SECOND }, { "min", 60 * SECOND }, { "h", HOUR },
		{ "d", DAY } };
	static const struct unit sizes[] = { { "", 1 }, { "kB", KB },
		{ "MB", MB }, { "GB", 1024 * MB } };
	static const struct unit ones[] = { { "", 1 } };

	switch (type) {
	case OPT_TIME:
		*n = ARRAY_LEN(times);
		return times;
	case OPT_SIZE:
		*n = ARRAY_LEN(sizes);
		return sizes;
	default:
		*n = ARRAY_LEN(ones);
		return ones;
	}
}

static int
parse_number(enum option_type type, const char *s, int64_t *out)
{
	const struct unit *units;
	size_t count;
	int64_t n;
	char *end;

	if (!isdigit((unsigned char)*s))
		return -1;
	errno = 0;
	n = strtoll(s, &end, type == OPT_OCTAL ? 8 : 10);
	if (errno != 0)
		return -1;
	while (*end == ' ')
		end++;
	units = units_of(type, &count);
	for (size_t i = 0; i < count; i++) {
		if (strcasecmp(end, units[i].name) == 0)
			return __builtin_mul_overflow(n, units[i].factor, out)
				   ? -1
				   : 0;
	}
	return -1;
}

/* As parse_number() would read it, with the largest unit that divides n. */
static const char *
print_number(enum option_type type, int64_t n, char *s, size_t size)
{
	const struct unit *units;
	size_t i;

	units = units_of(type, &i);
	while (i-- > 1 && (n == 0 || n % units[i].factor != 0))
		continue;
	if (n == 0)
		i = 0;
	if (type == OPT_OCTAL)
		snprintf(s, size, "%04llo", (unsigned long long)n);
	else
		snprintf(s, size, "%lld%s", (long long)(n / units[i].factor),
		    units[i].name);
	return s;
}

static const char *
type_hint(enum option_type type)
{
	switch (type) {
	case OPT_TIME:
		return "a time such as 500ms, 15s, 10min, 24h or 7d";
	case OPT_SIZE:
		return "a size such as 4096, 64kB or 32MB";
	case OPT_OCTAL:
		return "an octal mode such as 0660";
	default:
		return "a whole number";
	}
}

/* Sets one option; on -1 err says why, without file and line. */
static int
set_option(struct config *c, const struct option *o, const char *value,
    char *err, size_t size)
{
	void *field = (char *)c + o->offset;
	char *s, low[32], high[32];
	int64_t n = 0;

	switch (o->type) {
	case OPT_STRING:
		s = strdup(value);
		if (s == NULL)
			break;
		free(*(char **)field);
		*(char **)field = s;
		return 0;
	case OPT_LIST:
		if (set_list(field, value) == -1)
			break;
		return 0;
	default:
		if (parse_number(o->type, value, &n) == -1) {
			snprintf(err, size, "%s needs %s, not \"%s\"", o->name,
			    type_hint(o->type), value);
			return -1;
		}
		if (n < o->min || n > o->max) {
			snprintf(err, size,
			    "%s = %s is out of range, which is %s to %s",
			    o->name, value,
			    print_number(o->type, o->min, low, sizeof(low)),
			    print_number(o->type, o->max, high, sizeof(high)));
			return -1;
		}
		*(int64_t *)field = n;
		return 0;
	}
	snprintf(err, size, "out of memory");
	return -1;
}

/* Where the value of each option came from, for messages. */
struct loading {
	struct config *c;
	const char *path;
	int line;
	int lines[ARRAY_LEN(options)]; /* 0: nowhere in the file */
	bool from_env[ARRAY_LEN(options)];
	char err[256]; /* of the first bad line */
};

/* Sets the option of that name; on -1 l->err says why. */
static int
set_by_name(struct loading *l, const char *name, const char *value)
{
	for (size_t i = 0; i < ARRAY_LEN(options); i++) {
		if (strcmp(options[i].name, name) != 0)
			continue;
		l->lines[i] = l->line;
		return set_option(
		    l->c, &options[i], value, l->err, sizeof(l->err));
	}
	snprintf(l->err, sizeof(l->err), "there is no option \"%s\"", name);
	return -1;
}

/* Cuts blanks off both ends. */
static char *
trim(char *s)
{
	size_t n;

	s += strspn(s, " \t");
	n = strlen(s);
	while (n > 0 && strchr(" \t", s[n - 1]) != NULL)
		n--;
	s[n] = '\0';
	return s;
}

/* Takes a line of n bytes without its end; on -1 l->err says why. */
static int
take_line(struct loading *l, char *line, size_t n)
{
	bool has_bom = l->line == 1 && strncmp(line, "\xef\xbb\xbf", 3) == 0;
	char *s, *value;

	if (n > LINE_MAX_BYTES) {
		snprintf(l->err, sizeof(l->err), "the line is too long");
		return -1;
	}
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)line[i];

		if ((c >= ' ' && c != 0x7f) || c == '\t')
			continue;
		snprintf(
		    l->err, sizeof(l->err), "the line has a control character");
		return -1;
	}
	s = trim(has_bom ? line + 3 : line);
	if (*s == '\0' || *s == '#' || *s == ';')
		return 0;
	if (*s == '[') {
		snprintf(l->err, sizeof(l->err),
		    "sections such as %s are not used here", s);
		return -1;
	}
	value = strpbrk(s, "=:");
	if (value == NULL) {
		snprintf(
		    l->err, sizeof(l->err), "not of the form name = value");
		return -1;
	}
	*value++ = '\0';
	return set_by_name(l, trim(s), trim(value));
}

static int
load_file(struct loading *l, char *err, size_t size)
{
	FILE *f = fopen(l->path, "re");
	char *line = NULL;
	size_t room = 0;
	ssize_t n = 0;
	int rc = -1;

	while (f != NULL && (n = getline(&line, &room, f)) != -1) {
		l->line++;
		if (line[n - 1] == '\n')
			line[--n] = '\0';
		if (n > 0 && line[n - 1] == '\r' && !feof(f))
			line[--n] = '\0';
		if (take_line(l, line, (size_t)n) == -1) {
			snprintf(
			    err, size, "%s:%d: %s", l->path, l->line, l->err);
			goto out;
		}
	}
	if (f != NULL && feof(f))
		rc = 0;
	else
		snprintf(err, size, "could not read \"%s\": %s%s", l->path,
		    strerror(errno),
		    errno == EACCES ? " (root may, and the file's group)" : "");
out:
	free(line);
	if (f != NULL)
		fclose(f);
	return rc;
}

static int
load_environment(struct loading *l, char *err, size_t size)
{
	char name[64], why[256];
	const char *value;

	for (size_t i = 0; i < ARRAY_LEN(options); i++) {
		size_t n = (size_t)snprintf(
		    name, sizeof(name), "PGFEED_%s", options[i].name);

		for (size_t k = 0; k < n; k++)
			name[k] = (char)toupper((unsigned char)name[k]);
		value = getenv(name);
		l->from_env[i] = value != NULL;
		if (value != NULL && set_option(l->c, &options[i], value, why,
					 sizeof(why)) == -1) {
			snprintf(err, size, "environment %s: %s", name, why);
			return -1;
		}
	}
	return 0;
}

static int
check_all(const struct loading *l, char *err, size_t size)
{
	char why[256];
	const void *field = config_check(l->c, why, sizeof(why));

	if (field == NULL)
		return 0;
	snprintf(err, size, "%s", why);
	for (size_t i = 0; i < ARRAY_LEN(options); i++) {
		if ((const char *)l->c + options[i].offset != field)
			continue;
		if (l->from_env[i])
			snprintf(err, size, "environment: %s", why);
		else if (l->lines[i] != 0)
			snprintf(
			    err, size, "%s:%d: %s", l->path, l->lines[i], why);
	}
	return -1;
}

int
config_load(struct config *c, const char *path, char *err, size_t size)
{
	static const char standard[] = SYSCONFDIR "/pgfeed/pgfeed.conf";
	struct loading l = { .c = c, .path = path };

	memset(c, 0, sizeof(*c));
	for (size_t i = 0; i < ARRAY_LEN(options); i++) {
		if (set_option(c, &options[i], options[i].dflt, err, size) ==
		    -1)
			goto fail;
	}
	if (l.path == NULL)
		l.path = getenv("PGFEED_CONF");
	if (l.path == NULL && access(standard, F_OK) == 0)
		l.path = standard;
	if (l.path != NULL && load_file(&l, err, size) == -1)
		goto fail;
	if (load_environment(&l, err, size) == -1 ||
	    check_all(&l, err, size) == -1)
		goto fail;
	return 0;
fail:
	config_free(c);
	return -1;
}

void
config_free(struct config *c)
{
	for (size_t i = 0; i < ARRAY_LEN(options); i++) {
		void *field = (char *)c + options[i].offset;

		if (options[i].type == OPT_STRING)
			free(*(char **)field);
		else if (options[i].type == OPT_LIST)
			free_list(field);
	}
	memset(c, 0, sizeof(*c));
}

void
config_print(const struct config *c, FILE *f)
{
	char text[32];

	for (size_t i = 0; i < ARRAY_LEN(options); i++) {
		const struct option *o = &options[i];
		const void *field = (const char *)c + o->offset;
		const struct config_list *l = field;
		const int64_t *n = field;

		fprintf(f, "%s = ", o->name);
		switch (o->type) {
		case OPT_STRING:
			fputs(*(char *const *)field, f);
			break;
		case OPT_LIST:
			for (size_t k = 0; k < l->n; k++)
				fprintf(
				    f, "%s%s", k > 0 ? " " : "", l->item[k]);
			break;
		default:
			fputs(print_number(o->type, *n, text, sizeof(text)), f);
		}
		fputc('\n', f);
	}
}

const char *
config_database(const struct config *c, const char *own)
{
	return *own != '\0' ? own : c->database;
}

void
config_open_log(const struct config *c, const char *name)
{
	static const char *const levels[] = {
		[LOG_LEVEL_ERROR] = "error",
		[LOG_LEVEL_WARNING] = "warning",
		[LOG_LEVEL_INFO] = "info",
		[LOG_LEVEL_DEBUG] = "debug",
	};
	enum log_level level = LOG_LEVEL_ERROR;

	while (
	    level < LOG_LEVEL_DEBUG && strcmp(levels[level], c->log_level) != 0)
		level++;
	log_open(name, strcmp(c->log, "syslog") == 0, level);
}
