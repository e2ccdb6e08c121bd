/*
 * cursor.c - position in the feed: the set of events that a client has had.
 *
 * cursor.h defines a position and its text. This file uses two views of it: the
 * holes, for stepping; and the unseen ids, which are the holes and all ids
 * above last, for set operations. The unseen ids of a union are those that are
 * unseen in both positions.
 */
#include <assert.h>
#include <string.h>

#include "feed/cursor.h"

void
cursor_init(struct cursor *c, uint32_t tli, int64_t last)
{
	c->tli = tli;
	c->history = 0;
	c->n = 0;
	c->last = last;
}

void
cursor_init_like(struct cursor *c, const struct cursor *like, int64_t last)
{
	uint32_t history = like->history;

	cursor_init(c, like->tli, last);
	c->history = history;
}

void
cursor_copy(struct cursor *dst, const struct cursor *src)
{
	if (dst == src)
		return;
	dst->tli = src->tli;
	dst->history = src->history;
	dst->n = src->n;
	dst->last = src->last;
	memcpy(dst->hole, src->hole, src->n * sizeof(src->hole[0]));
}

/* --- text */

static int
digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 10;
	return 36;
}

/*
 * Reads a number without leading zeros at *s, at most max, and moves *s behind
 * the number. Returns false when there is none.
 */
static bool
number_parse(
    const char **s, const char *end, int base, int64_t max, int64_t *value)
{
	const char *p = *s;
	int64_t v = 0;

	if (p == end || digit_value(*p) >= base)
		return false;
	if (*p == '0') {
		p++;
		if (p < end && digit_value(*p) < base)
			return false;
	}
	for (; p < end && digit_value(*p) < base; p++) {
		int digit = digit_value(*p);

		if (digit > max || v > (max - digit) / base)
			return false;
		v = v * base + digit;
	}
	*s = p;
	*value = v;
	return true;
}

static bool
tag_parse(uint32_t *history, const char *s, const char *end)
{
	int64_t v;

	if (!number_parse(&s, end, 36, CURSOR_TAG_MAX, &v) || s != end ||
	    v < CURSOR_TAG_MIN)
		return false;
	*history = (uint32_t)v;
	return true;
}

bool
cursor_parse_tag(uint32_t *history, const char *s)
{
	*history = 0;
	return *s == '\0' || tag_parse(history, s, s + strlen(s));
}

bool
cursor_parse(struct cursor *c, const char *s, size_t n)
{
	const char *end = s + n;
	int64_t gap, more, v, top;

	c->tli = 1;
	c->history = 0;
	c->n = 0;
	if (!number_parse(&s, end, 10, INT64_MAX, &v))
		return false;
	if (s < end && *s == '~') {
		if (v < 2 || v > UINT32_MAX)
			return false;
		c->tli = (uint32_t)v;
		s++;
		if (!number_parse(&s, end, 10, INT64_MAX, &v))
			return false;
	}
	c->last = v;

	/*
	 * Parse from the highest range down, then reverse the order. top is the
	 * highest id not yet assigned; every number of a range must be at least
	 * 1.
	 */
	for (top = c->last; s < end && *s != '_'; c->n++) {
		struct cursor_range *r = &c->hole[c->n];

		if (c->n == CURSOR_MAX_RANGES || *s++ != '.' ||
		    !number_parse(&s, end, 36, top - 1, &gap) || gap < 1)
			return false;
		r->high = top - gap;
		more = 0;
		if (s < end && *s == '-') {
			s++;
			if (!number_parse(&s, end, 36, r->high - 1, &more) ||
			    more < 1)
				return false;
		}
		r->low = r->high - more;
		top = r->low - 1;
	}
	if (s < end && !tag_parse(&c->history, s + 1, end))
		return false;
	for (unsigned i = 0; i < c->n / 2; i++) {
		struct cursor_range r = c->hole[i];

		c->hole[i] = c->hole[c->n - 1 - i];
		c->hole[c->n - 1 - i] = r;
	}
	return true;
}

/* Writes v before the byte at p and returns the start of the text. */
static char *
number_print(char *p, uint64_t v, unsigned base)
{
	do
		*--p = "0123456789abcdefghijklmnopqrstuvwxyz"[v % base];
	while ((v /= base) != 0);
	return p;
}

