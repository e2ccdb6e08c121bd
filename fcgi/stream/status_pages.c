/*
 * status_pages.c - how the gateway is doing.
 *
 *   /-/live     200 while the loop turns
 *   /-/ready    200 while LISTEN is in force, else 503
 *   /-/status   one JSON object, for people and the status page
 *   /-/metrics  OpenMetrics 1.0
 */
#include <sys/socket.h>
#include <inttypes.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "process/post_counters.h"
#include "fastcgi/record.h"
#include "base/log.h"
#include "http/answer.h"
#include "stream/source/stats.h"
#include "stream/status_pages.h"

struct stats stats;

/* How far streams may be behind the table, be it the feed or a stream. */
static uint64_t
lag_ms(const struct hub *h, const struct listener *l)
{
	int64_t feed = MIN(listener_lag_ms(l), now_ms() - hub_since_ms(h));

	return (uint64_t)MAX(feed, hub_lag_ms(h));
}

static const char *const refusals[REFUSALS] = {
	[REFUSED_FULL] = "full",
	[REFUSED_ADDRESS] = "address",
	[REFUSED_USER] = "user",
	[REFUSED_UNAUTHORIZED] = "unauthorized",
	[REFUSED_TOKEN] = "token",
	[REFUSED_FORBIDDEN] = "forbidden",
	[REFUSED_TOPICS] = "topics",
	[REFUSED_FIELDS] = "fields",
	[REFUSED_REQUEST] = "bad_request",
	[REFUSED_LATE] = "late",
	[REFUSED_HEAD] = "head",
	[REFUSED_BROKEN] = "broken",
	[REFUSED_PEER] = "peer",
	[REFUSED_ENDING] = "shutdown",
	[REFUSED_MEMORY] = "memory",
};

/* What is measured at the moment of the question. */
struct gauges {
	uint64_t live, asleep, uptime_s, holes, streams, waiting;
	uint64_t filters, lag_ms, rights;
	uint64_t ring_events, ring_bytes, ring_limit, janitor_late_s;
};

/* A number: in JSON under key, in OpenMetrics as pgfeed_NAME; NULL: not there. */
static const struct number {
	const char *key, *name, *help;
	bool counter; /* of struct stats, else of struct gauges */
	bool ms;      /* in OpenMetrics these are seconds */
	size_t offset;
} numbers[] = {
#define GAUGE(field)   .offset = offsetof(struct gauges, field)
#define COUNTER(field) .counter = true, .offset = offsetof(struct stats, field)
	{ NULL, "live", "Whether LISTEN is in force.", GAUGE(live) },
	{ NULL, "asleep", "Whether writers have to ring.", GAUGE(asleep) },
	{ "uptime_s", NULL, NULL, GAUGE(uptime_s) },
	{ "holes", "holes", "Ids drawn but not yet visible.", GAUGE(holes) },
	{ "streams", "streams", "Open streams.", GAUGE(streams) },
	{ "waiting", "waiting",
	    "Clients that poll because no place for a stream is free.",
	    GAUGE(waiting) },
	{ "filters", "filters", "Different subscriptions.", GAUGE(filters) },
	{ "lag_ms", "lag_seconds",
	    "How far the stream that is most behind is behind the table.",
	    .ms = true, GAUGE(lag_ms) },
	{ "rights", "rights", "Answers of pgfeed.may_read that are kept.",
	    GAUGE(rights) },
	{ "ring_events", NULL, NULL, GAUGE(ring_events) },
	{ "ring_bytes", "ring_bytes", "Memory of recent events.",
	    GAUGE(ring_bytes) },
	{ "ring_limit", NULL, NULL, GAUGE(ring_limit) },
	{ "opened", "streams_opened", "Streams opened.", COUNTER(opened) },
	{ "closed", "streams_closed", "Streams closed.", COUNTER(closed) },
	{ "lagged", "streams_lagged",
	    "Streams closed because nobody read them.", COUNTER(lagged) },
	{ "replay_limited", "replay_limited",
	    "Streams ended to come back for more history.",
	    COUNTER(replay_limited) },
	{ "events", "events", "Events fetched.", COUNTER(events) },
	{ "deliveries", "deliveries", "Events written to streams.",
	    COUNTER(deliveries) },
	{ "writes", "writes", "Writes to sockets.", COUNTER(writes) },
	{ "bytes", "sent_bytes", "Bytes written to sockets.", COUNTER(bytes) },
	{ "rings", "rings", "Rings of the doorbell that arrived.",
	    COUNTER(rings) },
	{ "fetches", "fetches", "Queries for new events.", COUNTER(fetches) },
	{ "probes", "probes", "Queries for the owners of holes.",
	    COUNTER(probes) },
	{ "holes_dropped", "holes_dropped", "Ids proved dead.",
	    COUNTER(holes_dropped) },
	{ "replay_queries", "replay_queries", "Queries for history.",
	    COUNTER(replay_queries) },
	{ "replay_rows", "replay_rows", "Events of history read.",
	    COUNTER(replay_rows) },
	{ "gaps", "gaps", "Streams told of a gap.", COUNTER(gaps) },
	{ "access_asked", "access_asked",
	    "Topics that pgfeed.may_read was asked about.",
	    COUNTER(access_asked) },
	{ "access_failed", "access_failed",
	    "Topics for which pgfeed.may_read failed, which counts as no.",
	    COUNTER(access_failed) },
	{ "access_cached", "access_cached",
	    "Streams whose answer was known already.",
	    COUNTER(access_cached) },
	{ "access_lost", "access_lost",
	    "Streams ended because they may not read any more.",
	    COUNTER(access_lost) },
	{ "connects", "connects", "Connections to the database.",
	    COUNTER(connects) },
	{ "janitor_late_s", "janitor_late_seconds",
	    "Time since a duty of retention was last done, of the latest duty.",
	    GAUGE(janitor_late_s) },
#undef GAUGE
#undef COUNTER
};

