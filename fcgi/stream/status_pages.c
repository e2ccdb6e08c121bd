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
#include <string.h>
#include <unistd.h>

#include "process/post_counters.h"
#include "fastcgi/record.h"
#include "base/log.h"
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

static void
add_number(struct buf *b, const char *name, uint64_t n)
{
	buf_addf(b, ",\"%s\":%" PRIu64, name, n);
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
	add_number(b, "refused", sum);
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
	const struct cursor *g = listener_position(l);
	const struct ring *ring = hub_ring(h);
	char text[CURSOR_TEXT_MAX] = "";

	if (listener_has_position(l))
		cursor_print(g, text, sizeof(text));
	buf_addf(b, "{\"version\":\"%s\",\"pid\":%d,\"live\":%s,\"asleep\":%s",
	    PACKAGE_VERSION, (int)getpid(),
	    listener_is_live(l) ? "true" : "false",
	    listener_is_asleep(l) ? "true" : "false");
	buf_addf(b,
	    ",\"cursor\":\"%s\",\"timeline\":%u,\"oldest\":\"%" PRId64 "\"",
	    text, g->tli, listener_oldest(l));
	add_number(
	    b, "uptime_s", (uint64_t)(now_ms() - hub_since_ms(h)) / 1000);
	add_number(b, "holes", cursor_holes(g));
	add_number(b, "streams", hub_streams(h));
	add_number(b, "filters", hub_filters(h));
	add_number(b, "lag_ms", lag_ms(h, l));
	add_number(b, "rights", hub_rights(h));
	if (ring != NULL) {
		add_number(b, "ring_events", ring_head(ring) - ring_tail(ring));
		add_number(b, "ring_bytes", ring_bytes(ring));
		add_number(b, "ring_limit", ring_limit(ring));
	}
	add_number(b, "opened", stats.opened);
	add_number(b, "closed", stats.closed);
	add_refused(b);
	add_posts(b, c);
	add_number(b, "lagged", stats.lagged);
	add_number(b, "replay_limited", stats.replay_limited);
	add_number(b, "events", stats.events);
	add_number(b, "deliveries", stats.deliveries);
	add_number(b, "writes", stats.writes);
	add_number(b, "bytes", stats.bytes);
	add_number(b, "rings", stats.rings);
	add_number(b, "fetches", stats.fetches);
	add_number(b, "probes", stats.probes);
	add_number(b, "holes_dropped", stats.holes_dropped);
	add_number(b, "replay_queries", stats.replay_queries);
	add_number(b, "replay_rows", stats.replay_rows);
	add_number(b, "gaps", stats.gaps);
	add_number(b, "access_asked", stats.access_asked);
	add_number(b, "access_failed", stats.access_failed);
	add_number(b, "access_cached", stats.access_cached);
	add_number(b, "access_lost", stats.access_lost);
	add_number(b, "connects", stats.connects);
	add_number(b, "janitor_late_s", (uint64_t)stats.janitor_late_s);
	/* Upper bounds are 64 us << i; the last bucket has none. */
	buf_addstr(b, ",\"latency_us\":[");
	for (size_t i = 0; i <= STATS_BUCKETS; i++)
		buf_addf(b, "%s%" PRIu64, i > 0 ? "," : "", stats.latency[i]);
	buf_addstr(b, "]}\n");
}

static void
add_metric(struct buf *b, const char *name, const char *type, const char *help,
    uint64_t value)
{
	buf_addf(b, "# TYPE pgfeed_%s %s\n# HELP pgfeed_%s %s\n", name, type,
	    name, help);
	buf_addf(b, "pgfeed_%s%s %" PRIu64 "\n", name,
	    strcmp(type, "counter") == 0 ? "_total" : "", value);
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
	const struct ring *ring = hub_ring(h);

	add_metric(b, "live", "gauge", "Whether LISTEN is in force.",
	    listener_is_live(l));
	add_metric(b, "streams", "gauge", "Open streams.", hub_streams(h));
	add_metric(
	    b, "filters", "gauge", "Different subscriptions.", hub_filters(h));
	add_metric(b, "ring_bytes", "gauge", "Memory of recent events.",
	    ring != NULL ? ring_bytes(ring) : 0);
	add_metric(b, "holes", "gauge", "Ids drawn but not yet visible.",
	    cursor_holes(listener_position(l)));
	buf_addf(b,
	    "# TYPE pgfeed_lag_seconds gauge\n"
	    "# UNIT pgfeed_lag_seconds seconds\n"
	    "# HELP pgfeed_lag_seconds How far the stream that is most behind "
	    "is behind the table.\n"
	    "pgfeed_lag_seconds %.3f\n",
	    (double)lag_ms(h, l) / 1e3);
	add_metric(
	    b, "streams_opened", "counter", "Streams opened.", stats.opened);
	add_refused_metric(b);
	add_posts_metric(b, c);
	add_metric(b, "streams_lagged", "counter",
	    "Streams closed because nobody read them.", stats.lagged);
	add_metric(b, "events", "counter", "Events fetched.", stats.events);
	add_metric(b, "deliveries", "counter", "Events written to streams.",
	    stats.deliveries);
	add_metric(b, "writes", "counter", "Writes to sockets.", stats.writes);
	add_metric(b, "sent_bytes", "counter", "Bytes written to sockets.",
	    stats.bytes);
	add_metric(b, "rings", "counter", "Notifications of the doorbell.",
	    stats.rings);
	add_metric(b, "asleep", "gauge", "1 while writers have to ring.",
	    listener_is_asleep(l));
	add_metric(
	    b, "fetches", "counter", "Queries for new events.", stats.fetches);
	add_metric(b, "probes", "counter", "Queries for the owners of holes.",
	    stats.probes);
	add_metric(b, "holes_dropped", "counter", "Ids proved dead.",
	    stats.holes_dropped);
	add_metric(b, "replay_queries", "counter", "Queries for history.",
	    stats.replay_queries);
	add_metric(b, "replay_rows", "counter", "Events of history read.",
	    stats.replay_rows);
	add_metric(b, "replay_limited", "counter",
	    "Streams ended to come back for more history.",
	    stats.replay_limited);
	add_metric(b, "gaps", "counter", "Streams told of a gap.", stats.gaps);
	add_metric(b, "rights", "gauge",
	    "Answers of pgfeed.may_read that are kept.", hub_rights(h));
	add_metric(b, "access_asked", "counter",
	    "Topics that pgfeed.may_read was asked about.", stats.access_asked);
	add_metric(b, "access_failed", "counter",
	    "Topics for which pgfeed.may_read failed, which counts as no.",
	    stats.access_failed);
	add_metric(b, "access_cached", "counter",
	    "Streams whose answer was known already.", stats.access_cached);
	add_metric(b, "access_lost", "counter",
	    "Streams ended because they may not read any more.",
	    stats.access_lost);
	add_metric(b, "connects", "counter", "Connections to the database.",
	    stats.connects);
	add_metric(b, "janitor_late_seconds", "gauge",
	    "Time since a duty of retention was last done, of the latest duty.",
	    (uint64_t)stats.janitor_late_s);
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
	buf_addf(b,
	    "Status: %s\r\nContent-Type: %s\r\nCache-Control: no-store\r\n"
	    "X-Content-Type-Options: nosniff\r\n\r\n",
	    ok ? "200 OK" : "503 Service Unavailable", type);
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
