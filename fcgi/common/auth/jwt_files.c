/*
 * jwt_files.c - reads the key file and the files of public keys.
 *
 * A file that is not regular is refused before the first read: a pipe or a
 * terminal would block the start of a gateway, and all its requests when the
 * keys are read again.
 */
#include <sys/stat.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "auth/jwt_keys.h"

#define KEYS_MAX_BYTES (256 * 1024)
#define PEM_MAX_BYTES  (16 * 1024)

/* Reads a file of at most `most` bytes into b; returns NULL or the reason. */
static const char *
read_file(struct buf *b, const char *path, size_t most, struct stat *st)
{
	const char *why = NULL;
	ssize_t n = 1;
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

	if (fd == -1)
		return strerror(errno);
	if (fstat(fd, st) == -1)
		why = strerror(errno);
	else if (!S_ISREG(st->st_mode))
		why = "it is not a regular file";
	else if (!buf_reserve(b, most + 2))
		why = "out of memory";
	while (why == NULL && n > 0 && b->len <= most) {
		n = read(fd, b->data + b->len, most + 1 - b->len);
		if (n == -1 && errno != EINTR)
			why = strerror(errno);
		if (n == -1 && errno == EINTR)
			n = 1;
		else if (n > 0)
			b->len += (size_t)n;
	}
	close(fd);
	if (why == NULL && b->len > most)
		why = "it is too large";
	if (why == NULL)
		b->data[b->len] = '\0';
	return why;
}

/* For jwt_keys_parse(): arg is the path of the file with the keys. */
static const char *
read_pem(struct buf *pem, const char *path, void *arg)
{
	const char *key_file = arg;
	const char *slash = *path != '/' ? strrchr(key_file, '/') : NULL;
	int folder = slash != NULL ? (int)(slash + 1 - key_file) : 0;
	char full[PATH_MAX];
	struct stat st;

	if (snprintf(full, sizeof(full), "%.*s%s", folder, key_file, path) >=
	    (int)sizeof(full))
		return "the path is too long";
	if (read_file(pem, full, PEM_MAX_BYTES, &st) != NULL)
		return "the public key cannot be read: its file must be a regular file of at most 16kB";
	/* A stranger who replaces the key can sign tokens for any user. */
	if (st.st_mode & S_IWOTH)
		return "the file of this public key is world-writable: chmod o-w";
	return NULL;
}

static const char *
check_mode(const struct jwt_keys *keys, mode_t mode)
{
	if (mode & S_IWOTH)
		return "the file is world-writable: chmod o-rwx";
	if (keys->has_secret && mode & S_IROTH)
		return "the file has secrets and is world-readable: chmod o-rwx";
	return NULL;
}

struct jwt_keys *
jwt_keys_load(const char *path, char *err, size_t size)
{
	struct jwt_keys *keys = NULL;
	struct buf text = BUF_INIT;
	struct stat st;
	const char *why = read_file(&text, path, KEYS_MAX_BYTES, &st);
	int line;

	if (why != NULL) {
		snprintf(err, size, "could not read \"%s\": %s", path, why);
		goto out;
	}
	keys = jwt_keys_parse(
	    text.data, text.len, read_pem, (void *)path, &line, &why);
	if (keys == NULL && line > 0) {
		snprintf(err, size, "%s:%d: %s", path, line, why);
		goto out;
	}
	if (why == NULL)
		why = check_mode(keys, st.st_mode);
	if (why != NULL) {
		snprintf(err, size, "%s: %s", path, why);
		jwt_keys_free(keys);
		keys = NULL;
	}
out:
	if (text.data != NULL)
		explicit_bzero(text.data, text.cap);
	buf_fini(&text);
	return keys;
}
