/*
 * json.h - JSON validator; builds no values.
 *
 * json-c is for those who need the values. As a judge it is too kind, even
 * with JSON_TOKENER_STRICT (0.16): NaN, -01, "1." and a raw tab inside a
 * string all pass, and the browser's JSON.parse() throws at each of them.
 */
#ifndef PGFEED_JSON_H
#define PGFEED_JSON_H

#include "base/util.h"

/* Deeper nesting is refused; RFC 8259 section 9 allows to set a limit. */
#define JSON_MAX_DEPTH 256

/*
 * Checks that the n bytes at s are one JSON text (RFC 8259) and no more. The
 * bytes must be valid UTF-8, see utf8_valid(). Returns NULL if so, else what is
 * wrong, with the offset of the first wrong byte in *where.
 */
MUSTCHECK const char *json_check(const char *s, size_t n, size_t *where);

#endif