size_t
cursor_print(const struct cursor *c, char *buf, size_t size)
{
	char text[CURSOR_TEXT_MAX], *end = text + sizeof(text), *p = end;
	size_t len;

	/*
	 * Write backwards: the tag is last in the text, before it the lowest
	 * range.
	 */
	if (c->history != 0) {
		p = number_print(p, c->history, 36);
		*--p = '_';
	}
	for (unsigned i = 0; i < c->n; i++) {
		const struct cursor_range *r = &c->hole[i];
		int64_t above = i + 1 < c->n ? r[1].low - 1 : c->last;

		if (r->high > r->low) {
			p = number_print(p, (uint64_t)(r->high - r->low), 36);
			*--p = '-';
		}
		p = number_print(p, (uint64_t)(above - r->high), 36);
		*--p = '.';
	}
	p = number_print(p, (uint64_t)c->last, 10);
	if (c->tli != 1) {
		*--p = '~';
		p = number_print(p, c->tli, 10);
	}

	len = (size_t)(end - p);
	if (len >= size) {
		if (size > 0)
			buf[0] = '\0';
		return 0;
	}
	memcpy(buf, p, len);
	buf[len] = '\0';
	return len;
}

/* --- questions */

/* Returns the lowest range that is not wholly below id, or c->n. */
static unsigned
range_at(const struct cursor *c, int64_t id)
{
	unsigned low = 0, high = c->n;

	while (low < high) {
		unsigned mid = (low + high) / 2;

		if (c->hole[mid].high < id)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

bool
cursor_has_hole(const struct cursor *c, int64_t id)
{
	unsigned i = range_at(c, id);

	return i < c->n && c->hole[i].low <= id;
}

bool
cursor_has(const struct cursor *c, int64_t id)
{
	return id <= c->last && !cursor_has_hole(c, id);
}

int64_t
cursor_low(const struct cursor *c)
{
	return c->n > 0 ? c->hole[0].low - 1 : c->last;
}

uint64_t
cursor_holes(const struct cursor *c)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < c->n; i++)
		sum += (uint64_t)(c->hole[i].high - c->hole[i].low) + 1;
	return sum;
}

/* --- steps */

bool
cursor_drop(struct cursor *c, int64_t low, int64_t high)
{
	unsigned first = range_at(c, low), kept = first, i;

	if (low > high || first == c->n)
		return true;

	if (c->hole[first].low < low && c->hole[first].high > high) {
		/* id lies in the middle of a range, which becomes two. */
		struct cursor_range *r = &c->hole[first];

		if (c->n == CURSOR_MAX_RANGES)
			return false;
		memmove(r + 1, r, (c->n - first) * sizeof(*r));
		c->n++;
		r[0].high = low - 1;
		r[1].low = high + 1;
		return true;
	}
	for (i = first; i < c->n && c->hole[i].low <= high; i++) {
		struct cursor_range r = c->hole[i];

		if (r.low < low)
			r.high = low - 1;
		else if (r.high > high)
			r.low = high + 1;
		else
			continue;
		c->hole[kept++] = r;
	}
	memmove(&c->hole[kept], &c->hole[i], (c->n - i) * sizeof(c->hole[0]));
	c->n -= i - kept;
	return true;
}

void
cursor_settle_to(struct cursor *c, const struct cursor *g, int64_t id)
{
	int64_t low = 1;

	/* Go upwards: a dropped range makes room for a split above. */
	for (unsigned i = 0; i < g->n && c->n > 0 && low <= id; i++) {
		cursor_drop(c, low, MIN(g->hole[i].low - 1, id));
		low = g->hole[i].high + 1;
	}
	if (c->n > 0)
		cursor_drop(c, low, MIN(g->last, id));
}

void
cursor_settle(struct cursor *c, const struct cursor *g)
{
	cursor_settle_to(c, g, INT64_MAX);
}

bool
cursor_step(struct cursor *c, int64_t id)
{
	if (id <= c->last)
		return cursor_drop(c, id, id);
	if (id > c->last + 1) {
		if (c->n == CURSOR_MAX_RANGES)
			return false;
		c->hole[c->n].low = c->last + 1;
		c->hole[c->n].high = id - 1;
		c->n++;
	}
	c->last = id;
	return true;
}

