/*
 * config_file.c - changes one option of a configuration file.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ctl/ctl.h"
#include "ctl/setup/config_file.h"

/*
 * Returns the value in a line "name = value", without the line's end, or NULL
 * for another line. *active is whether the line is not commented out.
 */
static const char *
option_value(const char *line, const char *name, bool *active)
{
	size_t n = strlen(name);

	*active = *line != '#';
	line += !*active;
	if (strncmp(line, name, n) != 0)
		return NULL;
	line += n + strspn(line + n, " \t");
	return *line == '=' ? line + 1 + strspn(line + 1, " \t") : NULL;
}

/* Copies in to out with the option set. */
static enum config_file_result
copy(FILE *in, FILE *out, const char *name, const char *value)
{
	enum config_file_result result = CONFIG_FILE_SET;
	bool active, done = false;
	char *line = NULL;
	size_t size = 0;

	while (in != NULL && getline(&line, &size, in) != -1) {
		const char *old = option_value(line, name, &active);

		if (old != NULL && active && *old != '\n' && *old != '\0') {
			line[strcspn(line, "\n")] = '\0';
			result = strcmp(old, value) == 0 ? CONFIG_FILE_SAME
							 : CONFIG_FILE_OTHER;
			break;
		}
		if (old != NULL && !done) {
			fprintf(out, "%s = %s\n", name, value);
			done = true;
		} else
			fputs(line, out);
	}
	if (!done)
		fprintf(out, "%s = %s\n", name, value);
	if (result == CONFIG_FILE_SET &&
	    (fflush(out) != 0 || ferror(out) || (in != NULL && ferror(in))))
		result = CONFIG_FILE_FAILED;
	free(line);
	return result;
}

enum config_file_result
config_file_set(
    const char *path, const char *name, const char *value, bool dry_run)
{
	enum config_file_result result = CONFIG_FILE_FAILED;
	const struct group *group = getgrnam(CTL_OWNER);
	struct stat st = { .st_mode = 0640,
		.st_uid = geteuid(),
		.st_gid = group != NULL ? group->gr_gid : getegid() };
	FILE *in = fopen(path, "re"), *out = NULL;
	char new[PATH_MAX];
	int fd;

	if (in == NULL ? errno != ENOENT : access(path, W_OK) == -1) {
		result = CONFIG_FILE_DENIED;
		goto out;
	}
	if (in != NULL && fstat(fileno(in), &st) == -1)
		goto out;
	if (dry_run)
		snprintf(new, sizeof(new), "/dev/null");
	else {
		snprintf(new, sizeof(new), "%s.new", path);
		unlink(new);
	}
	fd = open(new, dry_run ? O_WRONLY : O_WRONLY | O_CREAT | O_EXCL, 0600);
	if (fd == -1 || (out = fdopen(fd, "w")) == NULL) {
		if (fd != -1)
			close(fd);
		else if (errno == EACCES)
			result = CONFIG_FILE_DENIED;
		goto out;
	}
	result = copy(in, out, name, value);
	if (dry_run)
		goto out;
	if (result == CONFIG_FILE_SET &&
	    (fchown(fd, st.st_uid, st.st_gid) == -1 ||
		fchmod(fd, st.st_mode & 07777) == -1 ||
		rename(new, path) == -1))
		result = CONFIG_FILE_FAILED;
	if (result != CONFIG_FILE_SET)
		unlink(new);
out:
	if (in != NULL)
		fclose(in);
	if (out != NULL)
		fclose(out);
	return result;
}
