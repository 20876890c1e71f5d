/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who the guard's daemon is, as the kernel half will recognise it. Internal to
 * agent/enforce; unit tests run it on a made tree.
 */
#pragma once

#include <stdint.h>

#include "agent/bpf/guard.h"

struct guard_place {
	const char *cgroup_dir; /* or NULL: found below SYS_FD */
	int sys_fd;		/* open on /sys */
	int proc_fd;		/* open on /proc */
};

/* Root of cgroup v2; a descriptor owned by the caller, or -ENOENT. */
int guard_identity_open_cgroup(const struct guard_place *place)
	__attribute__((nonnull, warn_unused_result));

/* A configuration with no flags and this process as the daemon. */
int guard_identity_fill(const struct guard_place *place, int root_cgroup_fd,
			struct guard_config *ret_config)
	__attribute__((nonnull, warn_unused_result));

/* The value of the config map FD. */
int guard_identity_read(int fd, struct guard_config *ret_config)
	__attribute__((nonnull, warn_unused_result));
int guard_identity_write(int fd, const struct guard_config *config)
	__attribute__((nonnull, warn_unused_result));

/* The same of a set of another version: what it does not have is 0. */
int guard_identity_read_old(int fd, struct guard_config *ret_config)
	__attribute__((nonnull, warn_unused_result));

/* Makes the process of OWN the daemon of that set, and changes nothing else. */
int guard_identity_claim(int fd, const struct guard_config *own)
	__attribute__((nonnull, warn_unused_result));
