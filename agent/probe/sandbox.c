/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The cage of sekimori-probe, measured with libblkid 2.38: which system calls
 * it needs, and which ioctls of a block device. Everything else kills, but for
 * open and unknown ioctls, which libblkid tries and can do without.
 */
#include "agent/probe/probe.h"

#include <errno.h>
#include <grp.h>
#include <linux/fs.h>
#include <sched.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <seccomp.h>

#define NOBODY	     65534
#define MEMORY_BYTES (128UL << 20)
#define CPU_SECONDS  5

/* Sizes and geometry of a block device. CD-ROM ioctls are left out: the guard
 * refuses them on a medium that is not allowed, and they say nothing about
 * what is written on it. */
static const unsigned long ioctls[] = {
	BLKGETSIZE64, BLKGETSIZE,  BLKSSZGET, BLKPBSZGET,   BLKIOMIN,
	BLKIOOPT,     BLKALIGNOFF, BLKROGET,  0x80041284UL, /* BLKGETZONESZ */
	0x301UL,					    /* HDIO_GETGEO */
};

static const int allowed[] = {
	SCMP_SYS(read),		  SCMP_SYS(pread64),	SCMP_SYS(lseek),
	SCMP_SYS(fstat),	  SCMP_SYS(newfstatat), SCMP_SYS(brk),
	SCMP_SYS(munmap),	  SCMP_SYS(mremap),	SCMP_SYS(madvise),
	SCMP_SYS(exit),		  SCMP_SYS(exit_group), SCMP_SYS(close),
	SCMP_SYS(clock_gettime),  SCMP_SYS(fcntl),	SCMP_SYS(fadvise64),
	SCMP_SYS(getrandom),	  SCMP_SYS(futex),	SCMP_SYS(rt_sigreturn),
	SCMP_SYS(rt_sigprocmask), SCMP_SYS(gettid),	SCMP_SYS(getpid),
};

static int set_limit(int resource, rlim_t value)
{
	const struct rlimit limit = {.rlim_cur = value, .rlim_max = value};

	return setrlimit((__rlimit_resource_t)resource, &limit) < 0 ? -errno
								    : 0;
}

static int set_limits(void)
{
	static const struct {
		int resource;
		rlim_t value;
	} limits[] = {
		{RLIMIT_FSIZE, 0},	   {RLIMIT_NPROC, 0},
		{RLIMIT_CORE, 0},	   {RLIMIT_AS, MEMORY_BYTES},
		{RLIMIT_CPU, CPU_SECONDS},
	};

	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		int r = set_limit(limits[i].resource, limits[i].value);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Namespaces and an empty root are a second wall: seccomp already refuses
 * everything they would hide. */
static int leave_the_world(void)
{
	if (unshare(CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNS) <
	    0)
		return -errno;
	if (chroot("/proc/self/fdinfo") < 0)
		return -errno;
	if (chdir("/") < 0)
		return -errno;
	return 0;
}

static int drop_user(void)
{
	if (setgroups(0, NULL) < 0 || setresgid(NOBODY, NOBODY, NOBODY) < 0 ||
	    setresuid(NOBODY, NOBODY, NOBODY) < 0)
		return -errno;
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return -errno;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	return 0;
}

static int add_rules(scmp_filter_ctx filter)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < sizeof(allowed) / sizeof(allowed[0]);
	     i++)
		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, allowed[i], 0);
	for (size_t i = 0; r == 0 && i < sizeof(ioctls) / sizeof(ioctls[0]);
	     i++)
		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1,
				     SCMP_A1(SCMP_CMP_EQ, ioctls[i]));
	if (r == 0) /* "not that kind of device" for all others */
		r = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOTTY),
				     SCMP_SYS(ioctl), 0);
	if (r == 0) /* memory, never executable */
		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1,
				     SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	if (r == 0)
		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(write), 1,
				     SCMP_A0(SCMP_CMP_LE, 2));
	if (r == 0)
		r = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EACCES),
				     SCMP_SYS(openat), 0);
	if (r == 0)
		r = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EACCES),
				     SCMP_SYS(readlink), 0);
	if (r == 0)
		r = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EACCES),
				     SCMP_SYS(access), 0);
	return r;
}

static int set_filter(void)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
	if (!filter)
		return -ENOMEM;
	int r = add_rules(filter);
	if (r == 0)
		r = seccomp_load(filter);
	seccomp_release(filter);
	return r;
}

int sandbox_enter(void)
{
	int r = leave_the_world();
	if (r < 0)
		return r;
	r = drop_user();
	if (r < 0)
		return r;
	r = set_limits();
	if (r < 0)
		return r;
	return set_filter();
}
