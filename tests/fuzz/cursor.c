/*
 * cursor.c - positions as strangers write them.
 *
 * The input is up to two texts, one a line. What parses must print as it
 * stood, keep the order promised in cursor.h, and come out of the set
 * operations as sets do.
 */
#include <stdlib.h>
#include <string.h>

#include "feed/cursor.h"
#include "fuzz.h"
#include "stream/client/ticket.h"

static void
check_sane(const struct cursor *c)
{
	int64_t above = 0;

	FUZZ_CHECK(c->tli >= 1 && c->last >= 0);
	FUZZ_CHECK(c->n <= CURSOR_MAX_RANGES);
	for (unsigned i = 0; i < c->n; i++) {
		FUZZ_CHECK(c->hole[i].low > above);
		FUZZ_CHECK(c->hole[i].high >= c->hole[i].low);
		above = c->hole[i].high + 1;
	}
	FUZZ_CHECK(c->n == 0 || above <= c->last);
}

static bool
parse(struct cursor *c, const char *s, size_t n)
{
	char text[CURSOR_TEXT_MAX];

	if (!cursor_parse(c, s, n))
		return false;
	check_sane(c);
	FUZZ_CHECK(cursor_print(c, text, sizeof(text)) == n);
	FUZZ_CHECK(memcmp(text, s, n) == 0 && text[n] == '\0');
	return true;
}

/* A text that does not fit is none. */
static void
check_no_room(const struct cursor *c, size_t n)
{
	char text[CURSOR_TEXT_MAX];

	FUZZ_CHECK(cursor_print(c, text, n) == 0 && *text == '\0');
}

/* The history's tag alone is read back as it is printed. */
static void
check_tag(const struct cursor *c, const char *s, size_t n)
{
	const char *tag = memchr(s, '_', n);
	char text[CURSOR_TEXT_MAX] = "";
	struct cursor like;
	uint32_t history;

	if (tag != NULL)
		memcpy(text, tag + 1, n - (size_t)(tag + 1 - s));
	FUZZ_CHECK(cursor_parse_tag(&history, text) && history == c->history);
	cursor_init_like(&like, c, 7);
	check_sane(&like);
	FUZZ_CHECK(like.history == history && like.tli == c->tli);
}

/* What settles towards g has what it had, and what g has as far as it goes. */
static void
check_settled(const struct cursor *c, const struct cursor *g)
{
	struct cursor all, some;

	cursor_copy(&all, c);
	cursor_settle(&all, g);
	check_sane(&all);
	FUZZ_CHECK(cursor_subset(c, &all) && all.last == c->last);
	cursor_copy(&some, c);
	cursor_settle_to(&some, g, c->last / 2);
	check_sane(&some);
	FUZZ_CHECK(cursor_subset(c, &some));
	if (all.n < CURSOR_MAX_RANGES && some.n < CURSOR_MAX_RANGES)
		FUZZ_CHECK(cursor_subset(&some, &all));
}

/* From the beginning through g's holes and to its end, as a replay goes. */
static void
check_replay(const struct cursor *g)
{
	struct cursor c;

	cursor_init(&c, g->tli, 0);
	check_sane(&c);
	for (unsigned i = 0; i < g->n; i++) {
		if (g->hole[i].low == 1)
			continue;
		FUZZ_CHECK(cursor_step_through(&c, g->hole[i].low - 1, g));
		check_sane(&c);
		FUZZ_CHECK(cursor_subset(&c, g));
	}
	if (g->last > 0 && cursor_step_through(&c, g->last, g))
		FUZZ_CHECK(cursor_equal(&c, g));
	check_sane(&c);
}

/* A ticket behind a position is read back as it is printed. */
static void
check_ticket(const char *s, size_t n)
{
	char *text = strndup(s, n), printed[TICKET_TEXT_MAX];
	size_t len, none;
	uint64_t ticket;

	FUZZ_CHECK(text != NULL);
	ticket = ticket_parse(text, &len);
	FUZZ_CHECK(len <= strlen(text));
	FUZZ_CHECK(ticket == 0 || memcmp(text + len, "__", 2) == 0);
	ticket_print(ticket, printed);
	FUZZ_CHECK(ticket_parse(printed, &none) == ticket && none == 0);
	free(text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *s = (const char *)data;
	const char *line = size > 0 ? memchr(s, '\n', size) : NULL;
	size_t n = line != NULL ? (size_t)(line - s) : size;
	struct cursor a, b, u, step;

	check_ticket(s, n);
	if (!parse(&a, s, n))
		return 0;
	FUZZ_CHECK(cursor_subset(&a, &a) && cursor_equal(&a, &a));
	FUZZ_CHECK(cursor_has(&a, a.last));
	FUZZ_CHECK(cursor_low(&a) <= a.last);
	FUZZ_CHECK(cursor_holes(&a) <= (uint64_t)a.last);
	FUZZ_CHECK((cursor_holes(&a) == 0) == (a.n == 0));
	check_no_room(&a, n);
	check_tag(&a, s, n);
	if (line == NULL || !parse(&b, line + 1, size - n - 1))
		return 0;

	if (cursor_union(&u, &a, &b)) {
		FUZZ_CHECK(cursor_subset(&a, &u) && cursor_subset(&b, &u));
		FUZZ_CHECK(cursor_subset(&b, &a) == cursor_equal(&u, &a));
	}
	check_sane(&u);

	check_settled(&a, &b);
	check_replay(&b);

	cursor_copy(&step, &a);
	if (cursor_step_through(&step, b.last, &b)) {
		FUZZ_CHECK(b.last == 0 || cursor_has(&step, b.last));
		FUZZ_CHECK(a.tli != b.tli || cursor_subset(&a, &step));
	}
	check_sane(&step);
	if (b.last < INT64_MAX - 8 && cursor_step_through(&u, b.last + 7, &b))
		FUZZ_CHECK(cursor_has(&u, b.last + 7));
	check_sane(&u);
	if (b.last < INT64_MAX - 2 && cursor_step(&step, b.last + 2))
		FUZZ_CHECK(cursor_has(&step, b.last + 2));
	for (unsigned i = 0; i < b.n; i++) {
		const struct cursor_range *r = &b.hole[i];

		if (r->high - r->low > 1 &&
		    cursor_drop(&step, r->low + 1, r->high - 1))
			FUZZ_CHECK(!cursor_has_hole(&step, r->low + 1));
		check_sane(&step);
		if (cursor_step(&step, b.hole[i].low))
			FUZZ_CHECK(cursor_has(&step, b.hole[i].low));
		if (cursor_drop(&step, b.hole[i].low, b.hole[i].high))
			FUZZ_CHECK(!cursor_has_hole(&step, b.hole[i].high));
		check_sane(&step);
	}
	return 0;
}
