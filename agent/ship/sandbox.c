/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A deny list for system calls, since libcurl, OpenSSL and the resolver use
 * many and differently from release to release; what it names no shipper will
 * ever need. Landlock has no wrapper in glibc 2.36, hence the raw calls.
 */
#include "agent/ship/sandbox.h"

#include <errno.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/landlock.h>
#include <seccomp.h>

#include "agent/base/cleanup.h"

#include "agent/base/banned.h"

/* Every way to change a file system that Landlock's first ABI knows. */
#define WRITE_RIGHTS                                                           \
	(LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |       \
	 LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_CHAR |       \
	 LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG |           \
	 LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO |         \
	 LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_SYM |         \
	 LANDLOCK_ACCESS_FS_EXECUTE)

static int limit_writes(int state_fd, bool *ret_done)
{
	const struct landlock_ruleset_attr attributes = {
		.handled_access_fs = WRITE_RIGHTS,
	};
	const struct landlock_path_beneath_attr state = {
		.allowed_access = LANDLOCK_ACCESS_FS_WRITE_FILE |
				  LANDLOCK_ACCESS_FS_REMOVE_FILE |
				  LANDLOCK_ACCESS_FS_MAKE_REG,
		.parent_fd = state_fd,
	};

	*ret_done = false;
	_cleanup_close_ int ruleset = (int)syscall(SYS_landlock_create_ruleset,
						   &attributes,
						   sizeof(attributes), 0);
	if (ruleset < 0)
		return errno == ENOSYS || errno == EOPNOTSUPP ? 0 : -errno;
	if (syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH,
		    &state, 0) < 0 ||
	    syscall(SYS_landlock_restrict_self, ruleset, 0) < 0)
		return -errno;
	*ret_done = true;
	return 0;
}

static int deny_calls(void)
{
	static const int denied[] = {
		SCMP_SYS(execve),
		SCMP_SYS(execveat),
#ifndef __SANITIZE_ADDRESS__ /* whose leak check traces this process */
		SCMP_SYS(ptrace),
#endif
		SCMP_SYS(process_vm_readv),
		SCMP_SYS(process_vm_writev),
		SCMP_SYS(mount),
		SCMP_SYS(umount2),
		SCMP_SYS(pivot_root),
		SCMP_SYS(chroot),
		SCMP_SYS(move_mount),
		SCMP_SYS(open_tree),
		SCMP_SYS(fsopen),
		SCMP_SYS(fsmount),
		SCMP_SYS(bpf),
		SCMP_SYS(perf_event_open),
		SCMP_SYS(userfaultfd),
		SCMP_SYS(io_uring_setup),
		SCMP_SYS(init_module),
		SCMP_SYS(finit_module),
		SCMP_SYS(delete_module),
		SCMP_SYS(kexec_load),
		SCMP_SYS(kexec_file_load),
		SCMP_SYS(reboot),
		SCMP_SYS(swapon),
		SCMP_SYS(swapoff),
		SCMP_SYS(setns),
		SCMP_SYS(unshare),
		SCMP_SYS(add_key),
		SCMP_SYS(request_key),
		SCMP_SYS(keyctl),
		SCMP_SYS(mknod),
		SCMP_SYS(mknodat),
		SCMP_SYS(settimeofday),
		SCMP_SYS(clock_settime),
	};
	scmp_filter_ctx context = seccomp_init(SCMP_ACT_ALLOW);
	int r = context ? 0 : -ENOMEM;

	for (size_t i = 0; r == 0 && i < sizeof(denied) / sizeof(*denied); i++)
		r = seccomp_rule_add(context, SCMP_ACT_ERRNO(EPERM), denied[i],
				     0);
	if (r == 0)
		r = seccomp_load(context);
	seccomp_release(context);
	return r;
}

int sandbox_enter(int state_fd, struct sandbox_result *ret_result)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;

	int r = limit_writes(state_fd, &ret_result->has_landlock);
	return r < 0 ? r : deny_calls();
}
