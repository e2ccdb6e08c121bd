/*
 * main.c - pgfeed-stream: from PostgreSQL to every browser.
 *
 *     PostgreSQL --> listener --> hub (ring, filters) --> stream --> socket
 *     socket --> acceptor (threads) --> subscribe --> admission --> hub
 *
 * One event loop does it all, but for reading requests, which a few threads do,
 * and opening connections to the database. What happens in a turn: the
 * listener first, as it has priority, then streams.
 */
#include <sys/eventfd.h>
#include <sys/queue.h>
#include <sys/resource.h>
#include <errno.h>
#include <getopt.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fastcgi/acceptor.h"
#include "config/config.h"
#include "pg/db.h"
#include "stream/hub/hub.h"
#include "auth/identity.h"
#include "stream/janitor.h"
#include "stream/source/listener.h"
#include "base/log.h"
#include "pg/pg_connection.h"
#include "process/sandbox.h"
#include "stream/source/stats.h"
#include "stream/status_pages.h"
#include "stream/admission/admission.h"

#define THREADS 4 /* parse requests */

/* A request that a thread has read, on its way to the loop. */
struct parcel {
	STAILQ_ENTRY(parcel) entry;
	struct wanted wanted;
};

struct program {
	struct config config;
	struct identities *identities;
	struct event_base *base;
	struct acceptor *acceptor;
	struct listener *listener;
	struct hub *hub;
	struct admission *admission;
	struct janitor *keeper;
	bool stopping;
	/* From the acceptor's threads to the loop. */
	pthread_mutex_t mutex;
	STAILQ_HEAD(, parcel) parcels;
	int wake_fd;
};

/* In a thread. */
static void
on_request(struct request *r, void *arg)
{
	struct program *p = arg;
	struct parcel *parcel = calloc(1, sizeof(*parcel));
	uint64_t one = 1;

	if (parcel == NULL) {
		stats_refuse(REFUSED_MEMORY);
		request_finish(r);
		return;
	}
	if (!subscribe(r, &p->config, p->identities, &parcel->wanted)) {
		free(parcel);
		return;
	}
	pthread_mutex_lock(&p->mutex);
	STAILQ_INSERT_TAIL(&p->parcels, parcel, entry);
	pthread_mutex_unlock(&p->mutex);
	if (write(p->wake_fd, &one, sizeof(one)) == -1 && errno != EAGAIN)
		log_sys("could not wake the loop");
}

/* In the loop or in a thread. */
static void
on_loss(enum acceptor_loss loss, void *arg)
{
	static const enum refusal refusals[] = {
		[LOSS_LATE] = REFUSED_LATE,
		[LOSS_HEAD] = REFUSED_HEAD,
		[LOSS_BROKEN] = REFUSED_BROKEN,
		[LOSS_PEER] = REFUSED_PEER,
		[LOSS_MEMORY] = REFUSED_MEMORY,
	};

	stats_refuse(refusals[loss]);
}

static void
on_parcels(evutil_socket_t fd, short what, void *arg)
{
	struct program *p = arg;
	struct parcel *parcel;
	uint64_t count;

	if (read(fd, &count, sizeof(count)) == -1)
		return;
	for (;;) {
		pthread_mutex_lock(&p->mutex);
		parcel = STAILQ_FIRST(&p->parcels);
		if (parcel != NULL)
			STAILQ_REMOVE_HEAD(&p->parcels, entry);
		pthread_mutex_unlock(&p->mutex);
		if (parcel == NULL)
			break;
		if (parcel->wanted.page == WANT_STREAM)
			admission_request(
			    p->admission, parcel->wanted.subscription);
		else
			status_answer(parcel->wanted.page, parcel->wanted.conn,
			    &p->config, p->hub, p->listener);
		free(parcel);
	}
}

static void
on_all_gone(void *arg)
{
	struct program *p = arg;

	event_base_loopbreak(p->base);
}

static void
on_minute(evutil_socket_t fd, short what, void *arg)
{
	status_log_minute(hub_streams(((struct program *)arg)->hub));
}

static void
on_signal(evutil_socket_t sig, short what, void *arg)
{
	struct program *p = arg;

	if (p->stopping) {
		event_base_loopbreak(p->base); /* asked twice */
		return;
	}
	p->stopping = true;
	log_info(
	    "signal %d: ending %zu streams", (int)sig, hub_streams(p->hub));
	acceptor_stop(p->acceptor);
	hub_shut_down(p->hub, on_all_gone, p);
}

