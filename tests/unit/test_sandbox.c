/*
 * test_sandbox.c - what can't be done any more, in any thread.
 */
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <unistd.h>

#include "unit.h"

#include "process/sandbox.h"

static char *const no_arguments[] = { NULL };

static int
forbidden_execve(void)
{
	return execve("/bin/true", no_arguments, no_arguments);
}

static int
forbidden_execveat(void)
{
	return (int)syscall(
	    SYS_execveat, -1, "/bin/true", no_arguments, no_arguments, 0);
}

static int
forbidden_ptrace(void)
{
	return (int)ptrace(PTRACE_TRACEME, 0, NULL, NULL);
}

static int
forbidden_reading(void)
{
	return (int)syscall(
	    SYS_process_vm_readv, getpid(), NULL, 0, NULL, 0, 0);
}

static int
forbidden_kill(void)
{
	return kill(getppid(), 0);
}

static int
forbidden_tgkill(void)
{
	return (int)syscall(SYS_tgkill, getppid(), getppid(), 0);
}

static int
forbidden_sigqueue(void)
{
	siginfo_t info = { .si_code = SI_QUEUE };

	return (int)syscall(
	    SYS_rt_tgsigqueueinfo, getppid(), getppid(), SIGCONT, &info);
}

static int
forbidden_limits(void)
{
	struct rlimit r;

	return (int)syscall(SYS_prlimit64, getppid(), RLIMIT_CPU, NULL, &r);
}

/* A child, if there is one, ends at once; with bad flags there is none. */
static int
in_new_spaces(unsigned long flags)
{
	int pid = (int)syscall(SYS_clone, flags | SIGCHLD, NULL, NULL, NULL, 0);

	if (pid == 0)
		_exit(0);
	if (pid > 0)
		waitpid(pid, NULL, 0);
	return pid;
}

static int
forbidden_user_space(void)
{
	return in_new_spaces(CLONE_NEWUSER);
}

static int
forbidden_spaces(void)
{
	return in_new_spaces(CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWNS);
}

static int
forbidden_setuid(void)
{
	return (int)syscall(SYS_setuid, geteuid());
}

static int
forbidden_unshare(void)
{
	return (int)syscall(SYS_unshare, 0);
}

static int
forbidden_bpf(void)
{
	return (int)syscall(SYS_bpf, -1, NULL, 0);
}

static int
forbidden_keyctl(void)
{
	return (int)syscall(SYS_keyctl, -1, 0, 0, 0, 0);
}

static int
forbidden_module(void)
{
	return (int)syscall(SYS_finit_module, -1, "", 0);
}

static const struct {
	const char *name;
	int (*try)(void);
} tries[] = {
	{ "execve", forbidden_execve },
	{ "execveat", forbidden_execveat },
	{ "ptrace", forbidden_ptrace },
	{ "process_vm_readv", forbidden_reading },
	{ "kill", forbidden_kill },
	{ "tgkill", forbidden_tgkill },
	{ "rt_tgsigqueueinfo", forbidden_sigqueue },
	{ "prlimit64", forbidden_limits },
	{ "clone with a user namespace", forbidden_user_space },
	{ "clone with namespaces", forbidden_spaces },
	{ "setuid", forbidden_setuid },
	{ "unshare", forbidden_unshare },
	{ "bpf", forbidden_bpf },
	{ "keyctl", forbidden_keyctl },
	{ "finit_module", forbidden_module },
};

/* Returns the number of those that were not forbidden. */
static void *
try_all(void *arg)
{
	intptr_t bad = 0;

	for (size_t i = 0; i < ARRAY_LEN(tries); i++) {
		errno = 0;
		if (tries[i].try() == -1 && errno == EPERM)
			continue;
		fprintf(stderr, "%s: %s\n", tries[i].name, strerror(errno));
		bad++;
	}
	return (void *)bad;
}

/* A thread that was there before, as well as the one that enters. */
struct early {
	pthread_t thread;
	pthread_mutex_t gate;
};

static void *
try_late(void *arg)
{
	struct early *e = arg;

	pthread_mutex_lock(&e->gate);
	pthread_mutex_unlock(&e->gate);
	return try_all(NULL);
}

static void *
nothing(void *arg)
{
	return arg;
}

/* Threads, their signals and limits of its own: what a gateway needs. */
static bool
rest_is_left(void)
{
	struct rlimit r;
	pthread_t t;

	return access("/", R_OK) == 0 &&
	       pthread_create(&t, NULL, nothing, NULL) == 0 &&
	       pthread_join(t, NULL) == 0 &&
	       pthread_kill(pthread_self(), 0) == 0 &&
	       getrlimit(RLIMIT_NOFILE, &r) == 0 &&
	       setrlimit(RLIMIT_NOFILE, &r) == 0;
}

static int
in_the_sandbox(void)
{
	struct early e = { .gate = PTHREAD_MUTEX_INITIALIZER };
	void *bad = (void *)1;

	pthread_mutex_lock(&e.gate);
	if (pthread_create(&e.thread, NULL, try_late, &e) != 0)
		return 1;
	sandbox_enter();
	pthread_mutex_unlock(&e.gate);
	pthread_join(e.thread, &bad);
	if (bad != NULL || try_all(NULL) != NULL)
		return 1;
	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1 ||
	    prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) != 0)
		return 1;
	return rest_is_left() ? 0 : 1;
}

static void
a_gateway_starts_no_program_and_reaches_no_process(void **state)
{
	int status;
	pid_t pid;

	if (!sandbox_has_filter())
		skip();
	pid = fork();
	if (pid == 0)
		_exit(in_the_sandbox());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    a_gateway_starts_no_program_and_reaches_no_process),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
