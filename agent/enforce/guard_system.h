/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which disks the system itself stands on: they must never be refused, or the
 * terminal stops instead of the leak. Reads mountinfo, swaps and sysfs; knows
 * no map. Internal to agent/enforce.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	GUARD_SYSTEM_DISKS_MAX = 64,
	GUARD_SYSTEM_DEPTH_MAX = 8,	   /* dm on md on dm on … */
	GUARD_SYSTEM_MOUNTS_MAX = 1 << 20, /* bytes of mountinfo */
	GUARD_SYSTEM_SWAPS_MAX = 1 << 16
};

/* Keys (bpf/guard.h) of whole disks. */
struct guard_system {
	uint64_t disks[GUARD_SYSTEM_DISKS_MAX];
	size_t count;
};

/*
 * The disks below /, /usr, /boot, /efi, /var and swap as they are mounted now,
 * followed down through partitions, device-mapper, md and loop files. SYS_FD,
 * PROC_FD: /sys and /proc or made trees; ROOT_FD: where the paths in them
 * start. What cannot be followed is left out. -errno: mountinfo is not
 * readable; -ENOSPC: more disks than the limit.
 */
int guard_system_read(int sys_fd, int proc_fd, int root_fd,
		      struct guard_system *ret_system)
	__attribute__((nonnull, warn_unused_result));

bool guard_system_has(const struct guard_system *system, uint64_t disk)
	__attribute__((nonnull));
