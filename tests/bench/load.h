/*
 * load.h - what the files of the load generator share.
 *
 * load.c reads the options, turns the loop and reports; stream.c is one
 * stream's life; account.c checks what arrives.
 */
#ifndef BENCH_LOAD_H
#define BENCH_LOAD_H

#include <sys/socket.h>

#include "feed.h"
#include "hist.h"
#include "usage.h"
#include "wheel.h"

struct options {
	struct sockaddr_storage to, source;
	socklen_t to_len, source_len;
	enum feed_kind kind;
	const char *path;       /* %t in it is the stream's topic number */
	const char *live_event; /* a stream is live when it had this type */
	unsigned streams, topics;
	uint64_t seed;
	uint64_t events;      /* published in all; 0 checks nothing */
	double duration_s;    /* with no events: how long to stay */
	double timeout_s;     /* after ready: give up */
	unsigned inflight;    /* connections being opened at once */
	int64_t drop_ms;      /* mean life of a connection, 0 for ever */
	int64_t reconnect_ms; /* 0: as the server's retry says */
	unsigned slow;        /* so many streams stop to read after each read */
	int64_t slow_pause_ms;
	bool crowd; /* more clients than places: see stream.c */
};

enum stream_state {
	STREAM_WAITING = 0, /* for its turn to connect */
	STREAM_CONNECTING,
	STREAM_OPENING, /* request sent */
	STREAM_LIVE,
};

struct stream {
	struct wheel_timer timer; /* reconnect, drop or read on */
	unsigned n;
	int fd;
	enum stream_state state;
	bool slow, paused, was_live, streamed;
	int64_t request_us; /* wall clock, when the request went out */
	uint64_t random;
	struct feed feed;
	uint64_t *seen; /* a bit for each event of its topic */
	uint64_t seen_n, next_seq;
};

struct load {
	struct options o;
	int epoll;
	struct wheel wheel;
	struct stream *stream;
	unsigned opening, live, ever_live, most_live, ever_streamed;
	unsigned next_new; /* streams from here on never connected */

	/* what arrived */
	uint64_t expected, seen, duplicates, disorder, foreign;
	uint64_t bytes, reads;
	int64_t first_us, last_us; /* first publication, last delivery */
	struct hist latency, replay, slow, handshake;
	/* what happened to connections */
	uint64_t connects, drops, ended, cut, refused, errors, gaps;
	uint64_t full, retries, retry_ms; /* polls, delays told and their sum */
	int error_status;
};

extern struct load load;

/* --- account.c */

/* Makes room for what a stream is to get. */
void account_init(struct stream *);

/* An event arrived at the wall clock's now. */
void account_event(struct stream *, const struct feed_event *, int64_t now_us);

/* --- stream.c */

void stream_init(struct stream *, unsigned n);

/* Opens a connection; a failure sets the timer for another try. */
void stream_connect(struct stream *);

/* Something from epoll. */
void stream_ready(struct stream *, uint32_t events);

/* The timer of a stream is due. */
void stream_timer(struct wheel_timer *);

/* Closes and frees. */
void stream_fini(struct stream *);

#endif
