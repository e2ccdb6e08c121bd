/*
 * config.c - files of settings.
 *
 * What is taken must be within the bounds that the programs rely on, and must
 * come back the same when it is printed and read again. What is refused leaves
 * nothing behind and says something. A first line that begins with "!" is the
 * environment's PGFEED_RETRY_MIN.
 */
#include <sys/mman.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/config.h"
#include "fuzz.h"

static int
load(struct config *c, const void *text, size_t n)
{
	char path[64], err[512] = "";
	int fd = memfd_create("config", MFD_CLOEXEC), rc;

	FUZZ_CHECK(fd != -1 && write(fd, text, n) == (ssize_t)n);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	rc = config_load(c, path, err, sizeof(err));
	FUZZ_CHECK((rc == 0) == (err[0] == '\0'));
	close(fd);
	return rc;
}

static char *
print(const struct config *c, size_t *n)
{
	char *text = NULL;
	FILE *f = open_memstream(&text, n);

	FUZZ_CHECK(f != NULL);
	config_print(c, f);
	FUZZ_CHECK(fclose(f) == 0);
	return text;
}

/* Once: what is no file is refused as well. */
int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static const char *const none[] = { "/nonexistent/pgfeed.conf", "/" };
	struct config c;
	char err[512];

	for (size_t i = 0; i < ARRAY_LEN(none); i++) {
		FUZZ_CHECK(config_load(&c, none[i], err, sizeof(err)) == -1);
		FUZZ_CHECK(strncmp(err, "could not read", 14) == 0);
	}
	return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *s = (const char *)data;
	const char *eol = size > 0 && *s == '!' ? memchr(s, '\n', size) : NULL;
	char *first, *second;
	struct config c;
	size_t n, m;

	unsetenv("PGFEED_RETRY_MIN");
	if (eol != NULL) {
		char *value = strndup(s + 1, (size_t)(eol - s - 1));

		FUZZ_CHECK(value != NULL);
		setenv("PGFEED_RETRY_MIN", value, 1);
		free(value);
		size -= (size_t)(eol + 1 - s);
		data += eol + 1 - s;
	}
	if (load(&c, data, size) == -1) {
		FUZZ_CHECK(c.database == NULL && c.listen.item == NULL);
		return 0;
	}
	config_open_log(&c, "fuzz");
	FUZZ_CHECK(config_database(&c, "") == c.database);
	FUZZ_CHECK(c.heartbeat >= 100 && c.retry_min <= c.retry_max);
	FUZZ_CHECK(c.payload_limit >= 1 && c.payload_limit <= c.body_limit);
	FUZZ_CHECK(c.base_path[0] == '/' && c.socket_mode <= 0777);
	FUZZ_CHECK(c.post_threads >= 1);
	for (size_t i = 0; i < c.listen.n; i++)
		FUZZ_CHECK(c.listen.item[i][0] != '\0' &&
			   strpbrk(c.listen.item[i], " \t,") == NULL);

	first = print(&c, &n);
	config_free(&c);
	FUZZ_CHECK(load(&c, first, n) == 0);
	second = print(&c, &m);
	config_free(&c);
	FUZZ_CHECK(n == m && memcmp(first, second, n) == 0);
	free(first);
	free(second);
	return 0;
}
