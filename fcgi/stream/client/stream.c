/*
 * stream.c - one stream to one browser.
 *
 *     REPLAYING --page, page, ...--> FOLLOWING --chunk, chunk--> LIVE
 *         ^                             |  ^                        |
 *         +--fell off the ring's tail---+  +----- socket full ------+
 *
 * A chunk is a range of entries, [from, upto), and how many of its bytes are
 * out. Chunks are encoded into two buffers that all streams share, and encoded
 * again for the rest: from the same entries and the same position they come
 * out the same, byte for byte.
 *
 * The id behind an event is the position after it: the feed's, which is the
 * same for everybody, or, for a stream with a position of its own, the union of
 * both. A stream has its own while it has had something that this gateway had
 * not when the event passed, or while it replays.
 *
 * Always: nothing is freed or moved here but what belongs to the stream; what
 *         to do with a result is the hub's business.
 */
#include <sys/socket.h>
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fastcgi/record.h"
#include "base/log.h"
#include "http/answer.h"
#include "http/sse.h"
#include "stream/source/stats.h"
#include "stream/client/stream.h"

#define CHUNK_BYTES   (64 * 1024)
#define CHUNK_SCANNED 4096 /* entries looked at for one chunk */

/* The chunk being made: what the web server gets, and that in records. */
static struct buf output, records;

void
stream_set_state(struct stream *s, enum stream_state state)
{
	static const unsigned legal[] = {
		[STREAM_OPENING] = 1 << STREAM_ASKING |
				   1 << STREAM_REPLAYING |
				   1 << STREAM_FOLLOWING | 1 << STREAM_CLOSED,
		[STREAM_ASKING] = 1 << STREAM_OPENING | 1 << STREAM_CLOSED,
		[STREAM_REPLAYING] = 1 << STREAM_REPLAYING |
				     1 << STREAM_FOLLOWING |
				     1 << STREAM_CLOSED,
		[STREAM_FOLLOWING] = 1 << STREAM_FOLLOWING |
				     1 << STREAM_REPLAYING |
				     1 << STREAM_LIVE | 1 << STREAM_CLOSED,
		[STREAM_LIVE] = 1 << STREAM_FOLLOWING |
				   1 << STREAM_REPLAYING | 1 << STREAM_CLOSED,
		[STREAM_CLOSED] = 0,
	};

	assert(legal[s->state] & 1u << state);
	if (s->state == STREAM_ASKING || s->state == STREAM_LIVE)
		LIST_REMOVE(s, in_list);
	s->state = (uint8_t)state;
	if (state == STREAM_ASKING)
		LIST_INSERT_HEAD(s->waiting, s, in_list);
	else if (state == STREAM_LIVE)
		LIST_INSERT_HEAD(
		    s->own == NULL ? &s->filter->live : &s->filter->apart, s,
		    in_list);
}

bool
stream_at_boundary(const struct stream *s)
{
	return s->sent == 0 && s->rest == NULL && s->room == NULL;
}

