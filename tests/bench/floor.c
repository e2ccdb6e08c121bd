/*
 * floor.c - the floor under every fan-out: a loop of send().
 *
 * One process sends one FastCGI record to each of as many socket pairs, again
 * and again; another reads them, as the load generator would. What pgfeed does
 * more than this is pgfeed's own cost.
 */
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/util.h"

#include <stdio.h>

static _Noreturn void
drain(int *fd, unsigned n)
{
	static char chunk[65536];
	struct epoll_event e[1024];
	int ep = epoll_create1(0), got;

	for (unsigned i = 0; i < n; i++) {
		struct epoll_event in = { .events = EPOLLIN | EPOLLET,
			.data.fd = fd[i] };

		if (epoll_ctl(ep, EPOLL_CTL_ADD, fd[i], &in) == -1)
			err(1, "epoll_ctl");
	}
	for (;;) {
		got = epoll_wait(ep, e, (int)ARRAY_LEN(e), -1);
		for (int i = 0; i < got; i++) {
			ssize_t k;

			do {
				k = recv(e[i].data.fd, chunk, sizeof(chunk),
				    MSG_DONTWAIT);
				if (k == 0)
					_exit(0);
			} while (k == (ssize_t)sizeof(chunk));
		}
	}
}

static double
cpu_s(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
	       (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

int
main(int argc, char **argv)
{
	static const struct option long_options[] = {
		{ "streams", required_argument, NULL, 'n' },
		{ "size", required_argument, NULL, 's' },
		{ "seconds", required_argument, NULL, 't' },
		{ "rate", required_argument, NULL, 'r' },
		{ NULL, 0, NULL, 0 },
	};
	static char record[65536];
	unsigned n = 1000, turns = 0, full = 0;
	uint64_t sends = 0;
	size_t size = 150;
	double seconds = 3, rate = 0, passed = 0;
	struct rlimit limit;
	int64_t begin;
	int *ours, *theirs, pair[2], c;
	pid_t child;

	while ((c = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		if (c == 'n')
			n = (unsigned)atoi(optarg);
		else if (c == 's')
			size = MIN(strtoul(optarg, NULL, 10), sizeof(record));
		else if (c == 't')
			seconds = atof(optarg);
		else if (c == 'r')
			rate = atof(optarg);
		else
			return 2;
	}
	limit.rlim_cur = limit.rlim_max = 2 * n + 64;
	if (setrlimit(RLIMIT_NOFILE, &limit) == -1)
		warn("%u pairs need %u descriptors", n, 2 * n + 64);
	ours = calloc(n, sizeof(*ours));
	theirs = calloc(n, sizeof(*theirs));
	if (ours == NULL || theirs == NULL)
		err(1, "%u pairs", n);
	for (unsigned i = 0; i < n; i++) {
		if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == -1)
			err(1, "socketpair");
		ours[i] = pair[0];
		theirs[i] = pair[1];
	}
	child = fork();
	if (child == -1)
		err(1, "fork");
	if (child == 0) {
		for (unsigned i = 0; i < n; i++)
			close(ours[i]);
		drain(theirs, n);
	}
	for (unsigned i = 0; i < n; i++)
		close(theirs[i]);

	memset(record, ' ', sizeof(record));
	begin = now_ms();
	do {
		double early = rate > 0 ? turns / rate - passed : 0;

		if (early > 0)
			usleep((useconds_t)(early * 1e6));
		for (unsigned i = 0; i < n; i++) {
			if (send(ours[i], record, size,
				MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)size)
				sends++;
			else
				full++;
		}
		turns++;
		passed = (double)(now_ms() - begin) / 1000;
	} while (passed < seconds);
	printf("{\"streams\":%u,\"size\":%zu,\"turns\":%u,\"sends\":%ju,"
	       "\"full\":%u,\"seconds\":%.3f,\"cpu_s\":%.3f,"
	       "\"sends_per_s\":%.0f,\"sends_per_cpu_s\":%.0f}\n",
	    n, size, turns, (uintmax_t)sends, full, passed, cpu_s(),
	    (double)sends / passed, (double)sends / cpu_s());
	kill(child, SIGTERM);
	waitpid(child, NULL, 0);
	return 0;
}
