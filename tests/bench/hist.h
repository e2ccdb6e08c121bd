/*
 * hist.h - a histogram of microseconds that keeps its percentiles.
 *
 * Log-linear like HdrHistogram: 64 steps between two powers of two, so a value
 * is off by at most 1.6 %. Histograms of several processes are added bucket by
 * bucket; percentiles are never averaged.
 */
#ifndef BENCH_HIST_H
#define BENCH_HIST_H

#include <stdint.h>
#include <stdio.h>

#define HIST_BUCKETS 2240 /* up to 2^40 us, 12 days */

struct hist {
	uint64_t count;
	uint64_t max;
	uint64_t bucket[HIST_BUCKETS];
};

/* Adds a value; below 0 counts as 0. */
void hist_add(struct hist *, int64_t us);

/* The value that the part p (0 to 1) of all stays at or below; 0 if empty. */
uint64_t hist_at(const struct hist *, double p);

/* {"count","p50","p90","p99","p999","max","buckets":[[upper,count]...]} */
void hist_print(const struct hist *, FILE *);

#endif
