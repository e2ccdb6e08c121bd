/*
 * json.c - JSON validator.
 *
 * One pass, no recursion, no allocation. A stack of bits tells for each open bracket
 * whether it is an array or an object.
 */
#include <string.h>

#include "base/json.h"

struct scan {
	const char *p, *end;
	unsigned depth;
	uint8_t is_object[JSON_MAX_DEPTH];
};

enum expect {
	EXPECT_VALUE,
	EXPECT_VALUE_OR_END, /* right behind "[" */
	EXPECT_KEY,
	EXPECT_KEY_OR_END, /* right behind "{" */
	EXPECT_MORE,       /* behind a value */
};

static const char bad_end[] = "the text ends too early";
static const char bad_byte[] = "a character that does not belong there";

static void
skip_blanks(struct scan *s)
{
	while (s->p < s->end && (*s->p == ' ' || *s->p == '\t' ||
				    *s->p == '\n' || *s->p == '\r'))
		s->p++;
}

static bool
is_digit(const struct scan *s)
{
	return s->p < s->end && *s->p >= '0' && *s->p <= '9';
}

static const char *
wrong(const struct scan *s)
{
	return s->p == s->end ? bad_end : bad_byte;
}

/* RFC 8259 section 7; p is behind the opening quote. */
static const char *
scan_string(struct scan *s)
{
	unsigned hex = 0;

	for (; s->p < s->end; s->p++) {
		unsigned char c = (unsigned char)*s->p;

		if (hex > 0) {
			if (!((c >= '0' && c <= '9') ||
				((c | 0x20) >= 'a' && (c | 0x20) <= 'f')))
				return bad_byte;
			hex--;
		} else if (c == '"') {
			s->p++;
			return NULL;
		} else if (c < 0x20)
			return "a control character inside a string";
		else if (c == '\\') {
			s->p++;
			if (s->p == s->end)
				break;
			if (*s->p == 'u')
				hex = 4;
			else if (*s->p == '\0' ||
				 strchr("\"\\/bfnrt", *s->p) == NULL)
				return bad_byte;
		}
	}
	return bad_end;
}

/* RFC 8259 section 6. */
static const char *
scan_number(struct scan *s)
{
	if (*s->p == '-')
		s->p++;
	if (!is_digit(s))
		return wrong(s);
	if (*s->p == '0')
		s->p++;
	else
		while (is_digit(s))
			s->p++;
	if (s->p < s->end && *s->p == '.') {
		s->p++;
		if (!is_digit(s))
			return wrong(s);
		while (is_digit(s))
			s->p++;
	}
	if (s->p < s->end && (*s->p == 'e' || *s->p == 'E')) {
		s->p++;
		if (s->p < s->end && (*s->p == '+' || *s->p == '-'))
			s->p++;
		if (!is_digit(s))
			return wrong(s);
		while (is_digit(s))
			s->p++;
	}
	return NULL;
}

static const char *
scan_word(struct scan *s, const char *word)
{
	for (; *word != '\0'; word++, s->p++) {
		if (s->p == s->end || *s->p != *word)
			return wrong(s);
	}
	return NULL;
}

/* A string, a number or a word; p is at its first byte. */
static const char *
scan_scalar(struct scan *s)
{
	switch (*s->p) {
	case '"':
		s->p++;
		return scan_string(s);
	case 't':
		return scan_word(s, "true");
	case 'f':
		return scan_word(s, "false");
	case 'n':
		return scan_word(s, "null");
	default:
		if (*s->p == '-' || is_digit(s))
			return scan_number(s);
		return bad_byte;
	}
}

/* A name and its colon; p is at the first byte. */
static const char *
scan_key(struct scan *s)
{
	const char *why;

	if (*s->p != '"')
		return bad_byte;
	s->p++;
	why = scan_string(s);
	if (why != NULL)
		return why;
	skip_blanks(s);
	if (s->p == s->end || *s->p != ':')
		return wrong(s);
	s->p++;
	return NULL;
}

/* Consumes one token and sets what is expected next. */
static const char *
step(struct scan *s, enum expect *expect)
{
	bool in_object = s->depth > 0 && s->is_object[s->depth - 1];
	char c = *s->p;

	if (*expect != EXPECT_VALUE && *expect != EXPECT_KEY &&
	    c == (in_object ? '}' : ']')) {
		s->p++;
		s->depth--;
		*expect = EXPECT_MORE;
		return NULL;
	}
	switch (*expect) {
	case EXPECT_MORE:
		if (c != ',')
			return bad_byte;
		s->p++;
		*expect = in_object ? EXPECT_KEY : EXPECT_VALUE;
		return NULL;
	case EXPECT_KEY:
	case EXPECT_KEY_OR_END:
		*expect = EXPECT_VALUE;
		return scan_key(s);
	case EXPECT_VALUE:
	case EXPECT_VALUE_OR_END:
		break;
	}
	if (c != '{' && c != '[') {
		*expect = EXPECT_MORE;
		return scan_scalar(s);
	}
	if (s->depth == JSON_MAX_DEPTH)
		return "nested too deeply";
	s->p++;
	s->is_object[s->depth++] = c == '{';
	*expect = c == '{' ? EXPECT_KEY_OR_END : EXPECT_VALUE_OR_END;
	return NULL;
}

const char *
json_check(const char *text, size_t n, size_t *where)
{
	struct scan s = { .p = text, .end = text + n };
	enum expect expect = EXPECT_VALUE;
	const char *why = NULL;

	do {
		skip_blanks(&s);
		why = s.p == s.end ? bad_end : step(&s, &expect);
	} while (why == NULL && (s.depth > 0 || expect != EXPECT_MORE));
	if (why == NULL) {
		skip_blanks(&s);
		if (s.p != s.end)
			why = "more behind the end of the JSON text";
	}
	*where = (size_t)(s.p - text);
	return why;
}
