/*
 * publish.c - the publisher: numbered, timed events at a constant rate.
 *
 *	publish --sql 'INSERT ... VALUES ($1, $2)' [--conninfo ...]
 *	publish --http HOST:PORT --path /pub/bench%t [--body '...%d...']
 *
 * A payload is "seed:seq:microseconds" and blanks up to --size. The rate is
 * kept whatever the server does: an event's time is the time it was due, so a
 * slow server cannot make itself look fast by slowing the publisher
 * (coordinated omission). With --rate 0 a batch follows the other and its time
 * is when it was begun. A batch is one transaction, sent in pipeline mode, or
 * that many requests in one go; with --close each request has its own
 * connection.
 */
#include <sys/socket.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <arpa/inet.h>
#include <err.h>
#include <getopt.h>
#include <inttypes.h>
#include <libpq-fe.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "hist.h"

static struct {
	const char *sql, *conninfo, *topic, *path, *body, *http;
	uint64_t seed, events, topics, batch;
	double rate;
	size_t size;
	bool retry, close;
} o = { .conninfo = "",
	.topic = "bench%t",
	.path = "/",
	.body = "%d",
	.seed = 1,
	.events = 1,
	.topics = 1,
	.batch = 1,
	.size = 120 };

static PGconn *conn;
static int fd = -1;

/* Adds text with the mark replaced by value. */
static void
add_filled(struct buf *b, const char *text, const char *mark, const char *value)
{
	const char *at = strstr(text, mark);

	if (at == NULL) {
		buf_addstr(b, text);
		return;
	}
	buf_add(b, text, (size_t)(at - text));
	buf_addf(b, "%s%s", value, at + strlen(mark));
}

static void
make_payload(struct buf *b, uint64_t seq, int64_t due_us)
{
	buf_clear(b);
	buf_addf(b, "%" PRIu64 ":%" PRIu64 ":%" PRId64, o.seed, seq, due_us);
	while (b->len < o.size)
		buf_addc(b, ' ');
}

static void
make_topic(struct buf *b, const char *pattern, uint64_t seq)
{
	char number[24];

	snprintf(number, sizeof(number), "%" PRIu64, seq % o.topics);
	buf_clear(b);
	add_filled(b, pattern, "%t", number);
}

/* --- PostgreSQL */

/* False when there is no connection; anything else wrong ends the program. */
static bool
open_sql(void)
{
	PGresult *r;

	PQfinish(conn);
	conn = PQconnectdb(o.conninfo);
	if (PQstatus(conn) != CONNECTION_OK)
		return false;
	r = PQprepare(conn, "event", o.sql, o.retry ? 3 : 2, NULL);
	if (PQresultStatus(r) != PGRES_COMMAND_OK)
		errx(1, "%s", PQerrorMessage(conn));
	PQclear(r);
	if (o.batch > 1 && PQenterPipelineMode(conn) != 1)
		errx(1, "%s", PQerrorMessage(conn));
	return true;
}

static void
check(PGresult *r)
{
	ExecStatusType status = PQresultStatus(r);

	if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK &&
	    status != PGRES_PIPELINE_SYNC)
		errx(1, "%s", PQerrorMessage(conn));
	PQclear(r);
}

static void
publish_batch(uint64_t first, uint64_t n, int64_t due_us)
{
	static struct buf topic, data;
	uint64_t answers = 0;
	PGresult *r;

	for (uint64_t i = 0; i < n; i++) {
		make_topic(&topic, o.topic, first + i);
		make_payload(&data, first + i, due_us);
		const char *values[2] = { topic.data, data.data };

		if (PQsendQueryPrepared(
			conn, "event", 2, values, NULL, NULL, 0) != 1)
			errx(1, "%s", PQerrorMessage(conn));
	}
	if (PQpipelineSync(conn) != 1)
		errx(1, "%s", PQerrorMessage(conn));
	while (answers <= n) { /* each ends in NULL, but for the sync */
		r = PQgetResult(conn);
		if (r == NULL)
			continue;
		check(r);
		answers++;
	}
}

