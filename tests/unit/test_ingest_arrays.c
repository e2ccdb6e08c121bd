/*
 * test_ingest_arrays.c - the binary arrays, byte by byte.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "post/ingest_arrays.h"

#define EMPTY       "\0\0\0\0\0\0\0\0\0\0\0\x19"
#define EMPTY_NULLS "\0\0\0\0\0\0\0\1\0\0\0\x19"
#define TWO         "\0\0\0\1\0\0\0\0\0\0\0\x19\0\0\0\2\0\0\0\1"
#define TWO_NULLS   "\0\0\0\1\0\0\0\1\0\0\0\x19\0\0\0\2\0\0\0\1"

#define assert_bytes(b, s)                                 \
	do {                                               \
		assert_int_equal((b).len, sizeof(s) - 1);  \
		assert_memory_equal((b).data, s, (b).len); \
	} while (0)

static void
test_arrays(void **state)
{
	static const struct row rows[] = {
		{ .topic = "a",
		    .kind = "k",
		    .data = "x\"{},\\",
		    .data_len = 6,
		    .who = "me" },
		{ .topic = "bc", .key = "key", .data = "", .claims = "{}" },
	};
	const struct row *const list[] = { &rows[0], &rows[1] };
	struct buf array[BATCH_ARRAYS] = { BUF_INIT };

	/* Twice, since the buffers are used again. */
	for (int i = 0; i < 2; i++) {
		assert_true(batch_encode(array, NULL, 0));
		assert_bytes(array[BATCH_TOPICS], EMPTY);
		assert_bytes(array[BATCH_KINDS], EMPTY_NULLS);
		assert_bytes(array[BATCH_DATAS], EMPTY);
		assert_bytes(array[BATCH_KEYS], EMPTY_NULLS);
		assert_bytes(array[BATCH_WHOS], EMPTY_NULLS);
		assert_bytes(array[BATCH_CLAIMS], EMPTY_NULLS);

		assert_true(batch_encode(array, list, 2));
		assert_bytes(array[BATCH_TOPICS], TWO "\0\0\0\1a"
						      "\0\0\0\2bc");
		assert_bytes(array[BATCH_KINDS], TWO_NULLS "\0\0\0\1k"
							   "\xff\xff\xff\xff");
		assert_bytes(array[BATCH_DATAS], TWO "\0\0\0\6x\"{},\\"
						     "\0\0\0\0");
		assert_bytes(array[BATCH_KEYS], TWO_NULLS "\xff\xff\xff\xff"
							  "\0\0\0\3key");
		assert_bytes(array[BATCH_WHOS], TWO_NULLS "\0\0\0\2me"
							  "\xff\xff\xff\xff");
		assert_bytes(array[BATCH_CLAIMS], TWO_NULLS "\xff\xff\xff\xff"
							    "\0\0\0\2{}");
	}
	for (int i = 0; i < BATCH_ARRAYS; i++)
		buf_fini(&array[i]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_arrays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
