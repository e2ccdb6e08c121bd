/*
 * load.c - many SSE streams in one process, checked and timed.
 *
 *	load --connect HOST:PORT | --unix PATH  --path /events?topic=bench%t
 *
 * Over TCP it is a crowd of browsers; over a Unix socket it speaks FastCGI to
 * the gateway itself and takes the place of a web server. When all streams are
 * live (or a minute is over) it writes the line "ready"; when everything has
 * arrived, or --timeout is over, it writes one line of JSON. It judges nothing.
 */
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/un.h>
#include <netinet/in.h>
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "load.h"

#define EVENTS_PER_TURN 1024
#define READY_MS        60000 /* after this it goes on with the streams it has */
#define SETTLE_MS       300   /* after the last delivery: time for duplicates */

struct load load = {
	.o = { .path = "/events",
	    .streams = 1,
	    .topics = 1,
	    .seed = 1,
	    .timeout_s = 60,
	    .inflight = 128,
	    .slow_pause_ms = 100 },
};

static struct watch watches[USAGE_MAX];
static unsigned watches_n;
static volatile sig_atomic_t stopped;

static void
stop(int sig)
{
	stopped = 1;
}

/* --- options */

static void
set_tcp(struct sockaddr_storage *to, socklen_t *len, char *arg)
{
	struct sockaddr_in *in = (struct sockaddr_in *)to;
	char *colon = strrchr(arg, ':');

	if (colon != NULL)
		*colon++ = '\0';
	in->sin_family = AF_INET;
	in->sin_port = htons((uint16_t)(colon != NULL ? atoi(colon) : 0));
	if (inet_pton(AF_INET, arg, &in->sin_addr) != 1)
		errx(2, "\"%s\" is no IPv4 address", arg);
	*len = sizeof(*in);
}

static void
set_unix(const char *arg)
{
	struct sockaddr_un *un = (struct sockaddr_un *)&load.o.to;

	un->sun_family = AF_UNIX;
	if (strlen(arg) >= sizeof(un->sun_path))
		errx(2, "\"%s\" is too long for a Unix socket", arg);
	strcpy(un->sun_path, arg);
	load.o.to_len = sizeof(*un);
	load.o.kind = FEED_FASTCGI;
}

enum {
	OPT_UNIX = 1,
	OPT_CONNECT,
	OPT_SOURCE,
	OPT_PATH,
	OPT_LIVE,
	OPT_STREAMS,
	OPT_TOPICS,
	OPT_SEED,
	OPT_EVENTS,
	OPT_DURATION,
	OPT_TIMEOUT,
	OPT_INFLIGHT,
	OPT_DROP,
	OPT_RECONNECT,
	OPT_SLOW,
	OPT_PAUSE,
	OPT_CROWD,
	OPT_WATCH
};

static const struct option long_options[] = {
	{ "unix", required_argument, NULL, OPT_UNIX },
	{ "connect", required_argument, NULL, OPT_CONNECT },
	{ "source", required_argument, NULL, OPT_SOURCE },
	{ "path", required_argument, NULL, OPT_PATH },
	{ "live-event", required_argument, NULL, OPT_LIVE },
	{ "streams", required_argument, NULL, OPT_STREAMS },
	{ "topics", required_argument, NULL, OPT_TOPICS },
	{ "seed", required_argument, NULL, OPT_SEED },
	{ "events", required_argument, NULL, OPT_EVENTS },
	{ "duration", required_argument, NULL, OPT_DURATION },
	{ "timeout", required_argument, NULL, OPT_TIMEOUT },
	{ "inflight", required_argument, NULL, OPT_INFLIGHT },
	{ "drop-ms", required_argument, NULL, OPT_DROP },
	{ "reconnect-ms", required_argument, NULL, OPT_RECONNECT },
	{ "slow", required_argument, NULL, OPT_SLOW },
	{ "slow-pause-ms", required_argument, NULL, OPT_PAUSE },
	{ "crowd", no_argument, NULL, OPT_CROWD },
	{ "watch", required_argument, NULL, OPT_WATCH },
	{ NULL, 0, NULL, 0 },
};

