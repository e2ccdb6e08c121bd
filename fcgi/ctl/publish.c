/*
 * publish.c - "pgfeed publish": publishes events from the shell.
 */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "ctl/ctl.h"

#define DATA_MAX_BYTES (1 << 20) /* the limit of the table */

struct event {
	const char *topic, *data, *kind, *key;
};

/* Reads stdin whole, up to one byte beyond the limit. */
static int
read_stdin(struct buf *b)
{
	ssize_t n;

	do {
		if (!buf_reserve(b, 65536)) {
			ctl_fail("out of memory");
			return -1;
		}
		n = read(STDIN_FILENO, b->data + b->len, 65536);
		if (n == -1 && errno != EINTR) {
			ctl_fail("could not read stdin: %s", strerror(errno));
			return -1;
		}
		b->len += n > 0 ? (size_t)n : 0;
	} while (n != 0 && b->len <= DATA_MAX_BYTES);
	b->data[b->len] = '\0';
	return 0;
}

/* Refuses input that the server would refuse with a worse message. */
static int
check_data(const char *s, size_t n)
{
	if (n > DATA_MAX_BYTES)
		return ctl_fail("an event has at most 1 MiB of data");
	if (memchr(s, '\0', n) != NULL)
		return ctl_fail("the data has a NUL byte, which PostgreSQL's text cannot hold: encode it");
	if (!utf8_valid(s, n))
		return ctl_fail("the data is not UTF-8: encode it");
	return 0;
}

static int
publish(PGconn *db, const struct event *e)
{
	const char *values[] = { e->topic, e->data, e->kind, e->key };
	PGresult *r;

	r = PQexecParams(db, "SELECT pgfeed.publish($1, $2, $3, $4)", 4, NULL,
	    values, NULL, NULL, 0);
	if (PQresultStatus(r) != PGRES_TUPLES_OK)
		return ctl_fail_db(db, r, "could not publish");
	puts(PQgetvalue(r, 0, 0));
	PQclear(r);
	return 0;
}

static int
publish_lines(PGconn *db, struct event *e)
{
	char *line = NULL;
	size_t cap = 0;
	ssize_t n;
	int rc = 0;

	while (rc == 0 && (n = getline(&line, &cap, stdin)) != -1) {
		if (n > 0 && line[n - 1] == '\n')
			line[--n] = '\0';
		rc = check_data(line, (size_t)n);
		e->data = line;
		if (rc == 0)
			rc = publish(db, e);
		fflush(stdout);
	}
	free(line);
	return rc;
}

static int
run(const struct command *self, struct ctl *ctl, int argc, char **argv)
{
	static const struct option options[] = {
		{ "kind", required_argument, NULL, 't' },
		{ "key", required_argument, NULL, 'k' },
		{ "lines", no_argument, NULL, 'l' },
		{ NULL, 0, NULL, 0 },
	};
	struct event e = { .topic = NULL };
	struct buf data = BUF_INIT;
	PGconn *db = NULL;
	bool lines = false;
	int opt, rc = 1;

	while ((opt = getopt_long(argc, argv, "lk:", options, NULL)) != -1) {
		switch (opt) {
		case 't':
			e.kind = optarg;
			break;
		case 'k':
			e.key = optarg;
			break;
		case 'l':
			lines = true;
			break;
		default:
			return ctl_misuse(self, "wrong option");
		}
	}
	argc -= optind;
	argv += optind;
	if (argc < 1)
		return ctl_misuse(self, "to which topic?");
	if (argc > 2)
		return ctl_misuse(self, "too many arguments, quote the data");
	if (lines && (argc > 1 || e.key != NULL))
		return ctl_misuse(
		    self, "--lines goes with neither data nor --key");
	e.topic = argv[0];

	if (!lines) {
		if (argc == 2 && strcmp(argv[1], "-") != 0)
			buf_addstr(&data, argv[1]);
		else if (read_stdin(&data) == -1)
			goto out;
		if (buf_failed(&data)) {
			ctl_fail("out of memory");
			goto out;
		}
		if (check_data(data.data, data.len) != 0)
			goto out;
		e.data = data.data;
	}
	db = ctl_connect(ctl);
	if (db == NULL)
		goto out;
	rc = lines ? publish_lines(db, &e) : publish(db, &e);
out:
	PQfinish(db);
	buf_fini(&data);
	return rc;
}

const struct command publish_command = {
	.name = "publish",
	.args = "[--kind KIND] [--key KEY] TOPIC [DATA|-]",
	.summary = "publish an event",
	.help = "Publishes DATA, or what stands on stdin, to the last byte, "
		"and prints the\n"
		"event's id once it is committed.\n"
		"\n"
		"  --kind KIND   the event's kind: SSE's event type\n"
		"  -k, --key KEY publish once: with a key used before, the "
		"first event's id\n"
		"                is printed; it is an error if that event was "
		"another one\n"
		"  -l, --lines   each line on stdin is an event of its own",
	.run = run,
};
