/*
 * stream.c - one stream's life, as a browser's EventSource leads it.
 *
 *     waiting --> connecting --> opening --> live --> waiting --> ...
 *
 * Descriptors are edge-triggered and read until a read comes back short, so a
 * delivery costs one epoll event and one read. After a drop of its own or the
 * server's it comes back with the id of the last whole event.
 *
 * In a crowd most answers are short and end with pgfeed.bye, reason "full". A
 * client counts as ready when it has a position, and comes back exactly when
 * the server has said, as an EventSource does.
 */
#include <sys/epoll.h>
#include <sys/un.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <err.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "load.h"

#define READ_BYTES       (256 * 1024)
#define SLOW_READ_BYTES  1024
#define DEFAULT_RETRY_MS 3000

/* splitmix64: a stream's own numbers, so that its schedule is the seed's. */
static uint64_t
random64(struct stream *s)
{
	uint64_t z = (s->random += UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

/* Between half and one and a half times the mean. */
static int64_t
around(struct stream *s, int64_t mean_ms)
{
	return mean_ms / 2 + (int64_t)(random64(s) % (uint64_t)(mean_ms + 1));
}

static void
timer_in(struct stream *s, int64_t ms)
{
	wheel_set(&load.wheel, &s->timer, now_ms() + ms);
}

void
stream_init(struct stream *s, unsigned n)
{
	s->n = n;
	s->fd = -1;
	s->slow = n < load.o.slow;
	s->random = load.o.seed * 1000003 + n;
	feed_init(&s->feed, load.o.kind);
	account_init(s);
}

void
stream_fini(struct stream *s)
{
	wheel_clear(&load.wheel, &s->timer);
	if (s->fd != -1)
		close(s->fd);
	feed_fini(&s->feed);
	free(s->seen);
}

/* Back to waiting, with the timer set for the next try. */
static void
disconnect(struct stream *s)
{
	int64_t retry_ms = load.o.reconnect_ms;

	if (s->state == STREAM_LIVE)
		load.live--;
	else if (s->state != STREAM_WAITING)
		load.opening--;
	if (s->fd != -1)
		close(s->fd);
	s->fd = -1;
	s->state = STREAM_WAITING;
	s->paused = false;
	if (retry_ms == 0)
		retry_ms =
		    s->feed.retry_ms > 0 ? s->feed.retry_ms : DEFAULT_RETRY_MS;
	timer_in(s, load.o.crowd ? retry_ms : around(s, retry_ms));
}

/* --- the request */

static void
add_path(struct buf *b, const struct stream *s)
{
	const char *mark = strstr(load.o.path, "%t");

	if (mark == NULL) {
		buf_addstr(b, load.o.path);
		return;
	}
	buf_add(b, load.o.path, (size_t)(mark - load.o.path));
	buf_addf(b, "%u%s", s->n % load.o.topics, mark + 2);
}

static void
add_param(struct buf *b, const char *name, const char *value)
{
	size_t length[2] = { strlen(name), strlen(value) };

	for (int i = 0; i < 2; i++) {
		if (length[i] > 127) {
			buf_addc(b, (char)(0x80 | length[i] >> 24));
			buf_addc(b, (char)(length[i] >> 16));
			buf_addc(b, (char)(length[i] >> 8));
		}
		buf_addc(b, (char)length[i]);
	}
	buf_addstr(b, name);
	buf_addstr(b, value);
}

static void
add_record(struct buf *b, int type, const struct buf *content)
{
	size_t n = content != NULL ? content->len : 0;
	const char head[8] = { 1, (char)type, 0, 1, (char)(n >> 8), (char)n, 0,
		0 };

	buf_add(b, head, sizeof(head));
	if (n > 0)
		buf_add(b, content->data, n);
}

/* What a web server sends for a GET (FastCGI 1.0, 3.3 and 5). */
static void
build_fastcgi(struct buf *b, const struct stream *s)
{
	static const char begin[16] = { 1, 1, 0, 1, 0, 8, 0, 0, 0, 1 };
	struct buf uri = BUF_INIT, params = BUF_INIT;
	char *query;

	add_path(&uri, s);
	query = strchr(uri.data, '?');
	add_param(&params, "GATEWAY_INTERFACE", "CGI/1.1");
	add_param(&params, "SERVER_PROTOCOL", "HTTP/1.1");
	add_param(&params, "SERVER_SOFTWARE", "bench");
	add_param(&params, "REQUEST_METHOD", "GET");
	add_param(&params, "REQUEST_URI", uri.data);
	add_param(&params, "QUERY_STRING", query != NULL ? query + 1 : "");
	if (query != NULL)
		*query = '\0';
	add_param(&params, "SCRIPT_NAME", uri.data);
	add_param(&params, "HTTP_HOST", "localhost");
	add_param(&params, "HTTP_ACCEPT", "text/event-stream");
	if (s->feed.last_id.len > 0)
		add_param(&params, "HTTP_LAST_EVENT_ID", s->feed.last_id.data);
	buf_add(b, begin, sizeof(begin));
	add_record(b, 4, &params);
	add_record(b, 4, NULL);
	add_record(b, 5, NULL);
	buf_fini(&uri);
	buf_fini(&params);
}

static void
build_http(struct buf *b, const struct stream *s)
{
	buf_addstr(b, "GET ");
	add_path(b, s);
	buf_addstr(
	    b, " HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n");
	if (s->feed.last_id.len > 0)
		buf_addf(b, "Last-Event-ID: %s\r\n", s->feed.last_id.data);
	buf_addstr(b, load.o.crowd ? "Connection: close\r\n\r\n" : "\r\n");
}

static void
send_request(struct stream *s)
{
	struct buf b = BUF_INIT;
	ssize_t n;

	if (load.o.kind == FEED_FASTCGI)
		build_fastcgi(&b, s);
	else
		build_http(&b, s);
	if (buf_failed(&b))
		errx(1, "out of memory");
	s->request_us = wall_us();
	s->state = STREAM_OPENING;
	n = send(s->fd, b.data, b.len, MSG_NOSIGNAL);
	if (n != (ssize_t)b.len) {
		load.refused++;
		disconnect(s);
	}
	buf_fini(&b);
}

void
stream_connect(struct stream *s)
{
	struct epoll_event e = { .events = EPOLLIN | EPOLLOUT | EPOLLET,
		.data.ptr = s };
	int one = 1;

	feed_reset(&s->feed);
	s->state = STREAM_CONNECTING;
	load.opening++;
	load.connects++;
	s->request_us = wall_us();
	s->fd = socket(
	    load.o.to.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (s->fd == -1)
		err(1, "socket");
	if (load.o.to.ss_family == AF_INET)
		setsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (load.o.source_len > 0) {
		setsockopt(s->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one,
		    sizeof(one));
		if (bind(s->fd, (struct sockaddr *)&load.o.source,
			load.o.source_len) == -1)
			err(1, "could not use the source address");
	}
	if (connect(s->fd, (struct sockaddr *)&load.o.to, load.o.to_len) ==
		-1 &&
	    errno != EINPROGRESS) {
		/* EAGAIN: the backlog of a Unix socket is full for now. */
		bool full = errno == EAGAIN;

		if (!full)
			load.refused++;
		disconnect(s);
		if (full)
			timer_in(s, around(s, 10));
		return;
	}
	if (epoll_ctl(load.epoll, EPOLL_CTL_ADD, s->fd, &e) == -1)
		err(1, "epoll_ctl");
}

/* --- the answer */

static void
became_live(struct stream *s)
{
	s->state = STREAM_LIVE;
	load.opening--;
	load.live++;
	if (load.live > load.most_live)
		load.most_live = load.live;
	load.ever_streamed += !s->streamed;
	s->streamed = true;
	if (!s->was_live)
		load.ever_live++;
	s->was_live = true;
	hist_add(&load.handshake, wall_us() - s->request_us);
	if (load.o.drop_ms > 0 && !s->slow)
		timer_in(s, around(s, load.o.drop_ms));
}

static void
got_event(void *arg, const struct feed_event *e)
{
	struct stream *s = arg;

	if (e->type != NULL && strncmp(e->type, "pgfeed.", 7) == 0) {
		if (strcmp(e->type, "pgfeed.gap") == 0)
			load.gaps++;
		if (strcmp(e->type, "pgfeed.bye") == 0 &&
		    strstr(e->data, "full") != NULL) {
			load.full++;
			load.retries++;
			load.retry_ms += (uint64_t)s->feed.retry_ms;
		}
		if (s->state == STREAM_OPENING && load.o.live_event != NULL &&
		    strcmp(e->type, load.o.live_event) == 0)
			became_live(s);
		return;
	}
	account_event(s, e, wall_us());
}

static void
pause_reading(struct stream *s)
{
	struct epoll_event e = { .events = 0, .data.ptr = s };

	s->paused = true;
	epoll_ctl(load.epoll, EPOLL_CTL_MOD, s->fd, &e);
	timer_in(s, load.o.slow_pause_ms);
}

static void
read_on(struct stream *s)
{
	static char chunk[READ_BYTES];
	size_t size = s->slow ? SLOW_READ_BYTES : sizeof(chunk);
	bool failed;
	ssize_t n;

	do {
		n = recv(s->fd, chunk, size, 0);
		if (n == -1 && errno == EAGAIN)
			return;
		if (n == 0 && s->feed.in_body && !s->feed.chunked &&
		    load.o.kind == FEED_HTTP) {
			load.ended++; /* as its length said, or it had none */
			disconnect(s);
			return;
		}
		if (n <= 0) {
			load.cut++;
			disconnect(s);
			return;
		}
		load.reads++;
		load.bytes += (uint64_t)n;
		failed =
		    feed_take(&s->feed, chunk, (size_t)n, got_event, s) == -1;
		if (load.o.crowd && !s->was_live && s->feed.last_id.len > 0) {
			s->was_live = true;
			load.ever_live++;
		}
		if (failed || s->feed.ended ||
		    (s->feed.status != 0 && s->feed.status != 200)) {
			if (s->feed.status != 200) {
				load.errors++;
				load.error_status = s->feed.status;
			} else
				load.ended++;
			disconnect(s);
			return;
		}
		if (s->state == STREAM_OPENING && s->feed.status == 200 &&
		    load.o.live_event == NULL)
			became_live(s);
		if (s->slow && s->state == STREAM_LIVE) {
			pause_reading(s);
			return;
		}
		/* The end of a body without chunks is the end of the connection,
		 * which may have come together with these bytes. */
	} while ((size_t)n == size || (s->feed.in_body && !s->feed.chunked &&
					  load.o.kind == FEED_HTTP));
}

void
stream_ready(struct stream *s, uint32_t events)
{
	if (s->fd == -1)
		return;
	if (s->state == STREAM_CONNECTING) {
		if (events & (EPOLLERR | EPOLLHUP)) {
			load.refused++;
			disconnect(s);
			return;
		}
		if (events & EPOLLOUT)
			send_request(s);
	}
	if (s->fd != -1 && s->state != STREAM_CONNECTING && !s->paused &&
	    events & (EPOLLIN | EPOLLERR | EPOLLHUP))
		read_on(s);
}

void
stream_timer(struct wheel_timer *t)
{
	struct stream *s = (struct stream *)t; /* its first member */
	struct epoll_event e = { .events = EPOLLIN | EPOLLET, .data.ptr = s };

	if (s->state == STREAM_WAITING) {
		if (load.opening < load.o.inflight)
			stream_connect(s);
		else
			timer_in(s, 1);
	} else if (s->paused) {
		s->paused = false;
		epoll_ctl(load.epoll, EPOLL_CTL_MOD, s->fd, &e);
	} else {
		load.drops++;
		disconnect(s);
	}
}
