/*
 * doctor.h - helpers that the parts of "pgfeed doctor" share.
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
	const char *topic; /* doctor_url() publishes below this topic */
	/*
	 * for doctor_url(): a JSON web token, and NAME:PASSWORD; NULL for none
	 */
	const char *token, *user;
	int warnings, errors;
	/*
	 * maximum streams of a web server on this machine if less than
	 * max_streams, else 0
	 */
	int64_t room;
	bool quiet; /* count findings without printing them */
	char section[32];
};

/* Sets the subject of the findings that follow. */
void doctor_look_at(struct doctor *, const char *what);

/* Prints one finding as one line, with the remedy if it is bad. */
void doctor_say(struct doctor *, enum finding, const char *fmt, ...)
    PRINTF(3, 4);

/*
 * Checks the socket at path, on which program should serve the web server: that
 * it exists, which users may connect, and that it answers a request.
 */
void doctor_socket(struct doctor *, const char *program, const char *path);

/*
 * Returns whether the mode of a file allows a user of the operating system the
 * bits of want (4 read, 2 write, 1 search).
 */
bool doctor_may_use(const struct passwd *, const struct stat *, mode_t want);

/*
 * Checks options that are valid but do harm later: a heartbeat longer than the
 * timeouts of web servers, and keys that a program cannot read. users are those
 * that the programs run as; NULL for an unknown one.
 */
void doctor_config(struct doctor *, const char *const users[2]);

/*
 * Finds the web servers that run on this machine, and checks that they carry
 * max_streams.
 */
void doctor_host(struct doctor *);

/*
 * Checks the way through the web server, as a browser uses it. long_s: also
 * holds a silent stream for that many seconds, to find timeouts; 0: does not.
 */
void doctor_url(struct doctor *, const char *url, int long_s);

#endif
