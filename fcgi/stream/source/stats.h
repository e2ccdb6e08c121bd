/*
 * stats.h - what is counted. Only the loop writes here, but for refusals, which
 * any thread may count.
 */
#ifndef PGFEED_STATS_H
#define PGFEED_STATS_H

#include <stdatomic.h>

#include "base/util.h"

/* Commit-to-socket latency: bucket i holds those below 2^i * 64 us. */
#define STATS_BUCKETS 20

/* Why a stream was not let in. */
enum refusal {
	REFUSED_FULL = 0,     /* max_streams */
	REFUSED_ADDRESS,      /* max_streams_per_address */
	REFUSED_USER,         /* max_streams_per_user */
	REFUSED_UNAUTHORIZED, /* 401: nobody is signed in */
	REFUSED_TOKEN,        /* 401: a bad token */
	REFUSED_FORBIDDEN,    /* 403 */
	REFUSED_TOPICS,       /* 400: max_topics */
	REFUSED_FIELDS,       /* 400: max_fields */
	REFUSED_REQUEST,      /* 400, 405: any other mistake */
	REFUSED_LATE,         /* dropped, or 408: request_timeout */
	REFUSED_HEAD,         /* 431: head_limit; or dropped */
	REFUSED_BROKEN,       /* dropped: not a whole FastCGI request */
	REFUSED_PEER,         /* dropped: not one of peer_users */
	REFUSED_ENDING,       /* the gateway is shutting down */
	REFUSED_MEMORY,
	REFUSALS,
	REFUSED_NOT = REFUSALS, /* it is let in */
};

struct stats {
	uint64_t opened, closed; /* streams */
	_Atomic uint64_t refused[REFUSALS];
	_Atomic int64_t janitor_late_s; /* since the last duty done, seconds */
	uint64_t lagged;         /* streams closed for lagging */
	uint64_t replay_limited; /* streams ended by replay_limit */
	uint64_t events;         /* fetched */
	uint64_t deliveries;     /* events written to streams */
	uint64_t writes, bytes;
	uint64_t rings, fetches, probes;
	uint64_t holes_dropped;
	uint64_t replay_queries, replay_rows;
	uint64_t gaps;
	uint64_t permissions;   /* kept, in use or not */
	uint64_t waiting;       /* clients that poll, as no place is free */
	uint64_t access_asked;  /* topics asked about */
	uint64_t access_failed; /* topics for which pgfeed.may_read failed */
	uint64_t access_cached; /* streams with an answer at hand */
	uint64_t access_lost;   /* streams ended since they may not read */
	uint64_t connects;      /* to the database */
	uint64_t latency[STATS_BUCKETS + 1];
	uint64_t latency_count, latency_sum_us;
};

extern struct stats stats;

static inline void
stats_refuse(enum refusal why)
{
	atomic_fetch_add_explicit(&stats.refused[why], 1, memory_order_relaxed);
}

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