static const char usage[] =
    "usage: load --connect HOST:PORT | --unix SOCKET [options]\n"
    "  --path PATH          what to ask for; %t becomes the topic's number\n"
    "  --streams N          how many streams\n"
    "  --topics N           stream i takes topic i mod N\n"
    "  --live-event TYPE    a stream is live when it had an event of TYPE\n"
    "  --seed N             of the publisher, and of all schedules\n"
    "  --events N           how many are published in all\n"
    "  --duration S         without events: stay so long\n"
    "  --timeout S          give up so long after \"ready\"\n"
    "  --inflight N         connections being opened at once\n"
    "  --source ADDRESS     connect from here\n"
    "  --drop-ms N          drop each stream about every N ms\n"
    "  --reconnect-ms N     come back after about N ms (else: retry)\n"
    "  --slow N             so many streams pause after each kilobyte\n"
    "  --slow-pause-ms N    for so long\n"
    "  --crowd              more clients than places: a client is ready when\n"
    "                       it has a position, and polls after its retry\n"
    "  --watch NAME=PID     report CPU and memory of PID and all below it\n";

static void
parse_options(int argc, char **argv)
{
	struct options *o = &load.o;
	int c;

	while ((c = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		switch (c) {
		case OPT_UNIX:
			set_unix(optarg);
			break;
		case OPT_CONNECT:
			set_tcp(&o->to, &o->to_len, optarg);
			break;
		case OPT_SOURCE:
			set_tcp(&o->source, &o->source_len, optarg);
			break;
		case OPT_PATH:
			o->path = optarg;
			break;
		case OPT_LIVE:
			o->live_event = optarg;
			break;
		case OPT_STREAMS:
			o->streams = (unsigned)atoi(optarg);
			break;
		case OPT_TOPICS:
			o->topics = (unsigned)atoi(optarg);
			break;
		case OPT_SEED:
			o->seed = strtoull(optarg, NULL, 10);
			break;
		case OPT_EVENTS:
			o->events = strtoull(optarg, NULL, 10);
			break;
		case OPT_DURATION:
			o->duration_s = atof(optarg);
			break;
		case OPT_TIMEOUT:
			o->timeout_s = atof(optarg);
			break;
		case OPT_INFLIGHT:
			o->inflight = (unsigned)atoi(optarg);
			break;
		case OPT_DROP:
			o->drop_ms = atoi(optarg);
			break;
		case OPT_RECONNECT:
			o->reconnect_ms = atoi(optarg);
			break;
		case OPT_SLOW:
			o->slow = (unsigned)atoi(optarg);
			break;
		case OPT_PAUSE:
			o->slow_pause_ms = atoi(optarg);
			break;
		case OPT_CROWD:
			o->crowd = true;
			break;
		case OPT_WATCH:
			if (watches_n == USAGE_MAX ||
			    watch_parse(&watches[watches_n++], optarg) == -1)
				errx(2,
				    "--watch %s: too many, or not "
				    "NAME=PID",
				    optarg);
			break;
		default:
			fputs(usage, stderr);
			exit(2);
		}
	}
	if (o->to_len == 0 || optind != argc || o->streams == 0 ||
	    o->topics == 0 || o->inflight == 0) {
		fputs(usage, stderr);
		exit(2);
	}
}

/* One descriptor per stream; root may go above the hard limit. */
static void
raise_limit(void)
{
	struct rlimit want = { load.o.streams + 64, load.o.streams + 64 }, is;

	if (getrlimit(RLIMIT_NOFILE, &is) == 0 && is.rlim_cur >= want.rlim_cur)
		return;
	if (is.rlim_max > want.rlim_max)
		want.rlim_max = is.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &want) == -1)
		errx(1,
		    "%u streams need more than the %ju descriptors "
		    "allowed: use several processes",
		    load.o.streams, (uintmax_t)is.rlim_max);
}

/* --- the loop */

static void
turn(void)
{
	struct epoll_event e[EVENTS_PER_TURN];
	int wait_ms = load.wheel.n > 0 ? 5 : 50, n;

	while (load.next_new < load.o.streams && load.opening < load.o.inflight)
		stream_connect(&load.stream[load.next_new++]);
	n = epoll_wait(load.epoll, e, EVENTS_PER_TURN, wait_ms);
	if (n == -1 && errno != EINTR)
		err(1, "epoll_wait");
	for (int i = 0; i < n; i++)
		stream_ready(e[i].data.ptr, e[i].events);
	wheel_turn(&load.wheel, now_ms(), stream_timer);
}