static void
measure(struct gauges *g, const struct hub *h, const struct listener *l)
{
	const struct ring *ring = hub_ring(h);

	*g = (struct gauges){
		.live = listener_is_live(l),
		.asleep = listener_is_asleep(l),
		.uptime_s = (uint64_t)(now_ms() - hub_since_ms(h)) / 1000,
		.holes = cursor_holes(listener_position(l)),
		.streams = hub_streams(h),
		.waiting = stats.waiting,
		.filters = hub_filters(h),
		.lag_ms = lag_ms(h, l),
		.rights = stats.permissions,
		.janitor_late_s = (uint64_t)stats.janitor_late_s,
	};
	if (ring != NULL) {
		g->ring_events = ring_head(ring) - ring_tail(ring);
		g->ring_bytes = ring_bytes(ring);
		g->ring_limit = ring_limit(ring);
	}
}

static uint64_t
value_of(const struct number *n, const struct gauges *g)
{
	const char *base = n->counter ? (const char *)&stats : (const char *)g;
	uint64_t value;

	memcpy(&value, base + n->offset, sizeof(value));
	return value;
}

static void
add_refused(struct buf *b)
{
	uint64_t sum = 0;

	buf_addstr(b, ",\"refused_for\":{");
	for (size_t i = 0; i < REFUSALS; i++) {
		uint64_t n = stats.refused[i];

		sum += n;
		buf_addf(
		    b, "%s\"%s\":%" PRIu64, i > 0 ? "," : "", refusals[i], n);
	}
	buf_addc(b, '}');
	buf_addf(b, ",\"refused\":%" PRIu64, sum);
}

/* Only if pgfeed-post counts, and as this user. */
static void
add_posts(struct buf *b, const struct config *c)
{
	uint64_t posts[OUTCOMES];

	if (!post_counters_read(c->post_socket, posts))
		return;
	buf_addstr(b, ",\"posts\":{");
	for (size_t i = 0; i < OUTCOMES; i++)
		buf_addf(b, "%s\"%s\":%" PRIu64, i > 0 ? "," : "",
		    outcome_name((enum outcome)i), posts[i]);
	buf_addc(b, '}');
}

static void
add_status(struct buf *b, const struct config *c, const struct hub *h,
    const struct listener *l)
{
	const struct cursor *position = listener_position(l);
	char text[CURSOR_TEXT_MAX] = "";
	struct gauges g;

	measure(&g, h, l);
	if (listener_has_position(l))
		cursor_print(position, text, sizeof(text));
	buf_addf(b,
	    "{\"version\":\"%s\",\"pid\":%d,\"live\":%s,\"asleep\":%s",
	    PACKAGE_VERSION, (int)getpid(), g.live ? "true" : "false",
	    g.asleep ? "true" : "false");
	buf_addf(b,
	    ",\"cursor\":\"%s\",\"timeline\":%u,\"oldest\":\"%" PRId64 "\"",
	    text, position->tli, listener_oldest(l));
	for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
		if (numbers[i].key != NULL)
			buf_addf(b, ",\"%s\":%" PRIu64, numbers[i].key,
			    value_of(&numbers[i], &g));
	}
	add_refused(b);
	add_posts(b, c);
	/* Upper bounds are 64 us << i; the last bucket has none. */
	buf_addstr(b, ",\"latency_us\":[");
	for (size_t i = 0; i <= STATS_BUCKETS; i++)
		buf_addf(b, "%s%" PRIu64, i > 0 ? "," : "", stats.latency[i]);
	buf_addstr(b, "]}\n");
}

static void
add_metric(struct buf *b, const struct number *n, const struct gauges *g)
{
	uint64_t value = value_of(n, g);

	buf_addf(b, "# TYPE pgfeed_%s %s\n", n->name,
	    n->counter ? "counter" : "gauge");
	if (n->ms)
		buf_addf(b, "# UNIT pgfeed_%s seconds\n", n->name);
	buf_addf(b, "# HELP pgfeed_%s %s\n", n->name, n->help);
	if (n->ms)
		buf_addf(
		    b, "pgfeed_%s %.3f\n", n->name, (double)value / 1e3);
	else
		buf_addf(b, "pgfeed_%s%s %" PRIu64 "\n", n->name,
		    n->counter ? "_total" : "", value);
}

