/*
 * sandbox.c - what a gateway gives up before it reads the first request.
 *
 * Suppose that somebody finds a way to run code of their own in here. It can
 * still talk to the database as the gateway does, and to who is connected. It
 * can't become another user, start a program, or reach into other processes or
 * the kernel's rarer corners.
 *
 * The filter names what is forbidden, not what is allowed: which calls libc,
 * libpq and the TLS and Kerberos libraries behind it make changes from one
 * release to the next, and a gateway that fails after an upgrade helps nobody.
 * The systemd units have a list of what is allowed, beside this one.
 */
#include <sys/prctl.h>
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "process/sandbox.h"

#ifndef __has_feature
#define __has_feature(x) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || \
    __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED true
#else
#define SANITIZED false
#endif

void
sandbox_drop_root(const struct config *c)
{
	const struct passwd *pw;

	if (*c->user == '\0') {
		if (geteuid() == 0)
			log_warning("running as root: the option user names the user to be instead");
		return;
	}
	pw = getpwnam(c->user);
	if (pw == NULL)
		log_fatal("user: there is no user \"%s\"", c->user);
	if (geteuid() != 0) {
		if (geteuid() != pw->pw_uid)
			log_warning("only root can become user \"%s\": staying user %u",
			    c->user, (unsigned)geteuid());
		return;
	}
	if (initgroups(pw->pw_name, pw->pw_gid) == -1 ||
	    setresgid(pw->pw_gid, pw->pw_gid, pw->pw_gid) == -1 ||
	    setresuid(pw->pw_uid, pw->pw_uid, pw->pw_uid) == -1)
		log_fatal("could not become user \"%s\": %s", c->user,
		    strerror(errno));
	/* libpq looks for passwords and certificates there. */
	if (setenv("HOME", pw->pw_dir, 1) == -1 ||
	    setenv("USER", pw->pw_name, 1) == -1 ||
	    setenv("LOGNAME", pw->pw_name, 1) == -1)
		log_fatal("could not start: out of memory");
}

#ifdef HAVE_SECCOMP
#include <sched.h>
#include <seccomp.h>

/* clone(2): where the kernel of this kind of machine wants its flags. */
#ifdef __s390__
#define CLONE_FLAGS_ARGUMENT 1
#else
#define CLONE_FLAGS_ARGUMENT 0
#endif

static const char *const forbidden[] = {
	/* other programs */
	"execve",
	"execveat",
	"uselib",
	/* other processes */
	"ptrace",
	"process_vm_readv",
	"process_vm_writev",
	"process_madvise",
	"process_mrelease",
	"kcmp",
	"pidfd_getfd",
	"pidfd_send_signal",
	"kill",
	"tkill",
	"rt_sigqueueinfo",
	/* another user, other rights */
	"setuid",
	"setgid",
	"setreuid",
	"setregid",
	"setresuid",
	"setresgid",
	"setfsuid",
	"setfsgid",
	"setgroups",
	"capset",
	"personality",
	/* another view of the file system, other namespaces */
	"mount",
	"umount2",
	"pivot_root",
	"chroot",
	"move_mount",
	"open_tree",
	"fsopen",
	"fsconfig",
	"fsmount",
	"fspick",
	"mount_setattr",
	"unshare",
	"setns",
	"mknod",
	"mknodat",
	"name_to_handle_at",
	"open_by_handle_at",
	"quotactl",
	"quotactl_fd",
	"fanotify_init",
	/* the kernel */
	"bpf",
	"perf_event_open",
	"userfaultfd",
	"io_uring_setup",
	"io_uring_enter",
	"io_uring_register",
	"kexec_load",
	"kexec_file_load",
	"init_module",
	"finit_module",
	"delete_module",
	"add_key",
	"request_key",
	"keyctl",
	"modify_ldt",
	"iopl",
	"ioperm",
	"syslog",
	"lookup_dcookie",
	"vmsplice",
	/* the machine */
	"reboot",
	"swapon",
	"swapoff",
	"acct",
	"sethostname",
	"setdomainname",
	"settimeofday",
	"clock_settime",
	"clock_adjtime",
	"adjtimex",
	"vhangup",
};

/*
 * Threads are made by clone() and signalled by tgkill(), so what these must not
 * do is in their arguments. clone3() has them in memory, where a filter does not
 * look: libc goes on with clone() when there is no such call.
 */
static int
forbid_by_argument(scmp_filter_ctx filter)
{
	static const scmp_datum_t spaces[] = { CLONE_NEWNS, CLONE_NEWCGROUP,
		CLONE_NEWUTS, CLONE_NEWIPC, CLONE_NEWUSER, CLONE_NEWPID,
		CLONE_NEWNET };
	static const char *const signals[] = { "tgkill", "rt_tgsigqueueinfo" };
	unsigned flags = CLONE_FLAGS_ARGUMENT;
	int rc = seccomp_rule_add(
	    filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);

	for (size_t i = 0; i < ARRAY_LEN(spaces) && rc == 0; i++)
		rc = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM),
		    SCMP_SYS(clone), 1,
		    SCMP_CMP(flags, SCMP_CMP_MASKED_EQ, spaces[i], spaces[i]));
	for (size_t i = 0; i < ARRAY_LEN(signals) && rc == 0; i++)
		rc = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM),
		    seccomp_syscall_resolve_name(signals[i]), 1,
		    SCMP_A0(SCMP_CMP_NE, (scmp_datum_t)getpid()));
	/* 0 is this process. */
	if (rc == 0)
		rc = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM),
		    SCMP_SYS(prlimit64), 1, SCMP_A0(SCMP_CMP_NE, 0));
	return rc;
}

/* Names that this libseccomp or this kind of machine does not have are left. */
static void
load_filter(void)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	int rc;

	if (filter == NULL)
		log_fatal("could not start: out of memory");
	rc = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
	for (size_t i = 0; i < ARRAY_LEN(forbidden) && rc == 0; i++) {
		int call = seccomp_syscall_resolve_name(forbidden[i]);

		if (call != __NR_SCMP_ERROR)
			rc = seccomp_rule_add(
			    filter, SCMP_ACT_ERRNO(EPERM), call, 0);
	}
	if (rc == 0)
		rc = forbid_by_argument(filter);
	if (rc == 0)
		rc = seccomp_load(filter);
	if (rc != 0)
		log_warning("could not forbid system calls: %s", strerror(-rc));
	seccomp_release(filter);
}

bool
sandbox_has_filter(void)
{
	return !SANITIZED;
}
#else
static void
load_filter(void)
{
}

bool
sandbox_has_filter(void)
{
	return false;
}
#endif

void
sandbox_enter(void)
{
	if (SANITIZED)
		return;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1 ||
	    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == -1)
		log_warning(
		    "could not give up privileges: %s", strerror(errno));
	load_filter();
}
