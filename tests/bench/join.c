/*
 * join.c - how long a stream waits for its first event, with many users.
 *
 * join SOCKET COUNT USER [AT_ONCE]: opens COUNT streams of the topic bench/join
 * at pgfeed-stream's socket, as the web server does, for the users USER0,
 * USER1, ..., AT_ONCE of them under way at a time. A second thread asks for
 * -/live all the while, which the loop answers: no turn of it took longer than
 * the longest of those answers. Says so on one line, and holds the streams until
 * its input ends.
 */
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <err.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "hist.h"

#define PING_US 2000

struct stream {
	int fd;
	int64_t since_us;
	char end[32]; /* of what came so far */
	size_t n;
};

static const char *path;
static struct hist waits, pings;
static atomic_bool done;

static int64_t
now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * INT64_C(1000000) + t.tv_nsec / 1000;
}

static size_t
add_pair(char *p, const char *name, const char *value)
{
	size_t n = strlen(name), v = strlen(value);

	p[0] = (char)n;
	p[1] = (char)v;
	memcpy(p + 2, name, n);
	memcpy(p + 2 + n, value, v);
	return 2 + n + v;
}

static size_t
add_record(char *p, int type, size_t n)
{
	const char head[8] = { 1, (char)type, 0, 1, (char)(n >> 8), (char)n };

	memcpy(p, head, sizeof(head));
	return sizeof(head) + n;
}

/* Sends a request; the connection. */
static int
send_request(const char *uri, const char *user)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	char buf[1024];
	size_t n, params;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strncpy(sun.sun_path, path, sizeof(sun.sun_path) - 1);
	if (fd == -1 || connect(fd, (struct sockaddr *)&sun, sizeof(sun)) == -1)
		err(1, "%s", path);
	n = add_record(buf, 1, 8);
	memset(buf + 8, 0, 8);
	buf[9] = 1; /* responder */
	params = n + 8;
	params += add_pair(buf + params, "REQUEST_METHOD", "GET");
	params += add_pair(buf + params, "REQUEST_URI", uri);
	params += add_pair(buf + params, "SERVER_PROTOCOL", "HTTP/1.1");
	params += add_pair(buf + params, "QUERY_STRING", "");
	params += add_pair(buf + params, "SCRIPT_NAME", "/events");
	if (user != NULL)
		params += add_pair(buf + params, "REMOTE_USER", user);
	n += add_record(buf + n, 4, params - n - 8);
	n += add_record(buf + n, 4, 0);
	n += add_record(buf + n, 5, 0);
	if (write(fd, buf, n) != (ssize_t)n)
		err(1, "could not send a request");
	return fd;
}

static void *
ping(void *arg)
{
	char buf[1024];

	while (!done) {
		int64_t since = now_us();
		int fd = send_request("/events/-/live", NULL);

		if (read(fd, buf, sizeof(buf)) <= 0)
			errx(1, "no answer to -/live");
		hist_add(&pings, now_us() - since);
		close(fd);
		usleep(PING_US);
	}
	return arg;
}

/* Whether pgfeed.open is here; the words may come in two pieces. */
static int
is_open(struct stream *s)
{
	char buf[4096 + sizeof(s->end)];
	ssize_t n;

	memcpy(buf, s->end, s->n);
	n = recv(s->fd, buf + s->n, 4096, 0);
	if (n <= 0)
		errx(1, "a stream was closed");
	n += (ssize_t)s->n;
	if (memmem(buf, (size_t)n, "pgfeed.open", 11) != NULL)
		return 1;
	if (memmem(buf, (size_t)n, "pgfeed.bye", 10) != NULL ||
	    memmem(buf, (size_t)n, "Status: 4", 9) != NULL)
		errx(1, "a stream was refused: %.*s", (int)n, buf);
	s->n = (size_t)n < sizeof(s->end) ? (size_t)n : sizeof(s->end);
	memcpy(s->end, buf + n - s->n, s->n);
	return 0;
}

int
main(int argc, char **argv)
{
	int count, at_once, begun = 0, open = 0, ep = epoll_create1(0);
	struct stream *stream;
	pthread_t thread;
	int64_t began;

	if (argc < 4)
		errx(2, "usage: %s SOCKET COUNT USER [AT_ONCE]", argv[0]);
	path = argv[1];
	count = atoi(argv[2]);
	at_once = argc > 4 ? atoi(argv[4]) : 4;
	stream = calloc((size_t)count, sizeof(*stream));
	if (stream == NULL || ep == -1 ||
	    pthread_create(&thread, NULL, ping, NULL) != 0)
		err(1, "could not start");
	began = now_us();
	while (open < count) {
		struct epoll_event e = { .events = EPOLLIN };
		struct stream *s;
		char user[64];

		if (begun < count && begun - open < at_once) {
			s = &stream[begun];
			snprintf(user, sizeof(user), "%s%d", argv[3], begun++);
			s->since_us = now_us();
			s->fd = send_request("/events/bench/join", user);
			e.data.ptr = s;
			if (epoll_ctl(ep, EPOLL_CTL_ADD, s->fd, &e) == -1)
				err(1, "epoll");
			continue;
		}
		if (epoll_wait(ep, &e, 1, 20000) != 1)
			errx(1, "no answer within 20 s");
		s = e.data.ptr;
		if (!is_open(s))
			continue;
		hist_add(&waits, now_us() - s->since_us);
		epoll_ctl(ep, EPOLL_CTL_DEL, s->fd, NULL);
		open++;
	}
	began = now_us() - began;
	done = 1;
	pthread_join(thread, NULL);
	printf("{\"streams\":%d,\"seconds\":%.2f,\"wait\":", count,
	    (double)began / 1e6);
	hist_print(&waits, stdout);
	printf(",\"live\":");
	hist_print(&pings, stdout);
	printf("}\n");
	fflush(stdout);
	while (getchar() != EOF)
		;
	return 0;
}