static bool
is_done(int64_t ready_ms)
{
	int64_t now = now_ms(), passed = now - ready_ms;

	if (stopped || passed >= (int64_t)(load.o.timeout_s * 1000))
		return true;
	if (load.o.events == 0)
		return passed >= (int64_t)(load.o.duration_s * 1000);
	return load.seen == load.expected &&
	       wall_us() - load.last_us >= SETTLE_MS * 1000;
}

static void
read_usages(size_t offset)
{
	for (unsigned i = 0; i < watches_n; i++)
		usage_read((struct usage *)((char *)&watches[i] + offset),
		    watches[i].root);
}

/* --- the report */

static void
report_number(const char *name, uint64_t value)
{
	printf("\"%s\":%" PRIu64 ",", name, value);
}

static void
report(double connect_s, double seconds)
{
	double span_s = (double)(load.last_us - load.first_us) / 1e6;

	printf("{");
	report_number("streams", load.o.streams);
	report_number("topics", load.o.topics);
	report_number("seed", load.o.seed);
	report_number("events", load.o.events);
	report_number("live", load.ever_live);
	report_number("live_at_end", load.live);
	report_number("expected", load.expected);
	report_number("delivered", load.seen);
	report_number("missing", load.expected - load.seen);
	report_number("duplicates", load.duplicates);
	report_number("out_of_order", load.disorder);
	report_number("foreign", load.foreign);
	report_number("connects", load.connects);
	report_number("drops", load.drops);
	report_number("ended", load.ended);
	report_number("cut", load.cut);
	report_number("refused", load.refused);
	report_number("errors", load.errors);
	report_number("error_status", (uint64_t)load.error_status);
	report_number("gaps", load.gaps);
	report_number("full", load.full);
	report_number("most_live", load.most_live);
	report_number("ever_streamed", load.ever_streamed);
	report_number(
	    "retry_ms", load.retries > 0 ? load.retry_ms / load.retries : 0);
	report_number("bytes", load.bytes);
	report_number("reads", load.reads);
	printf("\"connect_s\":%.3f,\"seconds\":%.3f,\"span_s\":%.6f,"
	       "\"deliveries_per_s\":%.0f,",
	    connect_s, seconds, load.seen > 0 ? span_s : 0,
	    load.seen > 0 && span_s > 0 ? (double)load.seen / span_s : 0);
	printf("\"latency_us\":");
	hist_print(&load.latency, stdout);
	printf(",\"replay_us\":");
	hist_print(&load.replay, stdout);
	printf(",\"slow_us\":");
	hist_print(&load.slow, stdout);
	printf(",\"handshake_us\":");
	hist_print(&load.handshake, stdout);
	printf(",\"watch\":");
	watch_print(watches, watches_n, stdout);
	printf("}\n");
	fflush(stdout);
}

int
main(int argc, char **argv)
{
	int64_t begin_ms, ready_ms;

	parse_options(argc, argv);
	raise_limit();
	signal(SIGTERM, stop);
	signal(SIGINT, stop);
	load.epoll = epoll_create1(EPOLL_CLOEXEC);
	load.stream = calloc(load.o.streams, sizeof(*load.stream));
	if (load.epoll == -1 || load.stream == NULL)
		err(1, "%u streams", load.o.streams);
	wheel_init(&load.wheel, now_ms());
	for (unsigned i = 0; i < load.o.streams; i++)
		stream_init(&load.stream[i], i);

	read_usages(offsetof(struct watch, start));
	begin_ms = now_ms();
	while (!stopped && load.ever_live < load.o.streams &&
	       now_ms() - begin_ms < (int64_t)(load.o.timeout_s * 1000))
		turn();
	ready_ms = now_ms();
	read_usages(offsetof(struct watch, ready));
	printf("ready\n");
	fflush(stdout);

	while (!is_done(ready_ms))
		turn();
	read_usages(offsetof(struct watch, end));
	report((double)(ready_ms - begin_ms) / 1000,
	    (double)(now_ms() - ready_ms) / 1000);
	for (unsigned i = 0; i < load.o.streams; i++)
		stream_fini(&load.stream[i]);
	return 0;
}
