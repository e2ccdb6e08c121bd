/*
 * slow_flush.c - a preloaded fdatasync() that takes a millisecond more, as on a
 * cloud volume.
 */
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int
fdatasync(int fd)
{
	const struct timespec ms = { .tv_nsec = 1000000 };

	nanosleep(&ms, NULL);
	return (int)syscall(SYS_fdatasync, fd);
}
