/*
 * config_file.h - changes one option of a configuration file.
 */
#ifndef PGFEED_CONFIG_FILE_H
#define PGFEED_CONFIG_FILE_H

#include <stdbool.h>

enum config_file_result {
	CONFIG_FILE_SET,    /* the file has the option now */
	CONFIG_FILE_SAME,   /* the file had this value already */
	CONFIG_FILE_OTHER,  /* the file has another value, and keeps it */
	CONFIG_FILE_DENIED, /* this user may not read or write the file */
	CONFIG_FILE_FAILED, /* another failure: see errno */
};

/*
 * Sets name = value in the file at path: in the first line that has the option
 * commented out or empty, else at the end. The file keeps its owner and mode,
 * and is replaced in one step. A new file belongs to root and to the group
 * "pgfeed" if there is one, with mode 0640. dry_run changes nothing.
 */
enum config_file_result config_file_set(
    const char *path, const char *name, const char *value, bool dry_run);

#endif
