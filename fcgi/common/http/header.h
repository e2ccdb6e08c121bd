/*
 * header.h - parsing of the values of HTTP and MIME header fields.
 */
#ifndef PGFEED_HEADER_H
#define PGFEED_HEADER_H

#include "base/buf.h"

/*
 * Returns whether value, up to its first ";", is the given word in any case:
 * "Text/Plain; charset=utf-8" is "text/plain".
 */
bool header_is(const char *value, const char *word);

/*
 * Adds to b the parameter with that name ("charset" of "text/plain;
 * charset=utf-8"), without the quotes and backslashes of a quoted-string (RFC
 * 9110 section 5.6.6). The first of several counts. Returns false, and leaves b
 * alone, when value has no such parameter.
 */
bool header_param(struct buf *b, const char *value, const char *name);

/*
 * Returns whether value has no charset parameter, or one of which UTF-8 is a
 * superset.
 */
bool header_charset_ok(const char *value);

/*
 * Returns the weight that an Accept field gives to a media type, in
 * thousandths: the weight of the most specific range that matches (RFC 9110
 * section 12.5.1), 1000 when the field is empty.
 */
unsigned header_weight(const char *accept, const char *type);

/*
 * Returns whether an Accept field prefers type to other: type has more weight,
 * or the same weight by a more specific range. An empty field prefers neither.
 */
bool header_prefers(const char *accept, const char *type, const char *other);

/*
 * Adds value to b. If value is a string of RFC 8941 section 3.3.3 ("8e03978e"),
 * its quotes are removed; blanks around value are removed too. Returns false,
 * and leaves b alone, for a malformed quoted string.
 */
bool header_unquote(struct buf *b, const char *value);

/*
 * Returns the value of a cookie in a Cookie field (RFC 6265 section 4.2), with
 * its length in *n, or NULL when the field has no such cookie. The first of
 * several counts: user agents put the one with the longest path there.
 */
const char *header_cookie(const char *cookies, const char *name, size_t *n);

#endif
