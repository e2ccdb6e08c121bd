/*
 * header.c - parsing of the values of HTTP and MIME header fields.
 */
#include <string.h>
#include <strings.h>

#include "http/header.h"

static const char blanks[] = " \t";

/* Returns the length of a piece without its trailing blanks. */
static size_t
trimmed(const char *s, size_t n)
{
	while (n > 0 && (s[n - 1] == ' ' || s[n - 1] == '\t'))
		n--;
	return n;
}

static bool
same(const char *s, size_t n, const char *word)
{
	return strlen(word) == n && strncasecmp(s, word, n) == 0;
}

bool
header_is(const char *value, const char *word)
{
	value += strspn(value, blanks);
	return same(value, trimmed(value, strcspn(value, ";")), word);
}

/* Returns the end of the quoted-string at s: behind its quote, or the NUL. */
static const char *
quoted_end(const char *s)
{
	for (s++; *s != '\0' && *s != '"'; s++) {
		if (*s == '\\' && s[1] != '\0')
			s++;
	}
	return *s == '"' ? s + 1 : s;
}

/* Returns the first of the two separators outside of quotes, or the NUL. */
static const char *
piece_end(const char *s, const char *separators)
{
	while (*s != '\0' && strchr(separators, *s) == NULL)
		s = *s == '"' ? quoted_end(s) : s + 1;
	return s;
}

static void
add_unquoted(struct buf *b, const char *s, const char *end)
{
	if (*s != '"') {
		buf_add(b, s, trimmed(s, (size_t)(end - s)));
		return;
	}
	for (s++; s < end && *s != '"'; s++) {
		if (*s == '\\' && s + 1 < end)
			s++;
		buf_addc(b, *s);
	}
}

bool
header_param(struct buf *b, const char *value, const char *name)
{
	const char *s = piece_end(value, ";"), *end;
	size_t n;

	while (*s != '\0') {
		s++;
		s += strspn(s, blanks);
		end = piece_end(s, ";");
		n = strcspn(s, "=;");
		if (s[n] == '=' && same(s, trimmed(s, n), name)) {
			s += n + 1;
			add_unquoted(b, s + strspn(s, blanks), end);
			return true;
		}
		s = end;
	}
	return false;
}

bool
header_charset_ok(const char *value)
{
	struct buf b = BUF_INIT;
	bool ok = !header_param(&b, value, "charset") ||
		  (b.data != NULL && (strcasecmp(b.data, "utf-8") == 0 ||
					 strcasecmp(b.data, "utf8") == 0 ||
					 strcasecmp(b.data, "us-ascii") == 0));

	buf_fini(&b);
	return ok;
}

/*
 * Returns a qvalue (RFC 9110 section 12.4.2) in thousandths, 1000 if malformed.
 */
static unsigned
parse_weight(const char *s)
{
	unsigned w, unit = 100;

	if (s == NULL || (*s != '0' && *s != '1'))
		return 1000;
	w = *s++ == '1' ? 1000 : 0;
	if (*s++ != '.')
		return w;
	for (; *s >= '0' && *s <= '9' && unit > 0; s++, unit /= 10)
		w += (unsigned)(*s - '0') * unit;
	return MIN(w, 1000);
}

/*
 * Returns the weight that accept gives to type, and how specific the range is.
 */
static unsigned
match_accept(const char *accept, const char *type, unsigned *specific)
{
	size_t major = strcspn(type, "/") + 1;
	unsigned weight = 0;
	struct buf q = BUF_INIT;

	*specific = 0;
	if (accept[strspn(accept, blanks)] == '\0')
		return 1000;
	while (*accept != '\0') {
		const char *end = piece_end(accept, ",");
		struct buf range = BUF_INIT;
		unsigned match = 0;

		accept += strspn(accept, blanks);
		buf_add(
		    &range, accept, end > accept ? (size_t)(end - accept) : 0);
		if (range.data != NULL) {
			size_t n =
			    trimmed(range.data, strcspn(range.data, ";"));

			if (same(range.data, n, type))
				match = 3;
			else if (n == major + 1 && range.data[major] == '*' &&
				 strncasecmp(range.data, type, major) == 0)
				match = 2;
			else if (same(range.data, n, "*/*"))
				match = 1;
			if (match > *specific) {
				*specific = match;
				buf_clear(&q);
				weight = parse_weight(
				    header_param(&q, range.data, "q") ? q.data
								      : NULL);
			}
		}
		buf_fini(&range);
		accept = *end != '\0' ? end + 1 : end;
	}
	buf_fini(&q);
	return weight;
}

unsigned
header_weight(const char *accept, const char *type)
{
	unsigned specific;

	return match_accept(accept, type, &specific);
}

bool
header_prefers(const char *accept, const char *type, const char *other)
{
	unsigned specific, other_specific;
	unsigned weight = match_accept(accept, type, &specific);
	unsigned other_weight = match_accept(accept, other, &other_specific);

	if (weight != other_weight)
		return weight > other_weight;
	return weight > 0 && specific > other_specific;
}

bool
header_unquote(struct buf *b, const char *value)
{
	const char *s, *end;

	value += strspn(value, blanks);
	if (*value != '"') {
		buf_add(b, value, trimmed(value, strlen(value)));
		return true;
	}
	end = quoted_end(value);
	if (end - value < 2 || end[-1] != '"' ||
	    end[strspn(end, blanks)] != '\0')
		return false;
	for (s = value + 1; s < end - 1; s++) {
		if ((unsigned char)*s < 0x20 || (unsigned char)*s > 0x7e)
			return false;
		if (*s == '\\' && s[1] != '"' && s[1] != '\\')
			return false;
		s += *s == '\\';
	}
	if (s != end - 1) /* the last quote of "abc\" is escaped */
		return false;
	add_unquoted(b, value, end);
	return true;
}

const char *
header_cookie(const char *cookies, const char *name, size_t *n)
{
	size_t len = strlen(name);

	for (;;) {
		cookies += strspn(cookies, "; \t");
		if (*cookies == '\0')
			return NULL;
		if (strncmp(cookies, name, len) == 0 && cookies[len] == '=') {
			cookies += len + 1;
			*n = trimmed(cookies, strcspn(cookies, ";"));
			return cookies;
		}
		cookies += strcspn(cookies, ";");
	}
}
