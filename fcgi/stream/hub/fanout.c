/*
 * fanout.c - writes what is new to all live streams.
 *
 * A stream whose socket is full leaves the list of live streams and goes on
 * from the ring by itself when there is room.
 *
 * Always: a live stream has had all events before the ring's head, but for
 *         those noted in this turn; so the turn is flushed before a stream
 *         becomes live.
 */
#include "base/log.h"
#include "stream/hub/fanout.h"
#include "stream/source/stats.h"

#define FLUSH_BYTES (256 * 1024)

void
fanout_init(struct fanout *o, struct feed *feed, struct filters *filters,
    const struct fanout_calls *calls, void *arg)
{
	*o = (struct fanout){
		.feed = feed, .filters = filters, .calls = *calls, .arg = arg
	};
	TAILQ_INIT(&o->turn);
}

void
fanout_fini(struct fanout *o)
{
	buf_fini(&o->batch.output);
	buf_fini(&o->batch.records);
}

bool
fanout_add(struct fanout *o, struct feed_event *e)
{
	struct ring *ring = o->feed->ring;
	uint64_t seq = ring_head(ring);

	/* No event may leave the ring before it is flushed. */
	if (o->turn_bytes + feed_event_size(e) > FLUSH_BYTES)
		fanout_flush(o);
	o->turn_bytes += feed_event_size(e);
	if (!ring_append(ring, e) ||
	    !filters_note(o->filters, ring_at(ring, seq), seq, &o->turn))
		return false;
	if (o->turn_bytes > FLUSH_BYTES)
		fanout_flush(o);
	return true;
}

/* Writes the events [i, upto) of the filter, which are the batch. */
static void
offer(struct fanout *o, struct filter *f, int64_t now)
{
	struct stream *s, *next;

	for (s = LIST_FIRST(&f->live); s != NULL; s = next) {
		enum stream_result result;

		next = LIST_NEXT(s, in_list);
		/* It comes from memory while this one's bytes go. */
		__builtin_prefetch(next);
		if (next != NULL)
			__builtin_prefetch(&next->fd);
		result = stream_offer(o->feed, s, &o->batch);
		s->wrote_ms = now;
		if (result == STREAM_CAUGHT_UP)
			continue;
		if (result == STREAM_BLOCKED)
			stream_set_state(s, STREAM_FOLLOWING);
		o->calls.result(s, result, o->arg);
	}
}

static void
flush_filter(struct fanout *o, struct filter *f)
{
	size_t i = 0, first;
	struct stream *s, *next;
	int64_t now = now_ms();

	while (i < f->n_fresh && !LIST_EMPTY(&f->live)) {
		first = i;
		i = batch_fill(&o->batch, o->feed, f, i);
		if (i == first) {
			log_error("out of memory: streams are closed");
			while ((s = LIST_FIRST(&f->live)) != NULL)
				o->calls.result(s, STREAM_FAILED, o->arg);
			break;
		}
		offer(o, f, now);
		for (; first < i; first++) {
			const struct feed_event *e =
			    ring_at(o->feed->ring, f->fresh[first]);

			if (e->id != 0)
				stats_latency(wall_us() - e->at_us);
		}
	}
	if (!f->shape.brief)
		return;
	for (s = LIST_FIRST(&f->live); s != NULL; s = next) {
		next = LIST_NEXT(s, in_list);
		o->calls.served(s, o->arg);
	}
}

static void
flush_apart(struct fanout *o, struct filter *f)
{
	struct stream *s, *next;

	for (s = LIST_FIRST(&f->apart); s != NULL; s = next) {
		next = LIST_NEXT(s, in_list);
		stream_set_state(s, STREAM_FOLLOWING);
		s->from = f->fresh[0];
		o->calls.behind(s, o->arg);
	}
}

void
fanout_flush(struct fanout *o)
{
	struct filter_list turn;
	struct filter *f;

	if (TAILQ_EMPTY(&o->turn))
		return;
	/* Streams that become live meanwhile find nothing left to flush. */
	TAILQ_INIT(&turn);
	TAILQ_CONCAT(&turn, &o->turn, in_turn);
	o->turn_bytes = 0;
	TAILQ_FOREACH (f, &turn, in_turn) {
		flush_filter(o, f);
	}
	TAILQ_FOREACH (f, &turn, in_turn) {
		flush_apart(o, f);
	}
	while ((f = TAILQ_FIRST(&turn)) != NULL)
		filter_end_turn(o->filters, f, &turn);
}
