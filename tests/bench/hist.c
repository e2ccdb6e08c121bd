/*
 * hist.c - a histogram of microseconds that keeps its percentiles.
 */
#include <inttypes.h>

#include "hist.h"

#define STEPS 64

void
hist_add(struct hist *h, int64_t us)
{
	uint64_t v = us > 0 ? (uint64_t)us : 0;
	unsigned shift = v < STEPS ? 0 : 63 - 6 - (unsigned)__builtin_clzll(v);
	uint64_t i = shift * STEPS + (v >> shift);

	h->count++;
	if (v > h->max)
		h->max = v;
	h->bucket[i < HIST_BUCKETS ? i : HIST_BUCKETS - 1]++;
}

/* The highest value that falls into bucket i. */
static uint64_t
upper(uint64_t i)
{
	uint64_t shift = i < 2 * STEPS ? 0 : i / STEPS - 1;

	return ((i - shift * STEPS + 1) << shift) - 1;
}

uint64_t
hist_at(const struct hist *h, double p)
{
	uint64_t want = (uint64_t)((double)h->count * p + 0.999999), sum = 0;

	for (uint64_t i = 0; i < HIST_BUCKETS; i++) {
		sum += h->bucket[i];
		if (sum >= want && sum > 0)
			return upper(i) < h->max ? upper(i) : h->max;
	}
	return h->max;
}

void
hist_print(const struct hist *h, FILE *f)
{
	const char *comma = "";

	fprintf(f,
	    "{\"count\":%" PRIu64 ",\"p50\":%" PRIu64 ",\"p90\":%" PRIu64
	    ",\"p99\":%" PRIu64 ",\"p999\":%" PRIu64 ",\"max\":%" PRIu64
	    ",\"buckets\":[",
	    h->count, hist_at(h, 0.5), hist_at(h, 0.9), hist_at(h, 0.99),
	    hist_at(h, 0.999), h->max);
	for (uint64_t i = 0; i < HIST_BUCKETS; i++) {
		if (h->bucket[i] == 0)
			continue;
		fprintf(f, "%s[%" PRIu64 ",%" PRIu64 "]", comma, upper(i),
		    h->bucket[i]);
		comma = ",";
	}
	fprintf(f, "]}");
}