/* Writes what the socket takes; the count, or -1 when the peer is gone. */
static ssize_t
transmit(struct stream *s, const char *p, size_t n)
{
	ssize_t done;

	do
		done = send(s->fd, p, n, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (done == -1 && errno == EINTR);
	if (done == -1)
		return errno == EAGAIN || errno == EWOULDBLOCK ? 0 : -1;
	stats.writes++;
	stats.bytes += (uint64_t)done;
	return done;
}

/* --- positions */

static bool
parse(struct cursor *c, const char *text)
{
	return cursor_parse(c, text, strlen(text));
}

static bool
set_text(char **text, const char *value)
{
	char *copy = value != NULL ? strdup(value) : NULL;

	if (value != NULL && copy == NULL)
		return false;
	free(*text);
	*text = copy;
	return true;
}

static bool
set_own(struct stream *s, const struct cursor *c)
{
	char text[CURSOR_TEXT_MAX];

	cursor_print(c, text, sizeof(text));
	return set_text(&s->own, text);
}

/* own joined with a position of the feed; NULL own: the feed's. */
static void
join_positions(
    const struct cursor *own, const char *feed, char text[CURSOR_TEXT_MAX])
{
	struct cursor both;

	if (own == NULL || !parse(&both, feed)) {
		memcpy(text, feed, strlen(feed) + 1);
		return;
	}
	/* Either may be from before a failover that lost nothing. */
	both.tli = MAX(both.tli, own->tli);
	if (own->tli == both.tli)
		cursor_union(&both, &both, own);
	else {
		struct cursor moved;

		cursor_copy(&moved, own);
		moved.tli = both.tli;
		cursor_union(&both, &both, &moved);
	}
	cursor_print(&both, text, CURSOR_TEXT_MAX);
}

void
stream_position(struct feed *f, struct stream *s, char text[CURSOR_TEXT_MAX])
{
	struct cursor own;
	bool has_own = s->own != NULL && parse(&own, s->own);

	if (s->state == STREAM_REPLAYING || !stream_has_begun(s) ||
	    f->ring == NULL)
		memcpy(text, s->own != NULL ? s->own : "0",
		    s->own != NULL ? strlen(s->own) + 1 : 2);
	else if (s->state == STREAM_FOLLOWING && s->from < ring_tail(f->ring)) {
		/* The ring no longer knows; without a resume: see hub_end(). */
		const char *known = s->resume != NULL ? s->resume : "0";

		memcpy(text, known, strlen(known) + 1);
	} else if (s->state == STREAM_LIVE && !has_own)
		cursor_print(f->position(f->arg), text, CURSOR_TEXT_MAX);
	else
		join_positions(has_own ? &own : NULL,
		    ring_position(f->ring, s->state == STREAM_LIVE
					       ? ring_head(f->ring)
					       : s->from),
		    text);
}

/* --- encoding */

void
poll_add_answer(struct buf *b, const char *cors, const char *cursor,
    const char *gap, const char *events, size_t n)
{
	answer_add_head(b, 200, "application/json", cors);
	buf_addstr(b, "{\"cursor\":");
	buf_addjson(b, cursor, strlen(cursor));
	if (gap != NULL)
		buf_addf(b, ",\"gap\":{%s}", gap);
	buf_addstr(b, ",\"events\":[");
	buf_add(b, events, n);
	buf_addstr(b, "]}\n");
}

static void
add_entry(struct buf *b, struct feed_event *e, const struct filter *f,
    const char *id)
{
	const char *topic = e->topic;

	/* A reader is told a topic that the stream has subscribed to. */
	if (e->also != NULL)
		topic = filter_topic(f, e);
	if (f->format != FORMAT_POLL) {
		feed_event_add_sse(
		    b, e, topic, f->format, e->id != 0 ? id : NULL);
		return;
	}
	if (b->len > 0)
		buf_addc(b, ',');
	feed_event_add_json(b, e, topic);
}

static void
add_padding(struct buf *out, const struct filter *f)
{
	unsigned pad = f->shape.pad;

	if (pad > 0)
		sse_add_padding(out, (size_t)pad * RECORD_PADDED,
		    pad > 1 ? RECORD_TLS_TAIL : 0);
}

static void
add_records(
    struct buf *rec, const struct filter *f, uint16_t id, const struct buf *out)
{
	if (f->shape.pad == 0)
		record_add_output(rec, id, out->data, out->len);
	else
		record_add_padded(rec, id, out->data, out->len);
}

/* Turns the gathered output into records, a long-poll's into an answer. */
static bool
finish_chunk(const struct filter *f, uint16_t id, const char *position,
    struct buf *out, struct buf *rec)
{
	struct buf answer = BUF_INIT;

	if (f->format == FORMAT_POLL) {
		poll_add_answer(&answer, f->shape.cors, position, NULL,
		    out->data, out->len);
		buf_fini(out);
		*out = answer;
	} else
		add_padding(out, f);
	buf_clear(rec);
	add_records(rec, f, id, out);
	if (f->format == FORMAT_POLL)
		record_add_end(rec, id);
	return !buf_failed(out) && !buf_failed(rec);
}

size_t
batch_fill(struct batch *b, struct feed *f, struct filter *filter, size_t i)
{
	const struct feed_event *e = NULL;
	size_t first = i;

	buf_clear(&b->output);
	b->events = 0;
	b->from = filter->fresh[i];
	for (; i < filter->n_fresh && b->output.len < CHUNK_BYTES; i++) {
		e = ring_at(f->ring, filter->fresh[i]);
		add_entry(&b->output, ring_at(f->ring, filter->fresh[i]),
		    filter, e->position);
		b->events++;
	}
	b->upto = filter->fresh[i - 1] + 1;
	b->last = filter->format == FORMAT_POLL;
	return e != NULL && finish_chunk(
				filter, 1, e->position, &b->output, &b->records)
		   ? i
		   : first;
}

/* What encoding a chunk found out. */
struct chunk {
	uint64_t upto;
	unsigned events;
	bool failed;
	struct cursor at; /* page: the position after it */
	char text[CURSOR_TEXT_MAX];
};

/* Whether an entry of the ring is for this stream. */
static bool
is_for(const struct stream *s, const struct feed_event *e, uint64_t seq,
    const struct cursor *own)
{
	if (e->id == 0)
		return seq >= s->live_from &&
		       filter_topic(s->filter, e) != NULL;
	return (own == NULL || !cursor_has(own, e->id)) &&
	       filter_topic(s->filter, e) != NULL;
}

static void
gather_from_ring(struct feed *f, struct stream *s, struct chunk *c)
{
	bool again = s->sent > 0;
	uint64_t end = again ? s->upto : ring_head(f->ring), seq;
	struct cursor own_cursor;
	const struct cursor *own = NULL;

	if (s->own != NULL && parse(&own_cursor, s->own))
		own = &own_cursor;
	for (seq = s->from; seq < end; seq++) {
		struct feed_event *e = ring_at(f->ring, seq);

		if (!again && (output.len >= CHUNK_BYTES ||
				  seq - s->from >= CHUNK_SCANNED))
			break;
		if (!is_for(s, e, seq, own))
			continue;
		c->events++;
		if (own == NULL)
			add_entry(&output, e, s->filter, e->position);
		else {
			join_positions(own, e->position, c->text);
			add_entry(&output, e, s->filter, c->text);
		}
	}
	c->upto = seq;
	join_positions(own, ring_position(f->ring, seq), c->text);
}

static void
gather_from_page(struct stream *s, struct chunk *c)
{
	const struct history_page *p = s->page;
	bool again = s->sent > 0;
	uint64_t end = again ? s->upto : p->n, i;
	struct cursor feed;

	if (!parse(&c->at, s->own) || !parse(&feed, p->feed)) {
		c->failed = true;
		return;
	}
	c->at.tli =
	    feed.tli; /* its ids mean the same: see listener_translate */
	for (i = s->from; i < end; i++) {
		struct feed_event *e = p->entry[i];
		bool ok;

		if (!again && output.len >= CHUNK_BYTES)
			break;
		if (p->kind == HISTORY_PAGE_HOLES) {
			/* Holes below it are none any more, as far as the
			 * feed had them: this page has all their events. */
			cursor_settle_to(&c->at, &feed, e->id - 1);
			ok = cursor_step(&c->at, e->id);
		} else
			ok = cursor_step_through(&c->at, e->id, &feed);
		if (!ok) /* no room for its holes: not until some close */
			break;
		cursor_print(&c->at, c->text, sizeof(c->text));
		add_entry(&output, e, s->filter, c->text);
		c->events++;
	}
	c->failed = i == s->from && i < p->n;
	c->upto = i;
	cursor_print(&c->at, c->text, sizeof(c->text));
}

/* --- running */

/* All rows of the page are out: moves to the position at its end. */
static bool
finish_page(struct feed *f, struct stream *s)
{
	struct history_page *p = s->page;
	struct cursor own, feed;
	bool ok = parse(&own, s->own) && parse(&feed, p->feed);
	uint64_t holes = ok ? cursor_holes(&own) : 0;

	if (ok)
		own.tli = feed.tli;
	if (ok && p->kind == HISTORY_PAGE_RANGE && own.last < p->to)
		ok = cursor_step_through(&own, p->to, &feed);
	else if (ok && p->kind == HISTORY_PAGE_HOLES && !p->full) {
		cursor_settle(&own, &feed);
		/* No room to say so: not until some holes close. */
		ok = p->n > 0 || cursor_holes(&own) < holes;
	}
	s->page = NULL;
	history_page_unref(p);
	return ok && set_own(s, &own);
}

/* The chunk [from, upto) is out. */
static enum stream_result
finish_chunk_sent(struct feed *f, struct stream *s, const struct chunk *c)
{
	struct cursor own, at;

	s->sent = 0;
	if (s->filter->format == FORMAT_POLL && c->events > 0)
		return STREAM_DONE;
	s->from = s->upto;
	if (s->state == STREAM_REPLAYING) {
		if (!set_text(&s->own, c->text))
			return STREAM_FAILED;
		if (s->from == s->page->n && !finish_page(f, s))
			return STREAM_FAILED;
		return STREAM_MORE;
	}
	if (s->from < ring_tail(f->ring)) {
		/* Fell off meanwhile: back to the table. */
		free(s->own);
		s->own = s->resume;
		s->resume = NULL;
		if (s->own == NULL)
			return STREAM_FAILED;
		stream_set_state(s, STREAM_REPLAYING);
		return STREAM_MORE;
	}
	if (s->own != NULL && parse(&own, s->own) &&
	    parse(&at, ring_position(f->ring, s->from))) {
		own.tli = at.tli;
		if (cursor_subset(&own, &at))
			set_text(&s->own, NULL);
	}
	if (!set_text(&s->resume, c->text))
		return STREAM_FAILED;
	return s->from == ring_head(f->ring) ? STREAM_CAUGHT_UP : STREAM_MORE;
}

/*
 * Finds the source for the next chunk of a stream that replays: the ring if
 * it goes back far enough, else a page.
 */
static enum stream_result
choose_source(struct feed *f, struct stream *s)
{
	struct cursor own;
	bool exact;

	if (!parse(&own, s->own))
		return STREAM_FAILED;
	if (ring_find(f->ring, &own, &s->from, &exact)) {
		/* Should the ring's tail pass it before its first chunk. */
		if (!set_text(&s->resume, s->own))
			return STREAM_FAILED;
		if (exact)
			set_text(&s->own, NULL);
		stream_set_state(s, STREAM_FOLLOWING);
		return STREAM_MORE;
	}
	s->page =
	    history_next_page(f->history, &s->filter->topics, &own, &s->waiter);
	if (s->page == NULL)
		return s->waiter.job != NULL ? STREAM_WAITING : STREAM_FAILED;
	if (cursor_low(&own) + 1 < s->page->oldest) {
		cursor_init_like(&own, &own, s->page->oldest - 1);
		history_page_unref(s->page);
		s->page = NULL;
		return set_own(s, &own) ? STREAM_GAP : STREAM_FAILED;
	}
	s->from = 0;
	while (s->page->kind == HISTORY_PAGE_RANGE && s->from < s->page->n &&
	       s->page->entry[s->from]->id <= own.last)
		s->from++;
	return STREAM_MORE;
}

static enum stream_result
run_rest(struct stream *s)
{
	struct rest *r = s->rest;
	ssize_t n = transmit(s, r->bytes, r->n);

	if (n == -1)
		return STREAM_GONE;
	r->n -= (size_t)n;
	if (r->n > 0) {
		memmove(r->bytes, r->bytes + n, r->n);
		return STREAM_BLOCKED;
	}
	free(r);
	s->rest = NULL;
	return s->ends_with_rest ? STREAM_DONE : STREAM_MORE;
}

enum stream_result
stream_run(struct feed *f, struct stream *s)
{
	struct chunk c = { 0 };
	enum stream_result result;
	ssize_t n;

	if (s->rest != NULL && (result = run_rest(s)) != STREAM_MORE)
		return result;
	if (!stream_has_begun(s)) /* it only had a rest to write */
		return STREAM_MORE;
	if (s->state == STREAM_REPLAYING && s->page == NULL) {
		result = choose_source(f, s);
		if (result != STREAM_MORE)
			return result;
	}
	buf_clear(&output);
	if (s->state == STREAM_REPLAYING)
		gather_from_page(s, &c);
	else if (s->from < ring_tail(f->ring) && s->sent > 0)
		return STREAM_PASSED; /* the rest of its record is lost */
	else if (s->from < ring_tail(f->ring)) {
		s->upto = s->from;
		return finish_chunk_sent(f, s, &c);
	} else
		gather_from_ring(f, s, &c);
	if (c.failed)
		return STREAM_FAILED;
	s->upto = c.upto;
	if (c.events == 0)
		return finish_chunk_sent(f, s, &c);
	if (!finish_chunk(s->filter, s->id, c.text, &output, &records))
		return STREAM_FAILED;

	assert(s->sent < records.len);
	n = transmit(s, records.data + s->sent, records.len - s->sent);
	if (n == -1)
		return STREAM_GONE;
	s->sent += (uint32_t)n;
	if (s->sent < records.len) {
		if (s->state == STREAM_FOLLOWING &&
		    !set_text(&s->resume, c.text))
			return STREAM_FAILED;
		return STREAM_BLOCKED;
	}
	stats.deliveries += c.events;
	return finish_chunk_sent(f, s, &c);
}

enum stream_result
stream_offer(struct feed *f, struct stream *s, const struct batch *b)
{
	const struct buf *rec = &b->records;
	ssize_t n;

	if (s->id != 1) {
		rec = &records;
		buf_clear(&records);
		add_records(&records, s->filter, s->id, &b->output);
		if (b->last)
			record_add_end(&records, s->id);
		if (buf_failed(&records))
			return STREAM_FAILED;
	}
	n = transmit(s, rec->data, rec->len);
	if (n == -1)
		return STREAM_GONE;
	if ((size_t)n == rec->len) {
		stats.deliveries += b->events;
		return b->last ? STREAM_DONE : STREAM_CAUGHT_UP;
	}
	s->from = b->from;
	s->upto = b->upto;
	s->sent = (uint32_t)n;
	if (!set_text(&s->resume, ring_position(f->ring, b->upto)))
		return STREAM_FAILED;
	return STREAM_BLOCKED;
}

enum stream_result
stream_write(struct stream *s, struct buf *text, bool last)
{
	ssize_t done;

	assert(stream_at_boundary(s));
	if (s->filter->format != FORMAT_POLL)
		add_padding(text, s->filter);
	buf_clear(&records);
	add_records(&records, s->filter, s->id, text);
	if (last)
		record_add_end(&records, s->id);
	if (buf_failed(text) || buf_failed(&records))
		return STREAM_FAILED;
	done = transmit(s, records.data, records.len);
	if (done == -1)
		return STREAM_GONE;
	if ((size_t)done == records.len)
		return last ? STREAM_DONE : STREAM_MORE;
	s->rest = malloc(sizeof(*s->rest) + records.len - (size_t)done);
	if (s->rest == NULL)
		return STREAM_FAILED;
	s->rest->n = records.len - (size_t)done;
	memcpy(s->rest->bytes, records.data + done, s->rest->n);
	s->ends_with_rest = last;
	return STREAM_BLOCKED;
}
