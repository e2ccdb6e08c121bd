/*
 * control_event.c - pgfeed's own events in a stream: open, live, gap, bye.
 */
#include <inttypes.h>
#include <string.h>

#include "http/control_event.h"
#include "http/sse.h"

static void
add(struct buf *b, const char *cursor, const char *type, struct buf *data)
{
	if (buf_failed(data))
		b->failed = true;
	else
		sse_add_event(b, cursor, type, data->data, data->len);
	buf_fini(data);
}

void
control_event_open(struct buf *b, const char *cursor, int64_t heartbeat_ms)
{
	struct buf data = BUF_INIT;

	buf_addf(&data, "{\"cursor\":\"%s\",\"heartbeat\":%g}", cursor,
	    (double)heartbeat_ms / 1000);
	add(b, cursor, "pgfeed.open", &data);
}

void
control_event_live(struct buf *b, const char *cursor)
{
	struct buf data = BUF_INIT;

	buf_addf(&data, "{\"cursor\":\"%s\"}", cursor);
	add(b, cursor, "pgfeed.live", &data);
}

void
control_event_gap_members(struct buf *b, const char *reason, int64_t oldest)
{
	buf_addf(
	    b, "\"reason\":\"%s\",\"oldest\":\"%" PRId64 "\"", reason, oldest);
}

void
control_event_gap(
    struct buf *b, const char *cursor, const char *reason, int64_t oldest)
{
	struct buf data = BUF_INIT;

	buf_addc(&data, '{');
	control_event_gap_members(&data, reason, oldest);
	buf_addc(&data, '}');
	add(b, cursor, "pgfeed.gap", &data);
}

void
control_event_bye(struct buf *b, const char *cursor, const char *reason)
{
	struct buf data = BUF_INIT;

	buf_addf(&data, "{\"reason\":\"%s\"}", reason);
	add(b, cursor, "pgfeed.bye", &data);
}
