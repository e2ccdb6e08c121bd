/*
 * tail.c - "pgfeed tail": prints events as they are committed.
 */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl/ctl.h"
#include "pg/db.h"
#include "ctl/follow.h"
#include "feed/feed_sql.h"
#include "feed/topic.h"

#define BACKOFF_MAX_MS 5000

struct tail {
	struct follow follow;
	char **patterns;
	size_t n;
	bool json;
	long left; /* events to print before it ends, -1 for no end */
	struct buf line;
};

static bool
pattern_matches(const struct tail *t, const char *topic)
{
	for (size_t i = 0; i < t->n; i++) {
		if (topic_matches(t->patterns[i], topic))
			return true;
	}
	return t->n == 0;
}

/* Whether one of the event's topics is among those to print. */
static bool
wanted(const struct tail *t, const struct follow_event *e)
{
	char topic[TOPIC_MAX_BYTES + 1];

	if (pattern_matches(t, e->topic))
		return true;
	for (const char *s = e->also; *s != '\0'; s += *s == '\n') {
		size_t n = strcspn(s, "\n");

		snprintf(topic, sizeof(topic), "%.*s", (int)n, s);
		if (pattern_matches(t, topic))
			return true;
		s += n;
	}
	return false;
}

/* One line of a terminal, which must not take commands from an event. */
static void
add_plain(struct buf *b, const char *s)
{
	for (; *s != '\0'; s++) {
		unsigned char c = (unsigned char)*s;

		if (c == '\n')
			buf_addstr(b, "\\n");
		else if (c == '\r')
			buf_addstr(b, "\\r");
		else if (c == '\t')
			buf_addstr(b, "\\t");
		else if (c < 0x20 || c == 0x7f)
			buf_addf(b, "\\x%02x", c);
		else if (c == 0xc2 && (unsigned char)s[1] >= 0x80 &&
			 (unsigned char)s[1] < 0xa0) {
			/* U+0080 to U+009f are control characters as well. */
			buf_addf(b, "\\u%04x", (unsigned char)s[1]);
			s++;
		} else
			buf_addc(b, *s);
	}
}

static void
add_json_member(struct buf *b, const char *name, const char *s)
{
	buf_addf(b, ",\"%s\":", name);
	if (s == NULL)
		buf_addstr(b, "null");
	else
		buf_addjson(b, s, strlen(s));
}

static bool
on_event(const struct follow_event *e, void *arg)
{
	struct tail *t = arg;
	struct buf *b = &t->line;

	if (!wanted(t, e))
		return true;
	buf_clear(b);
	if (t->json) {
		buf_addstr(b, "{\"topic\":");
		buf_addjson(b, e->topic, strlen(e->topic));
		buf_addf(b, ",\"id\":\"%lld\",\"at\":\"", (long long)e->id);
		buf_addtime(b, e->at_us);
		buf_addc(b, '"');
		add_json_member(b, "kind", e->kind);
		add_json_member(b, "by", e->by);
		add_json_member(b, "data", e->data);
		buf_addc(b, '}');
	} else {
		buf_addf(b, "%lld  ", (long long)e->id);
		add_plain(b, e->topic);
		buf_addstr(b, "  ");
		add_plain(b, e->kind != NULL ? e->kind : "-");
		buf_addstr(b, "  ");
		add_plain(b, e->data);
	}
	buf_addc(b, '\n');
	if (buf_failed(b) || fwrite(b->data, 1, b->len, stdout) != b->len)
		return false;
	return t->left == -1 || --t->left > 0;
}

/* The last count events of our topics up to where the feed stands. */
static int
print_last(struct tail *t, const char *count)
{
	/* A prefix pattern ends in a star. */
	static const char sql[] =
	    "SELECT * FROM (SELECT " FEED_EVENT_COLUMNS
	    " FROM pgfeed.event WHERE id <= $1 AND ($2::text[] = '{}' OR EXISTS"
	    " (SELECT FROM unnest($2::text[]) p, unnest(topic || also) t"
	    "  WHERE t = p OR (p LIKE '%*' AND starts_with(t, left(p, -1)))))"
	    " ORDER BY id DESC LIMIT $3::bigint) e ORDER BY id";
	struct buf topics = BUF_INIT;
	const char *values[3];
	char last[32];
	PGresult *r;

	buf_addc(&topics, '{');
	for (size_t i = 0; i < t->n; i++) {
		if (i > 0)
			buf_addc(&topics, ',');
		db_add_element(&topics, t->patterns[i]);
	}
	buf_addc(&topics, '}');
	snprintf(last, sizeof(last), "%lld", (long long)t->follow.at.last);
	values[0] = last;
	values[1] = topics.data;
	values[2] = count;
	r = db_query(t->follow.db, sql, 3, values, &t->follow.err);
	buf_fini(&topics);
	if (r == NULL)
		return ctl_fail("%s", t->follow.err.data);
	for (int i = 0; i < PQntuples(r); i++) {
		struct follow_event e = follow_row(r, i);

		/* An open hole that has just closed comes live. */
		if (!cursor_has_hole(&t->follow.at, e.id) && !on_event(&e, t))
			break;
	}
	PQclear(r);
	return 0;
}

