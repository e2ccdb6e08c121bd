/*
 * usage.h - what trees of processes have used, from /proc.
 */
#ifndef BENCH_USAGE_H
#define BENCH_USAGE_H

#include <sys/types.h>
#include <stdio.h>

#define USAGE_MAX 8

struct usage {
	double cpu_s;  /* user and system, with children that ended */
	long pss_kb;   /* proportional set size: shared pages shared out */
	int processes; /* in the tree now */
};

/* A process and all below it, watched under a name. */
struct watch {
	const char *name;
	pid_t root;
	struct usage start, ready, end;
};

/* "name=pid"; -1 when it is something else. */
int watch_parse(struct watch *, char *arg);

/* Reads /proc; all 0 when the process is gone. */
void usage_read(struct usage *, pid_t root);

/* {"name":{"cpu_s","pss_kb_start","pss_kb_ready","pss_kb_end",...},...} */
void watch_print(const struct watch *, unsigned n, FILE *);

#endif
