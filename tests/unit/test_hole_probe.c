/*
 * test_hole_probe.c - who may still own an id, one story each.
 */
#include "unit.h"

#include "feed/hole_probe.h"

static struct cursor g;

/* Everything up to 20 is seen but 5 and 10 to 12. */
static void
begin_with_holes(void)
{
	cursor_init(&g, 1, 4);
	assert_true(cursor_step(&g, 6));
	assert_true(cursor_step(&g, 7) && cursor_step(&g, 8) &&
		    cursor_step(&g, 9) && cursor_step(&g, 13));
	for (int64_t id = 14; id <= 20; id++)
		assert_true(cursor_step(&g, id));
	assert_int_equal(cursor_holes(&g), 4);
}

/* A reading with one or two holders; NULL: none. */
static void
read_holders(struct hole_probe *p, const char *a, int64_t quiet_a,
    const char *b, int64_t quiet_b)
{
	hole_probe_begin(p, &g);
	if (a != NULL)
		hole_probe_add(p, a, quiet_a);
	if (b != NULL)
		hole_probe_add(p, b, quiet_b);
	hole_probe_end(p);
}

static void
nobody_is_asked_without_holes_or_too_soon(void **state)
{
	struct hole_probe *p = hole_probe_new();

	cursor_init(&g, 1, 100);
	assert_false(hole_probe_is_due(p, &g, 1000));
	begin_with_holes();
	assert_false(hole_probe_is_due(p, &g, 1000));
	assert_false(hole_probe_is_due(p, &g, 1049));
	assert_true(hole_probe_is_due(p, &g, 1050));
	cursor_drop(&g, 1, 20);
	assert_false(hole_probe_is_due(p, &g, 1060));
	begin_with_holes();
	assert_false(hole_probe_is_due(p, &g, 1070)); /* these are new ones */
	hole_probe_free(p);
}

static void
without_holders_all_holes_are_dead(void **state)
{
	struct hole_probe *p = hole_probe_new();

	begin_with_holes();
	read_holders(p, NULL, 0, NULL, 0);
	assert_true(hole_probe_is_decided(p));
	assert_false(hole_probe_is_due(p, &g, 5000)); /* first the fetch */
	assert_true(cursor_step(&g, 11));             /* which finds this one */
	hole_probe_drop(p, &g);
	assert_int_equal(cursor_holes(&g), 0);
	assert_false(hole_probe_is_decided(p));
	hole_probe_free(p);
}

/* Who takes the lock later owns none of them; what opened later waits. */
static void
a_generation_ends_with_the_last_of_its_holders(void **state)
{
	struct hole_probe *p = hole_probe_new();

	begin_with_holes();
	read_holders(p, "3/1", PROBE_ACTIVE, "4/1", PROBE_ACTIVE);
	assert_false(hole_probe_is_decided(p));
	assert_true(cursor_step(&g, 25)); /* 21 to 24 open */
	read_holders(p, "4/1", PROBE_ACTIVE, "5/1", PROBE_ACTIVE);
	assert_false(hole_probe_is_decided(p));
	read_holders(p, "5/1", PROBE_ACTIVE, NULL, 0);
	assert_true(hole_probe_is_decided(p));
	hole_probe_drop(p, &g);
	assert_int_equal(cursor_holes(&g), 4);
	assert_true(cursor_has_hole(&g, 21) && cursor_has_hole(&g, 24));
	/* The next one has the others for owners. */
	read_holders(p, "5/1", PROBE_ACTIVE, NULL, 0);
	assert_false(hole_probe_is_decided(p));
	read_holders(p, NULL, 0, NULL, 0);
	hole_probe_drop(p, &g);
	assert_int_equal(cursor_holes(&g), 0);
	hole_probe_free(p);
}

static void
a_fetch_drops_below_what_it_finds(void **state)
{
	struct hole_probe *p = hole_probe_new();

	begin_with_holes();
	hole_probe_drop_below(p, &g, 12); /* nothing is decided */
	assert_int_equal(cursor_holes(&g), 4);
	read_holders(p, NULL, 0, NULL, 0);
	hole_probe_drop_below(p, &g, 12);
	assert_int_equal(cursor_holes(&g), 2);
	assert_true(cursor_has_hole(&g, 5) && cursor_has_hole(&g, 12));
	hole_probe_free(p);
}

/* It drew 5 and is idle since; what others left above is dead. */
static void
an_idle_holder_owns_nothing_that_was_drawn_later(void **state)
{
	struct hole_probe *p = hole_probe_new();

	begin_with_holes();
	read_holders(p, "3/1", 700, NULL, 0);
	assert_false(hole_probe_is_decided(p));
	assert_true(hole_probe_wants_high(p));
	hole_probe_set_high(p, 11); /* 12 was not yet drawn */
	assert_false(hole_probe_wants_high(p));
	read_holders(p, "3/1", 700, NULL, 0);
	assert_true(hole_probe_is_decided(p));
	hole_probe_drop_below(p, &g, 11); /* may be its own */
	assert_int_equal(cursor_holes(&g), 4);
	hole_probe_drop(p, &g);
	assert_int_equal(cursor_holes(&g), 3);
	assert_true(cursor_has_hole(&g, 5) && cursor_has_hole(&g, 11));
	/* With nothing above its floor there is nothing to decide, and the
	 * next generation takes in what has opened meanwhile. */
	read_holders(p, "3/1", 700, NULL, 0);
	assert_false(hole_probe_is_decided(p));
	assert_true(cursor_step(&g, 30));
	read_holders(p, "3/1", 700, NULL, 0);
	assert_true(hole_probe_is_decided(p));
	hole_probe_drop(p, &g);
	assert_int_equal(cursor_holes(&g), 3);
	hole_probe_free(p);
}

