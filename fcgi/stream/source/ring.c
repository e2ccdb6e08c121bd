/*
 * ring.c - ring buffer of recent events.
 *
 *     base ->  [tail] ... events ... [head)
 *
 * The listener appends at the head. Each stream has the sequence number of its
 * next event. An event is stored once and shared by all streams.
 *
 * Always: ring order is delivery order; every event has the position right
 *         after it, and base is the position before the oldest, so a stream at
 *         base has missed no event that is not in the ring.
 * Owner:  the ring owns its events; a pointer to one is valid until an append.
 * Why not a queue per stream: ten thousand copies of one event.
 */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "stream/source/ring.h"

struct ring {
	struct feed_event **slot; /* event seq is in slot[seq % slots] */
	size_t slots;             /* a power of two */
	uint64_t tail, head;
	size_t bytes, limit;
	uint64_t appended; /* total bytes ever appended */
	char *base;
	int64_t base_last;
};

static char *
print(const struct cursor *c)
{
	char text[CURSOR_TEXT_MAX];

	cursor_print(c, text, sizeof(text));
	return strdup(text);
}

struct ring *
ring_new(size_t limit_bytes, const struct cursor *base)
{
	struct ring *r = calloc(1, sizeof(*r));

	if (r != NULL) {
		r->slots = 1024;
		r->slot = calloc(r->slots, sizeof(*r->slot));
		r->base = print(base);
		r->base_last = base->last;
		r->limit = limit_bytes;
	}
	if (r == NULL || r->slot == NULL || r->base == NULL)
		log_fatal("out of memory");
	return r;
}

void
ring_free(struct ring *r)
{
	if (r == NULL)
		return;
	for (; r->tail < r->head; r->tail++)
		feed_event_free(ring_at(r, r->tail));
	free(r->slot);
	free(r->base);
	free(r);
}

uint64_t
ring_tail(const struct ring *r)
{
	return r->tail;
}

uint64_t
ring_head(const struct ring *r)
{
	return r->head;
}

size_t
ring_bytes(const struct ring *r)
{
	return r->bytes;
}

size_t
ring_limit(const struct ring *r)
{
	return r->limit;
}

size_t
ring_bytes_from(const struct ring *r, uint64_t seq)
{
	if (seq <= r->tail)
		return r->bytes;
	return (size_t)(r->appended - ring_at(r, seq - 1)->end);
}

struct feed_event *
ring_at(const struct ring *r, uint64_t seq)
{
	return r->slot[seq & (r->slots - 1)];
}

const char *
ring_position(const struct ring *r, uint64_t seq)
{
	return seq == r->tail ? r->base : ring_at(r, seq - 1)->position;
}

static int64_t
position_last(const struct ring *r, uint64_t seq)
{
	return seq == r->tail ? r->base_last : ring_at(r, seq - 1)->last;
}

static bool
grow(struct ring *r)
{
	struct feed_event **slot = calloc(r->slots * 2, sizeof(*slot));

	if (slot == NULL)
		return false;
	for (uint64_t seq = r->tail; seq < r->head; seq++)
		slot[seq & (r->slots * 2 - 1)] = ring_at(r, seq);
	free(r->slot);
	r->slot = slot;
	r->slots *= 2;
	return true;
}

static bool
drop_oldest(struct ring *r)
{
	struct feed_event *e = ring_at(r, r->tail);
	char *base = strdup(e->position);

	if (base == NULL)
		return false;
	free(r->base);
	r->base = base;
	r->base_last = e->last;
	r->bytes -= feed_event_size(e);
	r->tail++;
	feed_event_free(e);
	return true;
}

bool
ring_append(struct ring *r, struct feed_event *e)
{
	if (r->head - r->tail == r->slots && !grow(r) && !drop_oldest(r)) {
		feed_event_free(e);
		return false;
	}
	r->slot[r->head & (r->slots - 1)] = e;
	r->head++;
	r->bytes += feed_event_size(e);
	r->appended += feed_event_size(e);
	e->end = r->appended;
	while (r->bytes > r->limit && r->head - r->tail > 1) {
		if (!drop_oldest(r))
			break;
	}
	return true;
}

/*
 * Returns the last seq in [tail, head] whose position's last is at most `last`.
 */
static uint64_t
upper_bound(const struct ring *r, int64_t last)
{
	uint64_t low = r->tail, high = r->head;

	while (low < high) {
		uint64_t middle = low + (high - low + 1) / 2;

		if (position_last(r, middle) <= last)
			low = middle;
		else
			high = middle - 1;
	}
	return low;
}

static bool
has_all_before(const struct ring *r, uint64_t seq, const struct cursor *c)
{
	const char *text = ring_position(r, seq);
	struct cursor before;

	if (!cursor_parse(&before, text, strlen(text)))
		return false;
	/* After a failover without losses, ids mean the same events. */
	before.tli = c->tli;
	return cursor_subset(&before, c);
}

bool
ring_find(
    const struct ring *r, const struct cursor *c, uint64_t *seq, bool *exact)
{
	char text[CURSOR_TEXT_MAX];
	uint64_t i;

	cursor_print(c, text, sizeof(text));
	/* Most clients return with a position that came from this ring. */
	for (i = upper_bound(r, c->last);; i--) {
		if (strcmp(ring_position(r, i), text) == 0) {
			*seq = i;
			*exact = true;
			return true;
		}
		if (i == r->tail || position_last(r, i) != c->last)
			break;
	}
	*exact = false;
	i = upper_bound(r, c->last);
	if (has_all_before(r, i, c)) {
		*seq = i;
		return true;
	}
	/*
	 * c has everything below its lowest hole, even if holes were filled
	 * later.
	 */
	i = upper_bound(r, cursor_low(c));
	*seq = i;
	return has_all_before(r, i, c);
}