/* A stream is a descriptor, and the soft limit is 1024 nearly everywhere. */
static void
raise_descriptors(int64_t streams)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) == -1)
		return;
	r.rlim_cur = r.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &r) == -1)
		log_sys("could not raise the limit of open files");
	else if (r.rlim_max < (rlim_t)streams + 64)
		log_warning("max_streams is %lld, but only %llu open files are allowed (ulimit -Hn)",
		    (long long)streams, (unsigned long long)r.rlim_max);
}

static void
usage(FILE *f)
{
	fputs("Usage: pgfeed-stream [-c FILE]\n"
	      "Streams events from PostgreSQL to browsers, as a FastCGI "
	      "responder.\n\n"
	      "  -c, --config=FILE  read the options from FILE\n"
	      "  -h, --help         print this help\n"
	      "  -V, --version      print the version\n\n"
	      "It stays in the foreground; SIGTERM ends it cleanly. "
	      "See pgfeed-stream(8).\n",
	    f);
}

static const char *
parse_arguments(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ NULL, 0, NULL, 0 },
	};
	const char *path = NULL;
	int c;

	while ((c = getopt_long(argc, argv, "c:hV", longs, NULL)) != -1) {
		switch (c) {
		case 'c':
			path = optarg;
			break;
		case 'h':
			usage(stdout);
			exit(0);
		case 'V':
			puts("pgfeed-stream " PACKAGE_VERSION);
			exit(0);
		default:
			usage(stderr);
			exit(2);
		}
	}
	if (optind < argc) {
		usage(stderr);
		exit(2);
	}
	return path;
}

int
main(int argc, char **argv)
{
	static struct program p;
	static const struct timeval minute = { .tv_sec = 60 };
	struct event *on_stop[2], *on_wake, *on_time;
	const char *path = parse_arguments(argc, argv);
	char err[512];
	bool made;
	int fd;

	log_open("pgfeed-stream", false, LOG_LEVEL_INFO);
	if (config_load(&p.config, path, err, sizeof(err)) == -1)
		log_fatal("%s", err);
	config_open_log(&p.config, "pgfeed-stream");
	db_check_conninfo(config_database(&p.config, p.config.stream_database));
	hold_stop_signals(true); /* until there is somebody to take them */
	raise_descriptors(p.config.max_streams);
	fd = socket_listen(&p.config, p.config.stream_socket, "stream", &made);
	if (fd == -1)
		return 1;
	sandbox_drop_root(&p.config);
	sandbox_enter();
	/* Its keys are read again later, so by the same user. */
	p.identities = identities_new(&p.config);
	p.base = event_base_new();
	p.wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (p.base == NULL || p.wake_fd == -1 ||
	    event_base_priority_init(p.base, 2) == -1)
		log_fatal("could not start: out of memory or descriptors");
	pthread_mutex_init(&p.mutex, NULL);
	STAILQ_INIT(&p.parcels);

	/* The architecture: who hands what to whom. */
	p.hub = hub_new(p.base, &p.config);
	p.admission = admission_new(p.base, &p.config, p.hub);
	p.listener =
	    listener_new(p.base, &p.config, &hub_listener_calls, p.hub);
	hub_set_listener(p.hub, p.listener);
	p.keeper = janitor_new(&p.config);
	p.acceptor = acceptor_new(
	    p.base, fd, THREADS, &p.config, on_request, on_loss, &p);
	on_wake =
	    event_new(p.base, p.wake_fd, EV_READ | EV_PERSIST, on_parcels, &p);
	event_add(on_wake, NULL);
	on_time = event_new(p.base, -1, EV_PERSIST, on_minute, &p);
	event_add(on_time, &minute);

	/* libfcgi takes SIGPIPE and SIGTERM when it starts: after it. */
	signal(SIGPIPE, SIG_IGN);
	signal(SIGUSR1, SIG_IGN);
	on_stop[0] = evsignal_new(p.base, SIGTERM, on_signal, &p);
	on_stop[1] = evsignal_new(p.base, SIGINT, on_signal, &p);
	event_add(on_stop[0], NULL);
	event_add(on_stop[1], NULL);
	hold_stop_signals(false);

	event_base_dispatch(p.base);

	acceptor_stop(p.acceptor);
	acceptor_free(p.acceptor);
	on_parcels(p.wake_fd, EV_READ, &p);
	if (made)
		unlink(p.config.stream_socket);
	log_info("ended");
	if (pg_connection_some_open())
		_exit(0); /* it uses what would be freed, and may take long */
	janitor_free(p.keeper);
	hub_free(p.hub);
	admission_free(p.admission);
	listener_free(p.listener);
	event_free(on_wake);
	event_free(on_time);
	event_free(on_stop[0]);
	event_free(on_stop[1]);
	event_base_free(p.base);
	identities_free(p.identities);
	config_free(&p.config);
	return 0;
}