/*
 * With --retry the third parameter is a key, and an event whose outcome is not
 * known is sent again with the same key until there is an answer.
 */
static void
publish_one(uint64_t seq, int64_t due_us)
{
	static struct buf topic, data;
	char key[48];

	make_topic(&topic, o.topic, seq);
	make_payload(&data, seq, due_us);
	snprintf(key, sizeof(key), "%" PRIu64 "-%" PRIu64, o.seed, seq);
	const char *values[3] = { topic.data, data.data, key };

	for (;;) {
		PGresult *r = PQexecPrepared(
		    conn, "event", o.retry ? 3 : 2, values, NULL, NULL, 0);

		if (!o.retry || PQstatus(conn) == CONNECTION_OK) {
			check(r);
			return;
		}
		PQclear(r);
		while (!open_sql())
			usleep(20000);
	}
}

/* --- HTTP/1.1 on one connection */

static void
open_http(void)
{
	struct sockaddr_in to = { .sin_family = AF_INET };
	const char *colon = strrchr(o.http, ':');
	char host[64];
	int one = 1;

	if (colon == NULL)
		errx(2, "--http needs HOST:PORT");
	snprintf(host, sizeof(host), "%.*s", (int)(colon - o.http), o.http);
	to.sin_port = htons((uint16_t)atoi(colon + 1));
	if (inet_pton(AF_INET, host, &to.sin_addr) != 1)
		errx(2, "\"%s\" is no IPv4 address", host);
	if (fd != -1)
		close(fd);
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd == -1 || connect(fd, (struct sockaddr *)&to, sizeof(to)) == -1)
		err(1, "%s", o.http);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
}

/*
 * The length of the whole answer at the beginning of s, 0 when there is more to
 * come. It must be 2xx and have a Content-Length.
 */
static size_t
answer_length(const char *s)
{
	const char *body = strstr(s, "\r\n\r\n"), *length;
	size_t n;

	if (body == NULL)
		return 0;
	if (strncmp(s + 8, " 2", 2) != 0)
		errx(1, "answer: %.60s", s);
	length = strcasestr(s, "\r\ncontent-length:");
	n = (size_t)(body + 4 - s);
	if (length != NULL && length < body)
		n += strtoul(length + 17, NULL, 10);
	return strlen(s) >= n ? n : 0;
}

static void
read_answers(uint64_t wanted)
{
	static char answer[65536];
	size_t n = 0, whole;
	ssize_t got;

	while (wanted > 0) {
		got = recv(fd, answer + n, sizeof(answer) - 1 - n, 0);
		if (got <= 0)
			errx(1, "the connection was closed");
		n += (size_t)got;
		answer[n] = '\0';
		while (wanted > 0 && (whole = answer_length(answer)) > 0) {
			memmove(answer, answer + whole, n - whole + 1);
			n -= whole;
			wanted--;
		}
	}
}

/* A batch is that many requests in one go (RFC 9112, 9.3.2). */
static void
publish_http(uint64_t first, uint64_t n, int64_t due_us)
{
	static struct buf path, data, body, request;

	if (o.close)
		open_http();
	buf_clear(&request);
	for (uint64_t i = 0; i < n; i++) {
		make_topic(&path, o.path, first + i);
		make_payload(&data, first + i, due_us);
		buf_clear(&body);
		add_filled(&body, o.body, "%d", data.data);
		buf_addf(&request,
		    "POST %s HTTP/1.1\r\nHost: localhost\r\n"
		    "Content-Type: text/plain\r\nContent-Length: %zu\r\n\r\n",
		    path.data, body.len);
		buf_add(&request, body.data, body.len);
	}
	if (send(fd, request.data, request.len, MSG_NOSIGNAL) !=
	    (ssize_t)request.len)
		err(1, "send");
	read_answers(n);
}

/* --- */

