/*
 * query.h - list of names with values: query strings, form fields, paths.
 *
 * Names may repeat and keep their order. Names and values are bytes of any
 * kind, NUL included, with a length. A NUL follows each of them, for callers
 * that know theirs to be text.
 */
#ifndef PGFEED_QUERY_H
#define PGFEED_QUERY_H

#include "base/buf.h"

/* Upper limit of the option max_fields. Finding a name takes linear time. */
#define PARAMS_MAX 1024

struct param {
	char *name;
	size_t name_len;
	char *value;
	size_t value_len;
};

struct query {
	struct param *item;
	size_t n;
};

enum query_result {
	PARAMS_OK = 0,
	PARAMS_TOO_MANY,
	PARAMS_NO_MEMORY,
};

void query_init(struct query *);
void query_fini(struct query *);

/*
 * Adds the pairs of an application/x-www-form-urlencoded string, such as a
 * query string (URL Standard section 5.1). "+" is a space. As in that standard,
 * a "%" without two hexadecimal digits behind it stands for itself. An empty
 * piece between two "&" is skipped. A piece without "=" is a name with an empty
 * value. After a failure the pairs before it stay.
 */
enum query_result query_parse(
    struct query *, const char *s, size_t n) MUSTCHECK;

/* Adds a copy of one pair. */
enum query_result query_add(struct query *, const char *name, size_t name_len,
    const char *value, size_t value_len) MUSTCHECK;

/* Returns the first pair with that name, or NULL. */
const struct param *query_find(const struct query *, const char *name);

/* Returns the next pair behind p with the same name, or NULL. */
const struct param *query_next(const struct query *, const struct param *p);

/* Returns the first value with that name as a C string, or NULL. */
const char *query_get(const struct query *, const char *name);

/*
 * Adds s to b with %HH decoded (RFC 3986 section 2.1), and "+" as a space when
 * plus is set. A malformed escape stands for itself.
 */
void percent_decode(struct buf *b, const char *s, size_t n, bool plus);

/*
 * Adds to b the part of uri's path below base. uri is a REQUEST_URI: a path or
 * URL with a query. "/events/a%20b?x" below "/events" gives "a b"; the base
 * itself, with or without a trailing slash, gives nothing. Returns false, and
 * leaves b alone, when the path is not below base.
 */
bool path_below(struct buf *b, const char *uri, const char *base);

#endif