static void
add_latency(struct buf *b)
{
	uint64_t sum = 0;

	buf_addstr(b,
	    "# TYPE pgfeed_latency_seconds histogram\n"
	    "# UNIT pgfeed_latency_seconds seconds\n"
	    "# HELP pgfeed_latency_seconds From an event's INSERT to the "
	    "sockets of its streams.\n");
	for (size_t i = 0; i < STATS_BUCKETS; i++) {
		sum += stats.latency[i];
		buf_addf(b,
		    "pgfeed_latency_seconds_bucket{le=\"%g\"} %" PRIu64 "\n",
		    (double)(64u << i) / 1e6, sum);
	}
	buf_addf(b,
	    "pgfeed_latency_seconds_bucket{le=\"+Inf\"} %" PRIu64 "\n"
	    "pgfeed_latency_seconds_count %" PRIu64 "\n"
	    "pgfeed_latency_seconds_sum %.6f\n",
	    stats.latency_count, stats.latency_count,
	    (double)stats.latency_sum_us / 1e6);
}

static void
add_refused_metric(struct buf *b)
{
	buf_addstr(b,
	    "# TYPE pgfeed_streams_refused counter\n"
	    "# HELP pgfeed_streams_refused Requests that became no stream.\n");
	for (size_t i = 0; i < REFUSALS; i++)
		buf_addf(b,
		    "pgfeed_streams_refused_total{reason=\"%s\"} %" PRIu64 "\n",
		    refusals[i], (uint64_t)stats.refused[i]);
}

static void
add_posts_metric(struct buf *b, const struct config *c)
{
	uint64_t posts[OUTCOMES];

	if (!post_counters_read(c->post_socket, posts))
		return;
	buf_addstr(b,
	    "# TYPE pgfeed_posts counter\n"
	    "# HELP pgfeed_posts Requests to pgfeed-post, by what became of "
	    "them.\n");
	for (size_t i = 0; i < OUTCOMES; i++)
		buf_addf(b, "pgfeed_posts_total{outcome=\"%s\"} %" PRIu64 "\n",
		    outcome_name((enum outcome)i), posts[i]);
}

static void
add_metrics(struct buf *b, const struct config *c, const struct hub *h,
    const struct listener *l)
{
	struct gauges g;

	measure(&g, h, l);
	for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
		if (numbers[i].name != NULL)
			add_metric(b, &numbers[i], &g);
	}
	add_refused_metric(b);
	add_posts_metric(b, c);
	add_latency(b);
	buf_addstr(b, "# EOF\n");
}

void
status_log_minute(size_t open)
{
	static uint64_t opened, closed, refused, events;
	uint64_t sum = 0;

	for (size_t i = 0; i < REFUSALS; i++)
		sum += stats.refused[i];
	if (stats.opened != opened || stats.closed != closed ||
	    sum != refused)
		log_info("%zu streams are open; in the last minute %" PRIu64
			 " opened, %" PRIu64 " closed, %" PRIu64
			 " were refused, and %" PRIu64 " events came",
		    open, stats.opened - opened,
		    stats.closed - closed, sum - refused,
		    stats.events - events);
	opened = stats.opened;
	closed = stats.closed;
	refused = sum;
	events = stats.events;
}

static void
add_answer(struct buf *b, enum history_page_wanted page, const struct config *c,
    const struct hub *h, const struct listener *l)
{
	bool ok = page != WANT_READY || listener_is_live(l);
	const char *type = "text/plain";

	if (page == WANT_STATUS)
		type = "application/json";
	else if (page == WANT_METRICS)
		type = "application/openmetrics-text; version=1.0.0; "
		       "charset=utf-8";
	answer_add_head(b, ok ? 200 : 503, type, "");
	if (page == WANT_STATUS)
		add_status(b, c, h, l);
	else if (page == WANT_METRICS)
		add_metrics(b, c, h, l);
	else
		buf_addstr(b, ok ? "ok\n" : "not following the database\n");
}

void
status_answer(enum history_page_wanted page, struct taken conn,
    const struct config *c, const struct hub *h, const struct listener *l)
{
	struct buf b = BUF_INIT, records = BUF_INIT;

	add_answer(&b, page, c, h, l);
	record_add_output(&records, conn.id, b.data, b.len);
	record_add_end(&records, conn.id);
	/* It fits the socket's buffer, which nothing else has written to. */
	if (buf_failed(&b) || buf_failed(&records) ||
	    send(conn.fd, records.data, records.len,
		MSG_NOSIGNAL | MSG_DONTWAIT) != (ssize_t)records.len)
		log_debug("could not answer a status request");
	close(conn.fd);
	buf_fini(&b);
	buf_fini(&records);
}
