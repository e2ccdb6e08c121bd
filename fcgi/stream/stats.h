/*
 * stats.h - what is counted. Only the loop writes here.
 */
#ifndef PGFEED_STATS_H
#define PGFEED_STATS_H

#include "util.h"

/* Commit-to-socket latency: bucket i holds those below 2^i * 64 us. */
#define STATS_BUCKETS 20

struct stats {
	uint64_t opened, closed, refused; /* streams */
	uint64_t lagged;                  /* streams closed for lagging */
	uint64_t events;                  /* fetched */
	uint64_t deliveries;              /* events written to streams */
	uint64_t writes, bytes;
	uint64_t rings, fetches, probes;
	uint64_t holes_dropped;
	uint64_t replay_queries, replay_rows;
	uint64_t gaps;
	uint64_t connects; /* to the database */
	uint64_t latency[STATS_BUCKETS + 1];
	uint64_t latency_count, latency_sum_us;
};

extern struct stats stats;

static inline void
stats_latency(int64_t us)
{
	unsigned i = 0;

	if (us < 0)
		us = 0;
	while (i < STATS_BUCKETS && us >= (int64_t)64 << i)
		i++;
	stats.latency[i]++;
	stats.latency_count++;
	stats.latency_sum_us += (uint64_t)us;
}

#endif
