/*
 * fuzz_fcgi_check.c - the first bytes of a connection, whoever sent them.
 *
 * A verdict does not depend on how the bytes arrive.
 */
#include "fcgi_check.h"
#include "fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *p = (const char *)data;
	enum fcgi_check whole = fcgi_check(p, size);

	for (size_t n = size; n > 0; n = n * 3 / 4) {
		enum fcgi_check part = fcgi_check(p, n);

		FUZZ_CHECK(part == FCGI_CHECK_MORE || part == whole);
	}
	if (whole == FCGI_CHECK_OK)
		FUZZ_CHECK(size >= 24 && data[1] == 1);
	if (fcgi_check_whole(p, size))
		FUZZ_CHECK(size >= 8 && p[0] == 1);
	return 0;
}
