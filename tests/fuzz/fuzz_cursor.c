/*
 * fuzz_cursor.c - positions as strangers write them.
 *
 * The input is up to two texts, one a line. What parses must print as it
 * stood, keep the order promised in cursor.h, and come out of the set
 * operations as sets do.
 */
#include <stdlib.h>
#include <string.h>

#include "cursor.h"
#include "fuzz.h"

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

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *s = (const char *)data;
	const char *line = size > 0 ? memchr(s, '\n', size) : NULL;
	size_t n = line != NULL ? (size_t)(line - s) : size;
	struct cursor a, b, u, step;

	if (!parse(&a, s, n))
		return 0;
	FUZZ_CHECK(cursor_subset(&a, &a) && cursor_equal(&a, &a));
	FUZZ_CHECK(cursor_has(&a, a.last));
	FUZZ_CHECK(cursor_low(&a) <= a.last);
	if (line == NULL || !parse(&b, line + 1, size - n - 1))
		return 0;

	if (cursor_union(&u, &a, &b)) {
		FUZZ_CHECK(cursor_subset(&a, &u) && cursor_subset(&b, &u));
		FUZZ_CHECK(cursor_subset(&b, &a) == cursor_equal(&u, &a));
	}
	check_sane(&u);

	cursor_copy(&step, &a);
	if (cursor_step_through(&step, b.last, &b)) {
		FUZZ_CHECK(b.last == 0 || cursor_has(&step, b.last));
		FUZZ_CHECK(a.tli != b.tli || cursor_subset(&a, &step));
	}
	check_sane(&step);
	for (unsigned i = 0; i < b.n; i++) {
		if (cursor_step(&step, b.hole[i].low))
			FUZZ_CHECK(cursor_has(&step, b.hole[i].low));
		if (cursor_drop(&step, b.hole[i].low, b.hole[i].high))
			FUZZ_CHECK(!cursor_has_hole(&step, b.hole[i].high));
		check_sane(&step);
	}
	return 0;
}
