/*
 * doctor_config.c - checks of valid options that do not fit the machine.
 */
#include <errno.h>
#include <string.h>

#include "ctl/ctl.h"
#include "ctl/doctor/doctor.h"

/* Checks for a file that one program's user can read and the other's cannot. */
static void
look_at_keys(struct doctor *d, const char *path, const char *user)
{
	const struct passwd *pw = user != NULL ? getpwnam(user) : NULL;
	struct stat st;

	if (stat(path, &st) == -1)
		doctor_say(d, ILL, "jwt_keys: could not look at \"%s\": %s",
		    path, strerror(errno));
	else if (pw != NULL && !doctor_may_use(pw, &st, 4))
		doctor_say(d, ILL,
		    "jwt_keys: user \"%s\" may not read \"%s\": chgrp it to a group of that user, mode 0640",
		    user, path);
	else if (pw != NULL)
		doctor_say(d, WELL, "user \"%s\" may read jwt_keys", user);
}

void
doctor_config(struct doctor *d, const char *const users[2])
{
	const struct config *c = d->config;
	const char *why = ctl_heartbeat_warning(c);

	doctor_look_at(d, "configuration");
	if (why != NULL)
		doctor_say(d, WARN, "%s", why);
	else
		doctor_say(d, WELL,
		    "heartbeats come more often than web servers want");
	for (int i = 0; *c->jwt_keys != '\0' && i < 2; i++) {
		if (i == 0 || users[0] == NULL || users[1] == NULL ||
		    strcmp(users[0], users[1]) != 0)
			look_at_keys(d, c->jwt_keys, users[i]);
	}
}
