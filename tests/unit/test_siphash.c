/*
 * test_siphash.c - hashes that nobody outside can foresee.
 */
#include "unit.h"

#include "base/siphash.h"

/* As CPython 3.11 has it with PYTHONHASHSEED=0. */
static void
hashes_are_those_of_others(void **state)
{
	static const uint64_t zeros[2];
	static const struct {
		const char *text;
		uint64_t hash;
	} table[] = {
		{ "a", UINT64_C(0x407448d2b89b1813) },
		{ "abc", UINT64_C(0xc03bc3a0042630f2) },
		{ "1234567", UINT64_C(0xa33d651594fdae81) },
		{ "12345678", UINT64_C(0x3489982430560a87) },
		{ "123456789", UINT64_C(0x0fbc0f0007965fcf) },
		{ "public/orders/0123456789abcdef",
		    UINT64_C(0x1162756ceb9f28c1) },
	};

	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		assert_int_equal(
		    hash_sip(zeros, table[i].text, strlen(table[i].text)),
		    table[i].hash);
}

static void
each_part_of_the_key_counts(void **state)
{
	static const uint64_t keys[][2] = { { 0, 0 }, { 1, 0 }, { 0, 1 },
		{ UINT64_C(1) << 63, 0 }, { 0, UINT64_C(1) << 63 } };

	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		for (size_t k = 0; k < i; k++)
			assert_int_not_equal(hash_sip(keys[i], "x", 1),
			    hash_sip(keys[k], "x", 1));
	}
}

/* Its own key is drawn; that it is 0, and so is no key, is no chance. */
static void
a_process_has_a_key_of_its_own(void **state)
{
	static const uint64_t zeros[2];

	assert_int_equal(hash_bytes("abc", 3), hash_bytes("abc", 3));
	assert_false(
	    hash_bytes("abc", 3) == (uint32_t)hash_sip(zeros, "abc", 3) &&
	    hash_bytes("a", 1) == (uint32_t)hash_sip(zeros, "a", 1));
	assert_int_equal(hash_bytes(NULL, 0), hash_bytes("", 0));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hashes_are_those_of_others),
		cmocka_unit_test(each_part_of_the_key_counts),
		cmocka_unit_test(a_process_has_a_key_of_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
