/*
 * pgfeed-post - stores the events that forms and scripts send.
 *
 *     web server --> acceptor --> post_serve() --> ingest --> PostgreSQL
 *                    (the loop; a thread when       (the loop)
 *                     the body is slow)
 *
 * With a request in the environment the program is a CGI program, which serves
 * that request and exits. Otherwise it is a FastCGI program, until SIGTERM.
 */
#include <event2/event.h>
#include <getopt.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "fastcgi/acceptor.h"
#include "base/log.h"
#include "pg/db.h"
#include "pg/pg_connection.h"
#include "post/post.h"
#include "process/sandbox.h"

/* a restart of the database takes about that long */
#define PATIENCE_MS     2000
#define CGI_PATIENCE_MS 3000 /* includes the time to connect */

struct ending {
	struct event_base *base;
	struct acceptor *acceptor;
	struct event *tick; /* timer of a few ms, once the program is ending */
};

/*
 * Runs the loop until the last request is done, as the watchdog needs the loop.
 */
static void
on_look(evutil_socket_t fd, short what, void *arg)
{
	struct ending *e = arg;

	if (acceptor_idle(e->acceptor))
		event_base_loopbreak(e->base);
}

static void
on_second(evutil_socket_t fd, short what, void *arg)
{
	post_counters_flush(arg, false);
}

/* Returns the owner of the files that root creates. */
static uid_t
user_to_be(const struct config *config)
{
	const struct passwd *pw = NULL;

	if (*config->user != '\0' && geteuid() == 0)
		pw = getpwnam(config->user);
	return pw != NULL ? pw->pw_uid : geteuid();
}

static void
on_signal(evutil_socket_t sig, short what, void *arg)
{
	static const struct timeval often = { .tv_usec = 10000 };
	struct ending *e = arg;

	log_info("ending on signal %d", (int)sig);
	acceptor_stop(e->acceptor);
	event_add(e->tick, &often);
	on_look(-1, 0, e);
}

static int
serve_fastcgi(const struct config *config)
{
	struct post post = { .config = config };
	static const struct timeval second = { .tv_sec = 1 };
	struct event *term, *intr, *tick;
	struct ending e;
	bool made;
	int fd;

	hold_stop_signals(true); /* until the handlers exist */
	fd = socket_listen(config, config->post_socket, "post", &made);
	if (fd == -1)
		return 1;
	post.counters =
	    post_counters_new(config->post_socket, user_to_be(config), true);
	sandbox_drop_root(config);
	sandbox_enter();
	e.base = event_base_new();
	if (e.base == NULL)
		log_fatal("could not start: no event loop");
	post.identities = identities_new(config);
	post.ingest = ingest_new(e.base, config, PATIENCE_MS);
	post.address_limit = rate_limit_new(
	    "address", config->post_rate_per_address, config->post_burst);
	post.user_limit = rate_limit_new(
	    "user", config->post_rate_per_user, config->post_burst);
	e.acceptor = acceptor_new(e.base, fd, (unsigned)config->post_threads,
	    config, post_serve, post_lost, &post);
	acceptor_serve_in_loop(e.acceptor);
	/* after acceptor_new(), since libfcgi installs its own handlers */
	signal(SIGPIPE, SIG_IGN);
	e.tick = event_new(e.base, -1, EV_PERSIST, on_look, &e);
	term = evsignal_new(e.base, SIGTERM, on_signal, &e);
	intr = evsignal_new(e.base, SIGINT, on_signal, &e);
	tick = event_new(e.base, -1, EV_PERSIST, on_second, post.counters);
	if (e.tick == NULL || term == NULL || intr == NULL || tick == NULL ||
	    event_add(term, NULL) == -1 || event_add(intr, NULL) == -1 ||
	    event_add(tick, &second) == -1)
		log_fatal("could not start: no signal events");
	hold_stop_signals(false);
	log_info("ready, %lld threads", (long long)config->post_threads);

	event_base_dispatch(e.base);

	if (made)
		unlink(config->post_socket);
	close(fd);
	ingest_finish(post.ingest);
	post_counters_flush(post.counters, true);
	if (pg_connection_some_open())
		_exit(0); /* a thread still uses the memory */
	acceptor_free(e.acceptor);
	ingest_free(post.ingest);
	identities_free(post.identities);
	rate_limit_free(post.address_limit);
	rate_limit_free(post.user_limit);
	post_counters_free(post.counters);
	event_free(tick);
	event_free(term);
	event_free(intr);
	event_free(e.tick);
	event_base_free(e.base);
	return 0;
}

static int
serve_cgi(const struct config *config)
{
	struct post post = { .config = config };
	struct event_base *base;

	signal(SIGPIPE, SIG_IGN);
	sandbox_enter();
	base = event_base_new();
	if (base == NULL)
		log_fatal("could not start: no event loop");
	post.identities = identities_new(config);
	post.counters =
	    post_counters_new(config->post_socket, geteuid(), false);
	/* A thread connects while the body is being read. */
	post.ingest = ingest_new(base, config, CGI_PATIENCE_MS);
	post_serve(request_from_cgi(config->request_timeout), &post);
	ingest_finish(post.ingest);
	post_counters_flush(post.counters, true);
	if (pg_connection_some_open())
		_exit(0); /* a thread still uses the memory */
	ingest_free(post.ingest);
	post_counters_free(post.counters);
	identities_free(post.identities);
	event_base_free(base);
	return 0;
}

static void
usage(FILE *f)
{
	fputs("usage: pgfeed-post [-c FILE]\n"
	      "\n"
	      "Stores events that come by FastCGI, or by CGI one and ends.\n"
	      "\n"
	      "  -c, --config FILE  settings (default " SYSCONFDIR
	      "/pgfeed/pgfeed.conf)\n"
	      "  -h, --help         this text\n"
	      "  -V, --version      the version\n",
	    f);
}

int
main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ NULL, 0, NULL, 0 },
	};
	/* A CGI program's arguments come from the URL (RFC 3875 section 4.4).
	 */
	bool cgi = request_is_cgi();
	const char *path = NULL;
	struct config config;
	char err[512];
	int c, rc;

	while (!cgi &&
	       (c = getopt_long(argc, argv, "c:hV", options, NULL)) != -1) {
		switch (c) {
		case 'c':
			path = optarg;
			break;
		case 'h':
			usage(stdout);
			return 0;
		case 'V':
			puts("pgfeed-post " PACKAGE_VERSION);
			return 0;
		default:
			usage(stderr);
			return 2;
		}
	}
	if (!cgi && optind < argc) {
		usage(stderr);
		return 2;
	}
	log_open("pgfeed-post", false, LOG_LEVEL_INFO);
	if (config_load(&config, path, err, sizeof(err)) == -1)
		log_fatal("%s", err);
	config_open_log(&config, "pgfeed-post");
	db_check_conninfo(config_database(&config, config.post_database));
	rc = cgi ? serve_cgi(&config) : serve_fastcgi(&config);
	config_free(&config);
	return rc;
}
