/*
 * main.c - pgfeed-cgi: relay from CGI to pgfeed-stream.
 *
 *     web server --CGI--> pgfeed-cgi --FastCGI--> pgfeed-stream
 *                              \--exec--> pgfeed-post
 *
 * There is one process per request, for as long as the browser listens. Hosting
 * companies limit the number of processes. So pgfeed-stream lets cgi_streams
 * processes hold a stream. A further client gets the events that it has missed
 * in one short response and polls: see stream/admission/waiting_list.h.
 *
 * With a listening socket as its stdin the program is a FastCGI program
 * (mod_fcgid) that serves one request at a time.
 *
 * An error before the answer has begun becomes an answer that makes the browser
 * retry, since an error status would end an EventSource for good.
 */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/config.h"
#include "http/answer.h"
#include "http/control_event.h"
#include "http/header.h"
#include "http/sse.h"
#include "base/log.h"
#include "cgi/fcgid.h"
#include "cgi/relay.h"
#include "cgi/launch.h"

#define STREAM_LIMIT_MS 10000 /* a stream's head arrives at once */
#define POLL_LIMIT_MS   75000 /* a long-poll's head arrives after its wait */
#define AGAIN_MS        1000
/* time until a client that was not served retries */
#define LATER_MS        15000

static const char *
variable(const char *name)
{
	const char *value = getenv(name);

	return value != NULL ? value : "";
}

static bool
wants_stream(void)
{
	const char *accept = variable("HTTP_ACCEPT");

	return strcmp(variable("REQUEST_METHOD"), "GET") == 0 &&
	       strstr(variable("REQUEST_URI"), "/-/") == NULL &&
	       !header_prefers(accept, "application/json", ANSWER_STREAM);
}

static void
answer_later(bool stream, const char *why)
{
	struct buf b = BUF_INIT;

	if (stream) {
		answer_add_head(&b, 200, ANSWER_STREAM, "");
		sse_add_retry(&b, LATER_MS);
		control_event_bye(&b, NULL, why);
	} else
		answer_add_problem(&b, 503, "Retry-After: 15\r\n", why);
	if (!buf_failed(&b))
		fwrite(b.data, 1, b.len, stdout);
	fflush(stdout);
	buf_fini(&b);
}

static enum relay_result
ask(const struct config *c, int limit_ms)
{
	int fd = launch_connect(c);
	enum relay_result result;

	if (fd == -1)
		return RELAY_SILENT;
	result = relay(fd, limit_ms);
	close(fd);
	return result;
}

static void
serve(const struct config *c)
{
	bool stream = wants_stream();
	int limit_ms = stream ? STREAM_LIMIT_MS : POLL_LIMIT_MS;
	int64_t began = now_ms();
	enum relay_result result;

	result = ask(c, limit_ms);
	/*
	 * The gateway was ending. No process serves now, so this starts a new
	 * one.
	 */
	if (result == RELAY_SILENT && now_ms() - began < AGAIN_MS)
		result = ask(c, limit_ms);
	switch (result) {
	case RELAY_DONE:
	case RELAY_LEFT:
		break;
	case RELAY_CUT:
		log_info("pgfeed-stream ended in the middle of an answer");
		break;
	case RELAY_SILENT:
		log_error("pgfeed-stream does not answer at \"%s\"; its log may say why",
		    c->stream_socket);
		answer_later(stream, "unavailable");
		break;
	}
}

static void
usage(FILE *f)
{
	fputs("Usage: pgfeed-cgi\n"
	      "A CGI program: hands a request to pgfeed-stream, which it "
	      "starts when it isn't\n"
	      "running, or to pgfeed-post. The web server starts it; "
	      "PGFEED_CONF in its\n"
	      "environment names the configuration.\n\n"
	      "  -h, --help     print this help\n"
	      "  -V, --version  print the version\n",
	    f);
}

static int
without_request(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ NULL, 0, NULL, 0 },
	};
	int c = getopt_long(argc, argv, "hV", longs, NULL);

	if (c == 'h')
		usage(stdout);
	else if (c == 'V')
		puts("pgfeed-cgi " PACKAGE_VERSION);
	else
		usage(stderr);
	return c == 'h' || c == 'V' ? 0 : 2;
}

int
main(int argc, char **argv)
{
	const char *method = getenv("REQUEST_METHOD");
	struct config config;
	char err[512];

	/* The arguments of a CGI program come from the URL: RFC 3875, 4.4. */
	if (method == NULL && !pump_is_wanted())
		return without_request(argc, argv);
	signal(SIGPIPE, SIG_IGN);
	log_open("pgfeed-cgi", false, LOG_LEVEL_INFO);
	if (method == NULL) {
		if (config_load(&config, NULL, err, sizeof(err)) == -1)
			log_fatal("%s", err);
		config_open_log(&config, "pgfeed-cgi");
		pump(&config);
	}
	if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0) {
		signal(SIGPIPE, SIG_DFL);
		launch_exec("pgfeed-post");
		answer_later(false, "unavailable");
		return 1;
	}
	if (config_load(&config, NULL, err, sizeof(err)) == -1) {
		log_error("%s", err);
		answer_later(wants_stream(), "unavailable");
		return 1;
	}
	config_open_log(&config, "pgfeed-cgi");
	serve(&config);
	config_free(&config);
	return 0;
}
