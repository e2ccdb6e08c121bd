/*
 * fuzz.h - what a fuzz target is.
 *
 * tests/fuzz/NAME.c defines LLVMFuzzerTestOneInput(); its program is
 * tests/fuzz/NAME.fuzz and its inputs are the files in tests/fuzz/corpus/NAME.
 * "make check" runs every target over its corpus. Configured with
 * CC=clang --enable-fuzz --enable-sanitize, "make fuzz FUZZ_SECONDS=60" goes on
 * from there with libFuzzer; without, standalone.c is the main program. An
 * input that broke something is added to the corpus. coverage.sh prints what
 * the corpora reach of each parser.
 */
#ifndef PGFEED_FUZZ_H
#define PGFEED_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* Called with any bytes; returns 0, and aborts when a promise is broken. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* May be there: called once before all inputs. */
int LLVMFuzzerInitialize(int *argc, char ***argv) __attribute__((weak));

#define FUZZ_CHECK(what)                                                 \
	do {                                                             \
		if (!(what)) {                                           \
			fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, \
			    __LINE__, #what);                            \
			abort();                                         \
		}                                                        \
	} while (0)

#endif
