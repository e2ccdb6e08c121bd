/*
 * standalone.c - runs a fuzz target over the files named, without libFuzzer.
 *
 * Takes the same arguments as a libFuzzer program that is given files. Every
 * input is also run in all its beginnings up to a limit, since a parser that
 * is fed by a socket meets each of them.
 */
#include <err.h>
#include <string.h>

#include "fuzz.h"

#define MAX_INPUT_BYTES (1 << 20)
#define MAX_BEGINNINGS  512

/* In memory of its own size, so that a sanitizer sees a read past the end. */
static void
run(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size > 0 ? size : 1);

	if (copy == NULL)
		err(1, "%zu bytes", size);
	memcpy(copy, data, size);
	LLVMFuzzerTestOneInput(copy, size);
	free(copy);
}

int
main(int argc, char **argv)
{
	static uint8_t data[MAX_INPUT_BYTES];

	if (argc < 2)
		errx(1, "usage: %s FILE...", argv[0]);
	if (LLVMFuzzerInitialize != NULL)
		LLVMFuzzerInitialize(&argc, &argv);
	for (int i = 1; i < argc; i++) {
		FILE *f = fopen(argv[i], "rb");
		size_t n;

		if (f == NULL)
			err(1, "%s", argv[i]);
		n = fread(data, 1, sizeof(data), f);
		if (ferror(f))
			err(1, "%s", argv[i]);
		fclose(f);
		run(data, n);
		for (size_t part = 0; part < n && part < MAX_BEGINNINGS; part++)
			run(data, part);
	}
	printf("%d inputs\n", argc - 1);
	return 0;
}
