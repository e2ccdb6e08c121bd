/*
 * form.h - the fields of an HTML form, in both of its encodings.
 *
 * A file in a multipart form is a field like any other: its bytes are the
 * value, and its file name is dropped. So "curl -F data=@note.txt" works. A
 * caller that needs text checks the bytes.
 */
#ifndef PGFEED_FORM_H
#define PGFEED_FORM_H

#include "http/query.h"

enum form_result {
	FORM_OK = 0,
	FORM_OTHER_TYPE, /* the content type is not that of a form */
	FORM_MALFORMED,
	FORM_BAD_CHARSET, /* the declared charset is not UTF-8 */
	FORM_TOO_MANY,    /* more than PARAMS_MAX fields */
	FORM_NO_MEMORY,
};

/*
 * Adds the fields of the n bytes at body to p, by content type:
 * application/x-www-form-urlencoded (see query_parse()) or multipart/form-data
 * (RFC 7578). On FORM_MALFORMED, *why is a sentence about the fault. After a
 * failure p may hold the fields before it.
 */
enum form_result form_parse(struct query *p, const char *content_type,
    const char *body, size_t n, const char **why) MUSTCHECK;

#endif
