/*
 * usage.c - what trees of processes have used, from /proc (proc(5)).
 */
#include <ctype.h>
#include <dirent.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "usage.h"

#define MAX_PROCESSES 8192

struct process {
	pid_t pid, parent;
	unsigned long ticks;
	bool in;
};

int
watch_parse(struct watch *w, char *arg)
{
	char *eq = strchr(arg, '=');

	if (eq == NULL || eq == arg || atoi(eq + 1) <= 0)
		return -1;
	*eq = '\0';
	w->name = arg;
	w->root = atoi(eq + 1);
	return 0;
}

/* One line of /proc/PID/stat; the name in it may contain anything. */
static bool
read_stat(pid_t pid, struct process *p)
{
	unsigned long utime, stime;
	long cutime, cstime;
	char path[64], line[1024];
	const char *rest;
	FILE *f;
	bool ok;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	f = fopen(path, "r");
	if (f == NULL)
		return false;
	ok = fgets(line, sizeof(line), f) != NULL &&
	     (rest = strrchr(line, ')')) != NULL &&
	     sscanf(rest + 1,
		 " %*c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu %ld %ld",
		 &p->parent, &utime, &stime, &cutime, &cstime) == 5;
	fclose(f);
	if (!ok)
		return false;
	p->pid = pid;
	p->ticks = utime + stime + (unsigned long)(cutime + cstime);
	p->in = false;
	return true;
}

static long
read_pss_kb(pid_t pid)
{
	char path[64], line[256];
	long kb = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", (int)pid);
	f = fopen(path, "r");
	if (f == NULL)
		return 0;
	while (fgets(line, sizeof(line), f) != NULL)
		if (sscanf(line, "Pss: %ld kB", &kb) == 1)
			break;
	fclose(f);
	return kb;
}

void
usage_read(struct usage *u, pid_t root)
{
	static struct process all[MAX_PROCESSES];
	struct dirent *e;
	unsigned n = 0;
	bool grown;
	DIR *d;

	memset(u, 0, sizeof(*u));
	d = opendir("/proc");
	if (d == NULL)
		return;
	while (n < MAX_PROCESSES && (e = readdir(d)) != NULL)
		if (isdigit((unsigned char)e->d_name[0]) &&
		    read_stat(atoi(e->d_name), &all[n]))
			n++;
	closedir(d);

	do {
		grown = false;
		for (unsigned i = 0; i < n; i++) {
			bool in = all[i].pid == root;

			for (unsigned j = 0; !in && j < n; j++)
				in = all[j].in && all[j].pid == all[i].parent;
			if (in && !all[i].in)
				grown = all[i].in = true;
		}
	} while (grown);

	for (unsigned i = 0; i < n; i++) {
		if (!all[i].in)
			continue;
		u->cpu_s += (double)all[i].ticks / (double)sysconf(_SC_CLK_TCK);
		u->pss_kb += read_pss_kb(all[i].pid);
		u->processes++;
	}
}

void
watch_print(const struct watch *w, unsigned n, FILE *f)
{
	fprintf(f, "{");
	for (unsigned i = 0; i < n; i++, w++)
		fprintf(f,
		    "%s\"%s\":{\"cpu_s\":%.2f,\"cpu_s_connect\":%.2f,"
		    "\"pss_kb_start\":%ld,\"pss_kb_ready\":%ld,"
		    "\"pss_kb_end\":%ld,\"processes\":%d}",
		    i > 0 ? "," : "", w->name, w->end.cpu_s - w->ready.cpu_s,
		    w->ready.cpu_s - w->start.cpu_s, w->start.pss_kb,
		    w->ready.pss_kb, w->end.pss_kb, w->end.processes);
	fprintf(f, "}");
}
