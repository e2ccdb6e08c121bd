/*
 * doctor.h - what the parts of "pgfeed doctor" share.
 */
#ifndef PGFEED_DOCTOR_H
#define PGFEED_DOCTOR_H

#include "config/config.h"

enum finding {
	WELL,
	WARN,
	ILL,
};

struct doctor {
	const struct config *config;
	int warnings, errors;
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
