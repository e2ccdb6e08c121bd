/*
 * header.h - what is inside the value of an HTTP or MIME header field.
 */
#ifndef PGFEED_HEADER_H
#define PGFEED_HEADER_H

#include "base/buf.h"

/*
 * Whether value, up to its first ";", is the given word in any case:
 * "Text/Plain; charset=utf-8" is "text/plain".
 */
bool header_is(const char *value, const char *word);

/*
 * Adds to b the parameter with that name ("charset" of "text/plain;
 * charset=utf-8"), without the quotes and backslashes of a quoted-string
 * (RFC 9110 section 5.6.6). The first one counts. Returns false, and leaves b
 * alone, when it is not there.
 */
bool header_param(struct buf *b, const char *value, const char *name);

/* Whether value has no charset parameter, or one that UTF-8 takes in. */
bool header_charset_ok(const char *value);

/*
 * What an Accept field gives to a media type, in thousandths: the weight of
 * the most specific range that takes it (RFC 9110 section 12.5.1), 1000 when
 * the field is empty.
 */
unsigned header_weight(const char *accept, const char *type);

/*
 * Whether an Accept field prefers type to other: it gives type more weight, or
 * the same weight by a more specific range. an empty field prefers neither.
 */
bool header_prefers(const char *accept, const char *type, const char *other);

/*
 * Adds value to b, without quotes if it is a string of RFC 8941 section 3.3.3
 * ("8e03978e"), as it is otherwise; blanks around it do not count. Returns
 * false, and leaves b alone, for a quoted string that is not well-formed.
 */
bool header_unquote(struct buf *b, const char *value);

/*
 * The value of a cookie in a Cookie field (RFC 6265 section 4.2), with its
 * length in *n; NULL when it is not there. Of several, the first counts: user
 * agents put the one with the longest path there.
 */
const char *header_cookie(const char *cookies, const char *name, size_t *n);

#endif
