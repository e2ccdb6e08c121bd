/*
 * query.c - list of names with values: query strings, form fields, paths.
 */
#include <stdlib.h>
#include <string.h>

#include "http/query.h"

void
query_init(struct query *p)
{
	memset(p, 0, sizeof(*p));
}

void
query_fini(struct query *p)
{
	for (size_t i = 0; i < p->n; i++)
		free(p->item[i].name);
	free(p->item);
	query_init(p);
}

/* Adds a pair. One block of memory holds both: name, NUL, value, NUL. */
enum query_result
query_add(struct query *p, const char *name, size_t name_len, const char *value,
    size_t value_len)
{
	struct param *item;
	char *text;

	if (p->n == PARAMS_MAX)
		return PARAMS_TOO_MANY;
	/* n is 0 or a power of two: the array is full */
	if ((p->n & (p->n - 1)) == 0) {
		item = realloc(
		    p->item, (p->n == 0 ? 1 : 2 * p->n) * sizeof(*item));
		if (item == NULL)
			return PARAMS_NO_MEMORY;
		p->item = item;
	}
	text = malloc(name_len + value_len + 2);
	if (text == NULL)
		return PARAMS_NO_MEMORY;
	item = &p->item[p->n++];
	item->name = text;
	item->name_len = name_len;
	if (name_len > 0)
		memcpy(text, name, name_len);
	text[name_len] = '\0';
	text += name_len + 1;
	item->value = text;
	item->value_len = value_len;
	if (value_len > 0)
		memcpy(text, value, value_len);
	text[value_len] = '\0';
	return PARAMS_OK;
}

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

void
percent_decode(struct buf *b, const char *s, size_t n, bool plus)
{
	/* the bytes from plain on are still to be copied */
	const char *end = s + n, *plain = s;

	if (n == 0)
		return;
	while (s < end) {
		int high, low;

		if (*s == '%' && end - s > 2 &&
		    (high = hex_digit(s[1])) != -1 &&
		    (low = hex_digit(s[2])) != -1) {
			buf_add(b, plain, (size_t)(s - plain));
			buf_addc(b, (char)(high << 4 | low));
			s += 3;
			plain = s;
		} else if (*s == '+' && plus) {
			buf_add(b, plain, (size_t)(s - plain));
			buf_addc(b, ' ');
			s++;
			plain = s;
		} else
			s++;
	}
	buf_add(b, plain, (size_t)(end - plain));
}

enum query_result
query_parse(struct query *p, const char *s, size_t n)
{
	struct buf text = BUF_INIT; /* a name with its value behind it */
	enum query_result rc = PARAMS_OK;
	const char *end;

	if (n == 0) /* memcpy() must not get a NULL s */
		return PARAMS_OK;
	end = s + n;
	while (rc == PARAMS_OK && s < end) {
		const char *amp = memchr(s, '&', (size_t)(end - s));
		const char *stop = amp != NULL ? amp : end;
		const char *eq = memchr(s, '=', (size_t)(stop - s));
		const char *name_end = eq != NULL ? eq : stop;
		size_t name_len;

		if (stop > s) {
			buf_clear(&text);
			/* makes sure that text has memory */
			buf_addc(&text, '&');
			percent_decode(&text, s, (size_t)(name_end - s), true);
			name_len = text.len - 1;
			if (eq != NULL)
				percent_decode(&text, eq + 1,
				    (size_t)(stop - eq - 1), true);
			rc = buf_failed(&text)
				 ? PARAMS_NO_MEMORY
				 : query_add(p, text.data + 1, name_len,
				       text.data + 1 + name_len,
				       text.len - 1 - name_len);
		}
		s = amp != NULL ? amp + 1 : end;
	}
	buf_fini(&text);
	return rc;
}

static const struct param *
find_from(const struct query *p, size_t i, const char *name, size_t len)
{
	for (; i < p->n; i++) {
		if (p->item[i].name_len == len &&
		    memcmp(p->item[i].name, name, len) == 0)
			return &p->item[i];
	}
	return NULL;
}

const struct param *
query_find(const struct query *p, const char *name)
{
	return find_from(p, 0, name, strlen(name));
}

const struct param *
query_next(const struct query *p, const struct param *before)
{
	return find_from(
	    p, (size_t)(before - p->item) + 1, before->name, before->name_len);
}

const char *
query_get(const struct query *p, const char *name)
{
	const struct param *found = query_find(p, name);

	return found != NULL ? found->value : NULL;
}

bool
path_below(struct buf *b, const char *uri, const char *base)
{
	struct buf path = BUF_INIT;
	size_t n = strlen(base);
	bool below = false;

	if (strncmp(uri, "http://", 7) == 0) /* RFC 9112 section 3.2.2 */
		uri = strchr(uri + 7, '/');
	else if (strncmp(uri, "https://", 8) == 0)
		uri = strchr(uri + 8, '/');
	if (uri == NULL)
		return false;
	percent_decode(&path, uri, strcspn(uri, "?#"), false);
	if (path.data == NULL || path.len < n ||
	    memcmp(path.data, base, n) != 0)
		goto out;
	if (n > 0 && base[n - 1] == '/') /* the base is "/" */
		n--;
	below = path.len == n || path.data[n] == '/';
	if (below && path.len > n + 1)
		buf_add(b, path.data + n + 1, path.len - n - 1);
out:
	buf_fini(&path);
	return below;
}