static int64_t
clock_us(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void
sleep_until(int64_t us)
{
	struct timespec t = { us / 1000000, us % 1000000 * 1000 };

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) != 0)
		;
}

static void
run(void)
{
	struct hist took = { 0 };
	int64_t begin = clock_us(CLOCK_MONOTONIC) + 10000, late = 0, end;
	int64_t wall = clock_us(CLOCK_REALTIME) - clock_us(CLOCK_MONOTONIC);
	uint64_t n;

	for (uint64_t seq = 0; seq < o.events; seq += n) {
		int64_t due = clock_us(CLOCK_MONOTONIC), now;

		n = MIN(o.close ? 1 : o.batch, o.events - seq);
		if (o.rate > 0) {
			due = begin + (int64_t)((double)seq * 1e6 / o.rate);
			sleep_until(due);
		}
		now = clock_us(CLOCK_MONOTONIC);
		late = MAX(late, now - due);
		if (conn != NULL && o.batch > 1)
			publish_batch(seq, n, due + wall);
		else if (conn != NULL)
			publish_one(seq, due + wall);
		else
			publish_http(seq, n, due + wall);
		hist_add(&took, clock_us(CLOCK_MONOTONIC) - now);
	}
	end = clock_us(CLOCK_MONOTONIC);
	printf(
	    "{\"events\":%" PRIu64 ",\"batch\":%" PRIu64
	    ",\"rate\":%.1f,\"size\":%zu,\"seconds\":%.6f,\"late_us\":%" PRId64
	    ",\"took_us\":",
	    o.events, o.batch, o.rate, o.size, (double)(end - begin) / 1e6,
	    late);
	hist_print(&took, stdout);
	printf("}\n");
}

static const struct option long_options[] = {
	{ "sql", required_argument, NULL, 'q' },
	{ "conninfo", required_argument, NULL, 'c' },
	{ "http", required_argument, NULL, 'h' },
	{ "path", required_argument, NULL, 'p' },
	{ "body", required_argument, NULL, 'd' },
	{ "topic", required_argument, NULL, 't' },
	{ "topics", required_argument, NULL, 'T' },
	{ "seed", required_argument, NULL, 's' },
	{ "events", required_argument, NULL, 'n' },
	{ "rate", required_argument, NULL, 'r' },
	{ "batch", required_argument, NULL, 'b' },
	{ "size", required_argument, NULL, 'z' },
	{ "retry", no_argument, NULL, 'R' },
	{ "close", no_argument, NULL, 'C' },
	{ NULL, 0, NULL, 0 },
};

int
main(int argc, char **argv)
{
	int c;

	while ((c = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		switch (c) {
		case 'q':
			o.sql = optarg;
			break;
		case 'c':
			o.conninfo = optarg;
			break;
		case 'h':
			o.http = optarg;
			break;
		case 'p':
			o.path = optarg;
			break;
		case 'd':
			o.body = optarg;
			break;
		case 't':
			o.topic = optarg;
			break;
		case 'T':
			o.topics = strtoull(optarg, NULL, 10);
			break;
		case 's':
			o.seed = strtoull(optarg, NULL, 10);
			break;
		case 'n':
			o.events = strtoull(optarg, NULL, 10);
			break;
		case 'r':
			o.rate = atof(optarg);
			break;
		case 'b':
			o.batch = strtoull(optarg, NULL, 10);
			break;
		case 'z':
			o.size = strtoull(optarg, NULL, 10);
			break;
		case 'C':
			o.close = true;
			break;
		case 'R':
			o.retry = true;
			break;
		default:
			return 2;
		}
	}
	if ((o.sql == NULL) == (o.http == NULL) || o.topics == 0 ||
	    o.batch == 0)
		errx(2, "either --sql or --http is needed");
	if (o.sql == NULL)
		open_http();
	else if (!open_sql())
		errx(1, "%s", PQerrorMessage(conn));
	run();
	PQfinish(conn);
	return 0;
}
