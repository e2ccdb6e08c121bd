/*
 * peer_check.c - the users that may connect to a socket.
 */
#include <sys/socket.h>
#include <pwd.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "fastcgi/peer_check.h"

struct peer_check {
	uint64_t refused;
	size_t n;
	uid_t uid[];
};

struct peer_check *
peer_check_new(const struct config_list *users)
{
	struct peer_check *p =
	    calloc(1, sizeof(*p) + (users->n + 2) * sizeof(p->uid[0]));

	if (p == NULL)
		log_fatal("could not start: out of memory");
	p->uid[p->n++] = geteuid();
	p->uid[p->n++] = 0;
	for (size_t i = 0; i < users->n; i++) {
		struct passwd *pw = getpwnam(users->item[i]);
		char *end;
		unsigned long uid = strtoul(users->item[i], &end, 10);

		if (pw != NULL)
			p->uid[p->n++] = pw->pw_uid;
		else if (*end == '\0')
			p->uid[p->n++] = (uid_t)uid;
		else
			log_info("peer_users: there is no user \"%s\" here",
			    users->item[i]);
	}
	return p;
}

void
peer_check_free(struct peer_check *p)
{
	free(p);
}

bool
peer_check_allow(struct peer_check *p, int fd)
{
	struct ucred peer;
	socklen_t n = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n) == -1)
		return false;
	for (size_t i = 0; i < p->n; i++) {
		if (peer.uid == p->uid[i])
			return true;
	}
	if (p->refused++ % 1000 == 0)
		log_warning(
		    "connection refused: user %u is not among peer_users",
		    (unsigned)peer.uid);
	return false;
}