bool
cursor_step_through(struct cursor *c, int64_t id, const struct cursor *g)
{
	unsigned n = c->n;

	if (id <= c->last)
		return cursor_drop(c, id, id);

	/*
	 * Insert the ids in (c->last, id) that g does not have: its holes, and
	 * all above its last. c->n changes only when every range has its place.
	 */
	for (unsigned i = range_at(g, c->last + 1); i <= g->n; i++) {
		int64_t low, high;

		if (i < g->n) {
			low = MAX(g->hole[i].low, c->last + 1);
			high = MIN(g->hole[i].high, id - 1);
		} else if (g->last < id) {
			low = MAX(g->last, c->last) + 1;
			high = id - 1;
		} else
			break;
		if (low > high)
			continue;
		if (n == CURSOR_MAX_RANGES)
			return false;
		c->hole[n].low = low;
		c->hole[n].high = high;
		n++;
	}
	c->n = n;
	c->last = id;
	return true;
}

/* --- sets */

bool
cursor_equal(const struct cursor *a, const struct cursor *b)
{
	return a->tli == b->tli && a->history == b->history &&
	       a->last == b->last && a->n == b->n &&
	       memcmp(a->hole, b->hole, a->n * sizeof(a->hole[0])) == 0;
}

bool
cursor_subset(const struct cursor *a, const struct cursor *b)
{
	unsigned i = 0;

	if (a->tli != b->tli || a->history != b->history || a->last > b->last)
		return false;
	/*
	 * Every hole of b must be unseen in a: above a's last, or wholly inside
	 * one of a's holes, as seen ids lie between two of them.
	 */
	for (unsigned j = 0; j < b->n && b->hole[j].low <= a->last; j++) {
		while (i < a->n && a->hole[i].high < b->hole[j].high)
			i++;
		if (i == a->n || a->hole[i].low > b->hole[j].low)
			return false;
	}
	return true;
}

/*
 * Returns the i-th range of unseen ids. The range after the holes is all above
 * last.
 */
static struct cursor_range
unseen(const struct cursor *c, unsigned i)
{
	struct cursor_range r;

	if (i < c->n)
		return c->hole[i];
	r.low = c->last < INT64_MAX ? c->last + 1 : INT64_MAX;
	r.high = INT64_MAX;
	return r;
}

/* Joins the two ranges with the fewest ids between them. */
static void
join_closest(struct cursor_range *r, unsigned n)
{
	unsigned at = 0;

	for (unsigned i = 1; i + 1 < n; i++)
		if (r[i + 1].low - r[i].high < r[at + 1].low - r[at].high)
			at = i;
	r[at].high = r[at + 1].high;
	memmove(&r[at + 1], &r[at + 2], (n - at - 2) * sizeof(*r));
}

bool
cursor_union(struct cursor *out, const struct cursor *a, const struct cursor *b)
{
	struct cursor_range both[2 * CURSOR_MAX_RANGES + 1];
	int64_t last = MAX(a->last, b->last);
	unsigned n = 0, i = 0, j = 0;
	bool exact = true;

	if (a->tli != b->tli || a->history != b->history) {
		cursor_copy(out, a);
		return false;
	}
	while (i < a->n || j < b->n) {
		struct cursor_range x = unseen(a, i), y = unseen(b, j);
		struct cursor_range r = { MAX(x.low, y.low),
			MIN(x.high, y.high) };

		if (r.low <= r.high) {
			assert(n < ARRAY_LEN(both));
			both[n++] = r;
		}
		/*
		 * The range that ends first meets no further one; the last one
		 * has no end.
		 */
		if (j >= b->n || (i < a->n && x.high < y.high))
			i++;
		else
			j++;
	}
	for (; n > CURSOR_MAX_RANGES; n--) {
		join_closest(both, n);
		exact = false;
	}
	out->tli = a->tli;
	out->history = a->history;
	out->n = n;
	out->last = last;
	memcpy(out->hole, both, n * sizeof(both[0]));
	return exact;
}
