/*
 * fcgid.c - FastCGI proxy for mod_fcgid.
 *
 * Both sides speak the same protocol, so bytes pass unchanged. The proxy serves
 * one connection at a time, since mod_fcgid uses a process so.
 */
#include <sys/socket.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "cgi/fcgid.h"
#include "cgi/launch.h"

bool
pump_is_wanted(void)
{
	int yes = 0;
	socklen_t n = sizeof(yes);

	return getsockopt(STDIN_FILENO, SOL_SOCKET, SO_ACCEPTCONN, &yes, &n) ==
		   0 &&
	       yes;
}

/* Copies the available bytes. Returns false at the end of either side. */
static bool
pass_on(int from, int to)
{
	char bytes[16384];
	ssize_t n = read(from, bytes, sizeof(bytes));

	if (n <= 0)
		return n == -1 && errno == EINTR;
	for (ssize_t out = 0; out < n;) {
		ssize_t done =
		    send(to, bytes + out, (size_t)(n - out), MSG_NOSIGNAL);

		if (done == -1 && errno != EINTR)
			return false;
		out += MAX(done, 0);
	}
	return true;
}

static void
serve(int web, int gateway)
{
	struct pollfd p[2] = { { .fd = web, .events = POLLIN },
		{ .fd = gateway, .events = POLLIN } };

	for (;;) {
		if (poll(p, 2, -1) == -1 && errno != EINTR)
			return;
		if (p[1].revents && !pass_on(gateway, web))
			return;
		if (p[0].revents && !pass_on(web, gateway))
			return;
	}
}

void
pump(const struct config *c)
{
	for (;;) {
		int web = accept(STDIN_FILENO, NULL, NULL), gateway;

		if (web == -1 && (errno == EINTR || errno == ECONNABORTED))
			continue;
		if (web == -1) {
			log_sys("could not accept a connection");
			exit(1);
		}
		gateway = launch_connect(c);
		if (gateway != -1) {
			serve(web, gateway);
			close(gateway);
		}
		close(web);
	}
}
