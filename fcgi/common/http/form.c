/*
 * form.c - the fields of an HTML form, in both of its encodings.
 *
 * multipart/form-data, RFC 7578 and RFC 2046 section 5.1.1:
 *
 *	preamble            dropped
 *	--boundary CRLF
 *	header: value CRLF  Content-Disposition gives the name
 *	CRLF
 *	bytes of any kind   the value, exactly as they are
 *	CRLF--boundary CRLF
 *	...
 *	CRLF--boundary--
 *	epilogue            dropped
 *
 * The body is in memory whole (its size is limited where it is read), so one
 * search for the next delimiter finds each part: time is linear. A line that
 * only begins like a delimiter is data.
 */
#include <string.h>
#include <strings.h>

#include "http/form.h"
#include "http/header.h"

#define BOUNDARY_MAX 70 /* RFC 2046 section 5.1.1 */

struct span {
	const char *s, *end;
};

static enum form_result
from_params(enum query_result rc)
{
	if (rc == PARAMS_OK)
		return FORM_OK;
	return rc == PARAMS_TOO_MANY ? FORM_TOO_MANY : FORM_NO_MEMORY;
}

/*
 * Finds the next delimiter line at or behind on, the start of a line. Sets
 * *data_end to the end of the data before the line, and *next to the text
 * behind it, or to NULL for the closing delimiter. Returns false when there is
 * none.
 */
static bool
find_delimiter(const struct span *body, const char *from,
    const struct buf *mark, const char **data_end, const char **next)
{
	const char *s, *at, *p;

	for (s = from;; s = at + 1) {
		at = memmem(s, (size_t)(body->end - s), mark->data, mark->len);
		if (at == NULL)
			return false;
		if (at != from &&
		    (at - from < 2 || memcmp(at - 2, "\r\n", 2) != 0))
			continue;
		*data_end = at == from ? at : at - 2;
		p = at + mark->len;
		if (body->end - p >= 2 && memcmp(p, "--", 2) == 0) {
			*next = NULL;
			return true;
		}
		while (p < body->end && (*p == ' ' || *p == '\t'))
			p++;
		if (body->end - p >= 2 && memcmp(p, "\r\n", 2) == 0) {
			*next = p + 2;
			return true;
		}
	}
}

/*
 * Adds the bytes from s to end with HTML's escapes decoded. HTML writes a
 * quote, CR and LF in a name as %22, %0D and %0A, and escapes no other byte
 * (HTML Standard, "multipart/form-data encoding algorithm"). A backslash stands
 * for itself.
 */
static void
add_name(struct buf *name, const char *s, const char *end)
{
	static const struct {
		char escape[4];
		char c;
	} table[] = { { "%22", '"' }, { "%0D", '\r' }, { "%0A", '\n' } };
	size_t k;

	while (s < end) {
		for (k = 0; k < ARRAY_LEN(table); k++) {
			if (end - s >= 3 && memcmp(s, table[k].escape, 3) == 0)
				break;
		}
		buf_addc(name, k < ARRAY_LEN(table) ? table[k].c : *s);
		s += k < ARRAY_LEN(table) ? 3 : 1;
	}
}

/*
 * Adds the parameter name of a Content-Disposition. A value in quotes ends at
 * the next quote: in contrast to other headers (RFC 9110), this one has no
 * backslash escapes. Returns NULL, or a sentence about the fault.
 */
static const char *
read_name(struct buf *name, const char *value)
{
	const char *s = value + strcspn(value, ";"), *from, *to;
	bool named = false, has_value;
	size_t n;

	while (*s == ';') {
		s++;
		s += strspn(s, " \t");
		n = strcspn(s, "=; \t");
		from = s + n + strspn(s + n, " \t");
		has_value = *from == '=';
		if (has_value)
			from++;
		from += strspn(from, " \t");
		if (*from == '"') {
			from++;
			to = from + strcspn(from, "\"");
			if (*to == '\0')
				return "the header of a part has a quote that is not closed";
			value = to + 1;
		} else
			to = value = from + strcspn(from, "; \t");
		if (has_value && n == 4 && strncasecmp(s, "name", n) == 0) {
			if (named)
				return "a part has two names";
			add_name(name, from, to);
			named = true;
		}
		s = value + strspn(value, " \t");
		if (*s != ';' && *s != '\0')
			return "the header of a part is malformed: a quote in a name is written as %22";
	}
	return named ? NULL : "a part has no name";
}

