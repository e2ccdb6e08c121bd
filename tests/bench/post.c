/*
 * post.c - posts one event after the other on each of many connections.
 *
 * A closed loop: what it measures is how many durable answers a second a
 * server gives, and how long one takes. Connections are kept alive; one that
 * the server closes after its answer is opened again.
 */
#include <sys/epoll.h>
#include <sys/socket.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "hist.h"

#define ANSWER_MAX 8192

struct connection {
	int fd;
	int64_t sent_us;
	size_t n;
	char answer[ANSWER_MAX];
};

static struct {
	struct sockaddr_in to;
	const char *path;
	unsigned connections;
	double duration_s;
	size_t size;
} o = { .path = "/", .connections = 1, .duration_s = 3, .size = 120 };

static int ep;
static struct buf request;
static struct hist latency;
static uint64_t good, bad, reopened;
static int bad_status;

static void
send_one(struct connection *c)
{
	c->n = 0;
	c->sent_us = wall_us();
	if (send(c->fd, request.data, request.len, MSG_NOSIGNAL) !=
	    (ssize_t)request.len)
		warn("send");
}

static void
open_one(struct connection *c)
{
	struct epoll_event e = { .events = EPOLLIN, .data.ptr = c };
	int one = 1;

	c->fd = socket(AF_INET, SOCK_STREAM, 0);
	if (c->fd == -1 ||
	    connect(c->fd, (struct sockaddr *)&o.to, sizeof(o.to)) == -1)
		err(1, "could not connect");
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (epoll_ctl(ep, EPOLL_CTL_ADD, c->fd, &e) == -1)
		err(1, "epoll_ctl");
}

/* Whether the answer is whole: by its length, or its last chunk. */
static bool
is_whole(const struct connection *c)
{
	const char *body = strstr(c->answer, "\r\n\r\n"), *length;

	if (body == NULL)
		return false;
	body += 4;
	length = strcasestr(c->answer, "\r\ncontent-length:");
	if (length != NULL && length < body)
		return c->n - (size_t)(body - c->answer) >=
		       strtoul(length + 17, NULL, 10);
	return c->n >= 5 && memcmp(c->answer + c->n - 5, "0\r\n\r\n", 5) == 0;
}

static void
count(const struct connection *c)
{
	int status = atoi(c->answer + 9);

	hist_add(&latency, wall_us() - c->sent_us);
	if (status == 201 || status == 200) {
		good++;
	} else {
		bad++;
		bad_status = status;
	}
}

static void
read_one(struct connection *c)
{
	ssize_t n =
	    recv(c->fd, c->answer + c->n, ANSWER_MAX - 1 - c->n, MSG_DONTWAIT);

	if (n == -1 && errno == EAGAIN)
		return;
	if (n <= 0) {
		if (c->n > 0)
			count(c);
		close(c->fd);
		reopened++;
		open_one(c);
		send_one(c);
		return;
	}
	c->n += (size_t)n;
	c->answer[c->n] = '\0';
	if (!is_whole(c))
		return;
	count(c);
	send_one(c);
}

static void
set_address(char *arg)
{
	char *colon = strrchr(arg, ':');

	if (colon == NULL)
		errx(2, "--connect needs HOST:PORT");
	*colon = '\0';
	o.to.sin_family = AF_INET;
	o.to.sin_port = htons((uint16_t)atoi(colon + 1));
	if (inet_pton(AF_INET, arg, &o.to.sin_addr) != 1)
		errx(2, "\"%s\" is no IPv4 address", arg);
}

int
main(int argc, char **argv)
{
	static const struct option long_options[] = {
		{ "connect", required_argument, NULL, 'a' },
		{ "path", required_argument, NULL, 'p' },
		{ "connections", required_argument, NULL, 'c' },
		{ "duration", required_argument, NULL, 'd' },
		{ "size", required_argument, NULL, 's' },
		{ NULL, 0, NULL, 0 },
	};
	struct connection *all;
	struct epoll_event e[256];
	int64_t begin;
	double passed;
	int c;

	while ((c = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		if (c == 'a')
			set_address(optarg);
		else if (c == 'p')
			o.path = optarg;
		else if (c == 'c')
			o.connections = (unsigned)atoi(optarg);
		else if (c == 'd')
			o.duration_s = atof(optarg);
		else if (c == 's')
			o.size = strtoul(optarg, NULL, 10);
		else
			return 2;
	}
	if (o.to.sin_port == 0)
		errx(2, "--connect is needed");
	buf_addf(&request,
	    "POST %s HTTP/1.1\r\nHost: localhost\r\nAccept: "
	    "application/json\r\n"
	    "Content-Type: text/plain\r\nContent-Length: %zu\r\n\r\n",
	    o.path, o.size);
	for (size_t i = 0; i < o.size; i++)
		buf_addc(&request, (char)('a' + i % 26));

	ep = epoll_create1(0);
	all = calloc(o.connections, sizeof(*all));
	if (ep == -1 || all == NULL || buf_failed(&request))
		err(1, "%u connections", o.connections);
	begin = wall_us();
	for (unsigned i = 0; i < o.connections; i++) {
		open_one(&all[i]);
		send_one(&all[i]);
	}
	do {
		int n = epoll_wait(ep, e, (int)ARRAY_LEN(e), 100);

		for (int i = 0; i < n; i++)
			read_one(e[i].data.ptr);
		passed = (double)(wall_us() - begin) / 1e6;
	} while (passed < o.duration_s);
	printf("{\"connections\":%u,\"good\":%" PRIu64 ",\"bad\":%" PRIu64
	       ",\"bad_status\":%d,\"reopened\":%" PRIu64
	       ",\"seconds\":%.3f,\"per_s\":%.0f,\"latency_us\":",
	    o.connections, good, bad, bad_status, reopened, passed,
	    (double)good / passed);
	hist_print(&latency, stdout);
	printf("}\n");
	return 0;
}
