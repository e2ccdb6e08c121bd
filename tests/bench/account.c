/*
 * account.c - checks what arrives against what was published.
 *
 * A payload begins "seed:seq:microseconds " and seq says it all: the topic is
 * seq modulo the number of topics, and of one publisher's events the later
 * ones may not come first. A stream keeps one bit for each event that it is to
 * get. What was published before the stream's last request went out is a
 * replay and is timed from that request; everything else is timed from the
 * publisher's clock, which under a constant rate is the time the event was due.
 * In a crowd everything is: a client that polls gets nothing but replays.
 */
#include <err.h>
#include <stdlib.h>

#include "load.h"

static uint64_t
expected_of(const struct stream *s)
{
	uint64_t topic = s->n % load.o.topics;

	if (load.o.events <= topic)
		return 0;
	return (load.o.events - topic + load.o.topics - 1) / load.o.topics;
}

void
account_init(struct stream *s)
{
	uint64_t n = expected_of(s);

	load.expected += n;
	s->seen = calloc(n / 64 + 1, sizeof(*s->seen));
	if (s->seen == NULL)
		err(1, "%u streams", load.o.streams);
}

static bool
parse_payload(const char *p, uint64_t *seed, uint64_t *seq, int64_t *sent_us)
{
	char *end;

	*seed = strtoull(p, &end, 10);
	if (*end != ':')
		return false;
	*seq = strtoull(end + 1, &end, 10);
	if (*end != ':')
		return false;
	*sent_us = strtoll(end + 1, NULL, 10);
	return true;
}

void
account_event(struct stream *s, const struct feed_event *e, int64_t now_us)
{
	uint64_t seed, seq, i;
	int64_t sent_us;

	if (!parse_payload(e->data, &seed, &seq, &sent_us) ||
	    seed != load.o.seed || seq >= load.o.events ||
	    seq % load.o.topics != s->n % load.o.topics) {
		load.foreign++;
		return;
	}
	i = seq / load.o.topics;
	if (s->seen[i / 64] & UINT64_C(1) << i % 64) {
		load.duplicates++;
		return;
	}
	s->seen[i / 64] |= UINT64_C(1) << i % 64;
	s->seen_n++;
	load.seen++;
	load.last_us = now_us;
	if (seq < s->next_seq)
		load.disorder++;
	else
		s->next_seq = seq + 1;
	if (load.first_us == 0 || sent_us < load.first_us)
		load.first_us = sent_us;

	if (s->slow)
		hist_add(&load.slow, now_us - sent_us);
	else if (sent_us < s->request_us && !load.o.crowd)
		hist_add(&load.replay, now_us - s->request_us);
	else
		hist_add(&load.latency, now_us - sent_us);
}