/* Puts the reader where --since says. */
static int
go_back(const struct command *self, struct tail *t, const char *since)
{
	const struct start_position *o = &t->follow.start;
	struct cursor c;

	if (strcmp(since, "now") == 0)
		return 0;
	if (since[0] == '-')
		return print_last(t, since + 1);
	if (strcmp(since, "earliest") == 0)
		cursor_init_like(&c, &t->follow.at, o->oldest - 1);
	else if (!cursor_parse(&c, since, strlen(since)))
		return ctl_misuse(
		    self, "\"%s\" is not earliest, now, -N or a cursor", since);
	if (c.history != o->tag)
		return ctl_fail("\"%s\" is of another history: events begin anew here, start with --since earliest",
		    since);
	if (!start_position_translate(o->epoch, o->n_epochs, o->tli, &c))
		return ctl_fail("\"%s\" is of timeline %u, the server is on %u: ids may have been used again, start with --since earliest",
		    since, c.tli, o->tli);
	if (c.last > o->high)
		return ctl_fail("\"%s\" is ahead of the feed: the highest id so far is %lld",
		    since, (long long)o->high);
	if (cursor_low(&c) + 1 < o->oldest)
		fprintf(stderr,
		    "pgfeed: events before id %lld are gone, going on from there\n",
		    (long long)o->oldest);
	cursor_copy(&t->follow.at, &c);
	return 0;
}

static int
fail_lost(const struct tail *t)
{
	return ctl_fail("this is not the database that it was, %s: ids may have been used again, start anew",
	    t->follow.err.data);
}

/* A new connection that goes on where the last one broke off. */
static PGconn *
reconnect(const struct ctl *ctl, struct tail *t)
{
	unsigned wait_ms = 100;

	fprintf(stderr, "pgfeed: connection lost, connecting again: %s\n",
	    t->follow.err.data);
	for (;; wait_ms = MIN(2 * wait_ms, BACKOFF_MAX_MS)) {
		enum follow_result rc;
		PGconn *db;

		usleep(1000 * random_between(wait_ms / 2, wait_ms));
		db = db_connect(ctl->config.database, "tail", &t->follow.err);
		if (db == NULL)
			continue;
		rc = follow_begin(&t->follow, db, true);
		if (rc == FOLLOW_OK)
			return db;
		PQfinish(db);
		if (rc == FOLLOW_LOST) {
			fail_lost(t);
			return NULL;
		}
	}
}

static int
follow_all(struct ctl *ctl, struct tail *t, PGconn **db)
{
	for (;;) {
		enum follow_result rc;

		rc = follow_fetch(&t->follow, on_event, t);
		if (fflush(stdout) == EOF || ferror(stdout))
			return errno == EPIPE ? 0 : 1;
		if (rc == FOLLOW_STOPPED)
			return 0;
		if (rc == FOLLOW_OK)
			rc = follow_wait(&t->follow);
		if (rc == FOLLOW_OK)
			continue;
		if (rc == FOLLOW_LOST)
			return fail_lost(t);
		if (PQstatus(*db) == CONNECTION_OK)
			return ctl_fail("%s", t->follow.err.data);
		PQfinish(*db);
		*db = reconnect(ctl, t);
		if (*db == NULL)
			return 1;
	}
}

static int
run(const struct command *self, struct ctl *ctl, int argc, char **argv)
{
	static const struct option options[] = {
		{ "count", required_argument, NULL, 'n' },
		{ "json", no_argument, NULL, 'j' },
		{ "since", required_argument, NULL, 's' },
		{ NULL, 0, NULL, 0 },
	};
	struct tail t = { .left = -1 };
	const char *since = "now";
	PGconn *db = NULL;
	char *end;
	int opt, rc = 1;

	while ((opt = getopt_long(argc, argv, "jn:s:", options, NULL)) != -1) {
		switch (opt) {
		case 'j':
			t.json = true;
			break;
		case 'n':
			t.left = strtol(optarg, &end, 10);
			if (*end != '\0' || t.left < 1)
				return ctl_misuse(self,
				    "\"%s\" is not a number of events", optarg);
			break;
		case 's':
			since = optarg;
			break;
		default:
			return ctl_misuse(self, "wrong option");
		}
	}
	if (since[0] == '-' &&
	    (since[1] == '\0' || strlen(since) > 10 ||
		since[1 + strspn(since + 1, "0123456789")] != '\0'))
		return ctl_misuse(self, "\"%s\" is not -N", since);
	t.patterns = argv + optind;
	t.n = (size_t)(argc - optind);
	for (size_t i = 0; i < t.n; i++) {
		if (!topic_pattern_valid(t.patterns[i], strlen(t.patterns[i])))
			return ctl_misuse(
			    self, "\"%s\" is not a topic", t.patterns[i]);
	}

	db = ctl_connect_schema(ctl);
	if (db == NULL)
		return 1;
	follow_init(&t.follow);
	if (follow_begin(&t.follow, db, false) != FOLLOW_OK)
		ctl_fail("could not follow the feed: %s", t.follow.err.data);
	else if ((rc = go_back(self, &t, since)) == 0 && t.left != 0)
		rc = follow_all(ctl, &t, &db);
	PQfinish(db);
	follow_fini(&t.follow);
	buf_fini(&t.line);
	return rc;
}

const struct command tail_command = {
	.name = "tail",
	.args = "[--json] [--since WHERE] [-n COUNT] [TOPIC...]",
	.summary = "print events as they come",
	.help = "Prints the events of the topics (\"orders\", \"orders/*\"; "
		"none means all), each\n"
		"exactly once, straight from the database. When the connection "
		"is lost it\n"
		"connects again and goes on where it was.\n"
		"\n"
		"  -j, --json         one JSON object per line; otherwise id, "
		"topic, kind and\n"
		"                     data, with control characters escaped\n"
		"  -s, --since WHERE  earliest, now (the default), -N for the "
		"last N, or a\n"
		"                     cursor: the id of an event that a "
		"browser has had\n"
		"  -n, --count COUNT  end after so many events",
	.run = run,
};