/*
 * Reads one header line of a part. Returns NULL, or a sentence about the fault.
 */
static const char *
read_header(
    const char *line, struct buf *name, bool *named, enum form_result *rc)
{
	size_t n = strcspn(line, ":");
	const char *value = line + n + 1;

	if (line[n] == '\0')
		return "a header of a part has no colon";
	if (n == 19 && strncasecmp(line, "Content-Disposition", n) == 0) {
		if (*named)
			return "a part has two Content-Disposition headers";
		if (!header_is(value, "form-data"))
			return "a part is not form-data";
		*named = true;
		return read_name(name, value);
	}
	if (n == 12 && strncasecmp(line, "Content-Type", n) == 0) {
		if (!header_charset_ok(value))
			*rc = FORM_BAD_CHARSET;
	} else if (n == 25 &&
		   strncasecmp(line, "Content-Transfer-Encoding", n) == 0) {
		/*
		 * RFC 7578 section 4.7 deprecates this header; pgfeed decodes
		 * none.
		 */
		if (!header_is(value, "binary") && !header_is(value, "8bit") &&
		    !header_is(value, "7bit"))
			return "a part has a Content-Transfer-Encoding";
	}
	return NULL;
}

/* Adds one part: its headers, an empty line, its data. */
static enum form_result
parse_part(struct query *p, const char *s, const char *end, const char **why)
{
	struct buf line = BUF_INIT, name = BUF_INIT;
	enum form_result rc = FORM_OK;
	bool named = false;
	const char *eol;

	for (;; s = eol + 2) {
		eol = memmem(s, (size_t)(end - s), "\r\n", 2);
		if (eol == NULL) {
			*why = "a part ends inside its headers";
			break;
		}
		if (eol == s)
			break;
		buf_clear(&line);
		buf_add(&line, s, (size_t)(eol - s));
		if (buf_failed(&line)) {
			rc = FORM_NO_MEMORY;
			break;
		}
		if (strlen(line.data) != line.len) {
			*why = "a NUL in the header of a part";
			break;
		}
		*why = read_header(line.data, &name, &named, &rc);
		if (*why != NULL)
			break;
	}
	if (*why == NULL && rc == FORM_OK && !named)
		*why = "a part has no Content-Disposition";
	if (*why != NULL)
		rc = FORM_MALFORMED;
	else if (rc == FORM_OK && buf_failed(&name))
		rc = FORM_NO_MEMORY;
	else if (rc == FORM_OK)
		rc = from_params(query_add(
		    p, name.data, name.len, eol + 2, (size_t)(end - eol - 2)));
	buf_fini(&line);
	buf_fini(&name);
	return rc;
}

static enum form_result
parse_multipart(struct query *p, const struct buf *mark,
    const struct span *body, const char **why)
{
	enum form_result rc = FORM_OK;
	const char *data_end, *part, *next;

	if (!find_delimiter(body, body->s, mark, &data_end, &part)) {
		*why = "the boundary does not occur";
		return FORM_MALFORMED;
	}
	while (part != NULL && rc == FORM_OK) {
		if (!find_delimiter(body, part, mark, &data_end, &next)) {
			*why = "the closing boundary is missing";
			return FORM_MALFORMED;
		}
		rc = parse_part(p, part, data_end, why);
		part = next;
	}
	return rc;
}

enum form_result
form_parse(struct query *p, const char *content_type, const char *body,
    size_t n, const char **why)
{
	struct span all = { body, body + n };
	struct buf mark = BUF_INIT;
	enum form_result rc;

	*why = NULL;
	if (header_is(content_type, "application/x-www-form-urlencoded")) {
		if (!header_charset_ok(content_type))
			return FORM_BAD_CHARSET;
		return from_params(query_parse(p, body, n));
	}
	if (!header_is(content_type, "multipart/form-data"))
		return FORM_OTHER_TYPE;
	if (!header_charset_ok(content_type))
		return FORM_BAD_CHARSET;
	buf_addstr(&mark, "--");
	if (!header_param(&mark, content_type, "boundary") || mark.len <= 2 ||
	    mark.len > 2 + BOUNDARY_MAX) {
		*why =
		    "the boundary parameter is missing, or not of 1 to 70 characters";
		rc = FORM_MALFORMED;
	} else if (buf_failed(&mark))
		rc = FORM_NO_MEMORY;
	else
		rc = parse_multipart(p, &mark, &all, why);
	buf_fini(&mark);
	return rc;
}
