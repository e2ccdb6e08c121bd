/*
 * listen.c - a bare libpq client: LISTEN, and the payload in NOTIFY.
 *
 * The least that anybody can do with PostgreSQL alone; the yardstick for the
 * latency at one stream. Takes the publisher's payloads and reports like load.
 */
#include <err.h>
#include <getopt.h>
#include <libpq-fe.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "hist.h"
#include "base/util.h"

static void
take(struct hist *h, const char *payload, uint64_t seed)
{
	const char *p;

	if (strtoull(payload, NULL, 10) != seed)
		return;
	p = strrchr(payload, ':');
	if (p != NULL)
		hist_add(h, wall_us() - strtoll(p + 1, NULL, 10));
}

int
main(int argc, char **argv)
{
	static const struct option long_options[] = {
		{ "conninfo", required_argument, NULL, 'c' },
		{ "channel", required_argument, NULL, 'l' },
		{ "events", required_argument, NULL, 'n' },
		{ "seed", required_argument, NULL, 's' },
		{ NULL, 0, NULL, 0 },
	};
	const char *conninfo = "", *channel = "bench";
	uint64_t events = 1, seed = 1;
	static struct hist latency;
	char sql[128], *name;
	struct pollfd p;
	PGnotify *n;
	PGresult *r;
	PGconn *conn;
	int c;

	while ((c = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		if (c == 'c')
			conninfo = optarg;
		else if (c == 'l')
			channel = optarg;
		else if (c == 'n')
			events = strtoull(optarg, NULL, 10);
		else if (c == 's')
			seed = strtoull(optarg, NULL, 10);
		else
			return 2;
	}
	conn = PQconnectdb(conninfo);
	if (PQstatus(conn) != CONNECTION_OK)
		errx(1, "%s", PQerrorMessage(conn));
	name = PQescapeIdentifier(conn, channel, strlen(channel));
	if (name == NULL)
		errx(1, "%s", PQerrorMessage(conn));
	snprintf(sql, sizeof(sql), "LISTEN %s", name);
	r = PQexec(conn, sql);
	if (PQresultStatus(r) != PGRES_COMMAND_OK)
		errx(1, "%s", PQerrorMessage(conn));
	PQclear(r);
	PQfreemem(name);
	printf("ready\n");
	fflush(stdout);

	p.fd = PQsocket(conn);
	p.events = POLLIN;
	while (latency.count < events && poll(&p, 1, 30000) > 0) {
		if (PQconsumeInput(conn) != 1)
			errx(1, "%s", PQerrorMessage(conn));
		while ((n = PQnotifies(conn)) != NULL) {
			take(&latency, n->extra, seed);
			PQfreemem(n);
		}
	}
	printf("{\"expected\":%ju,\"delivered\":%ju,\"latency_us\":",
	    (uintmax_t)events, (uintmax_t)latency.count);
	hist_print(&latency, stdout);
	printf("}\n");
	PQfinish(conn);
	return 0;
}