/* Idle transactions that overlap for ever: the first ones end all the same, and
 * with them what only they can have owned. */
static void
later_idle_holders_do_not_keep_old_holes_open(void **state)
{
	struct hole_probe *p = hole_probe_new();

	begin_with_holes();
	read_holders(p, "3/1", 700, NULL, 0);
	hole_probe_set_high(p, 20);
	read_holders(p, "3/1", 700, "4/1", 800);
	hole_probe_set_high(p, 30);
	read_holders(p, "3/1", 700, "4/1", 800);
	assert_false(hole_probe_is_decided(p));
	read_holders(p, "4/1", 800, "5/1", 900);
	assert_true(hole_probe_is_decided(p));
	hole_probe_drop(p, &g);
	assert_int_equal(cursor_holes(&g), 0);
	hole_probe_free(p);
}

static void
a_holder_that_was_active_in_between_may_own_all(void **state)
{
	struct hole_probe *p = hole_probe_new();

	begin_with_holes();
	read_holders(p, "3/1", 700, NULL, 0);
	hole_probe_set_high(p, 9);
	read_holders(p, "3/1", 800, NULL, 0);
	assert_false(hole_probe_is_decided(p));
	hole_probe_set_high(p, 20);
	read_holders(p, "3/1", PROBE_ACTIVE, NULL, 0);
	assert_false(hole_probe_is_decided(p));
	read_holders(p, "3/1", 800, NULL, 0); /* not known any more */
	assert_false(hole_probe_is_decided(p));
	assert_true(hole_probe_wants_high(p));
	hole_probe_free(p);
}

static void
one_active_holder_is_enough_to_wait(void **state)
{
	struct hole_probe *p = hole_probe_new();

	begin_with_holes();
	read_holders(p, "3/1", 700, "4/1", PROBE_ACTIVE);
	hole_probe_set_high(p, 9);
	read_holders(p, "3/1", 700, "4/1", PROBE_ACTIVE);
	assert_false(hole_probe_is_decided(p));
	read_holders(p, "3/1", 700, NULL, 0);
	assert_true(hole_probe_is_decided(p));
	hole_probe_drop(p, &g);
	assert_int_equal(cursor_holes(&g), 1);
	hole_probe_free(p);
}

/* Its name before the restart of the server was another. */
static void
a_prepared_transaction_with_a_new_name_is_an_owner(void **state)
{
	struct hole_probe *p = hole_probe_new();

	begin_with_holes();
	read_holders(p, "3/1", PROBE_ACTIVE, NULL, 0);
	read_holders(p, "-1/765", 0, NULL, 0);
	assert_false(hole_probe_is_decided(p));
	hole_probe_free(p);
}

static void
a_new_connection_knows_nobody(void **state)
{
	struct hole_probe *p = hole_probe_new();

	begin_with_holes();
	read_holders(p, "3/1", 700, NULL, 0);
	hole_probe_set_high(p, 9);
	hole_probe_reset(p);
	assert_false(hole_probe_wants_high(p));
	read_holders(p, "3/1", 700, NULL, 0); /* another by that name */
	assert_false(hole_probe_is_decided(p));
	hole_probe_free(p);
}

/* With a full list nobody can tell who is not in it. */
static void
too_many_holders_prove_nothing(void **state)
{
	struct hole_probe *p = hole_probe_new();
	char name[32];

	begin_with_holes();
	hole_probe_begin(p, &g);
	for (int i = 0; i < 5000; i++) {
		snprintf(name, sizeof(name), "%d/1", i + 3);
		hole_probe_add(p, name, 700);
	}
	hole_probe_end(p);
	hole_probe_set_high(p, 4);
	assert_false(hole_probe_is_decided(p));
	/* Nor does it to be one of the few that are left of them. */
	read_holders(p, "5002/1", PROBE_ACTIVE, NULL, 0);
	assert_false(hole_probe_is_decided(p));
	read_holders(p, NULL, 0, NULL, 0);
	assert_true(hole_probe_is_decided(p));
	hole_probe_free(p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nobody_is_asked_without_holes_or_too_soon),
		cmocka_unit_test(without_holders_all_holes_are_dead),
		cmocka_unit_test(
		    a_generation_ends_with_the_last_of_its_holders),
		cmocka_unit_test(a_fetch_drops_below_what_it_finds),
		cmocka_unit_test(
		    an_idle_holder_owns_nothing_that_was_drawn_later),
		cmocka_unit_test(later_idle_holders_do_not_keep_old_holes_open),
		cmocka_unit_test(
		    a_holder_that_was_active_in_between_may_own_all),
		cmocka_unit_test(one_active_holder_is_enough_to_wait),
		cmocka_unit_test(
		    a_prepared_transaction_with_a_new_name_is_an_owner),
		cmocka_unit_test(a_new_connection_knows_nobody),
		cmocka_unit_test(too_many_holders_prove_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
