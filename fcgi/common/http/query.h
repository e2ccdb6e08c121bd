/*
 * query.h - names with values: query strings, form fields, paths.
 *
 * Names may repeat and keep their order. Names and values are bytes of any
 * kind, NUL included, with a length; behind each there is a NUL as well, for
 * those who know that theirs is text.
 */
#ifndef PGFEED_QUERY_H
#define PGFEED_QUERY_H

#include "base/buf.h"

/* The most that the option max_fields allows: finding one takes time. */
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
 * query string (URL Standard section 5.1). "+" is a space; a "%" that is not
 * followed by two hexadecimal digits stands for itself, as that standard has
 * it; an empty piece between two "&" is skipped; a piece without "=" is a name
 * with an empty value. On failure the pairs before it stay.
 */
enum query_result query_parse(
    struct query *, const char *s, size_t n) MUSTCHECK;

/* Adds one pair; both are copied. */
enum query_result query_add(struct query *, const char *name, size_t name_len,
    const char *value, size_t value_len) MUSTCHECK;

/* The first pair with that name, or NULL. */
const struct param *query_find(const struct query *, const char *name);

/* The next pair with the same name behind p, or NULL. */
const struct param *query_next(const struct query *, const struct param *p);

/* The first value with that name as a C string, or NULL. */
const char *query_get(const struct query *, const char *name);

/*
 * Adds s to b with %HH decoded (RFC 3986 section 2.1; what is no escape stands
 * for itself), and "+" as a space when plus is set.
 */
void percent_decode(struct buf *b, const char *s, size_t n, bool plus);

/*
 * Adds to b what the path of uri (a REQUEST_URI: path, or URL, with a query)
 * has below base: "/events/a%20b?x" below "/events" gives "a b"; the base
 * itself, with or without a slash behind it, gives nothing. Returns false, and
 * leaves b alone, when the path is not below base.
 */
bool path_below(struct buf *b, const char *uri, const char *base);

#endif
