/*
 * doctor.h - what the parts of "pgfeed doctor" share.
 */
#ifndef PGFEED_DOCTOR_H
#define PGFEED_DOCTOR_H

#include <pwd.h>
#include <sys/stat.h>

#include "config/config.h"

enum finding {
	WELL,
	WARN,
	ILL,
};

struct doctor {
	const struct config *config;
	const char *topic;        /* doctor_url() publishes below it */
	const char *token, *user; /* for doctor_url(): a JSON web token, or
				   * NAME:PASSWORD; NULL for none */
	int warnings, errors;
	int64_t room; /* streams for which a web server here has room, when that
		       * is less than max_streams; else 0 */
	bool quiet;   /* findings are counted and not printed */
	char section[32];
};

/* What the findings that follow are about. */
void doctor_look_at(struct doctor *, const char *what);

/* One finding, one line; when it is not well, with advice. */
void doctor_say(struct doctor *, enum finding, const char *fmt, ...)
    PRINTF(3, 4);

/*
 * The socket at path, on which program should serve the web server: whether it
 * is there, who may connect, and whether it answers a request.
 */
void doctor_socket(struct doctor *, const char *program, const char *path);

/* Whether the mode of a file allows a user of the operating system what the bits
 * of want (4 read, 2 write, 1 search) say. */
bool doctor_may_use(const struct passwd *, const struct stat *, mode_t want);

/*
 * What the configuration says that hurts later: a heartbeat that web servers do
 * not wait for, and keys that a program cannot read. users are those that the
 * programs run as; NULL for an unknown one.
 */
void doctor_config(struct doctor *, const char *const users[2]);

/*
 * The web servers that run on this machine, and whether max_streams is less
 * than what they carry.
 */
void doctor_host(struct doctor *);

/*
 * The way through the web server, as a browser goes it. long_s: also hold a
 * silent stream for so many seconds, to see whether something cuts it; 0: not.
 */
void doctor_url(struct doctor *, const char *url, int long_s);

#endif
