/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is mounted, and which disks the system itself stands on (/, /boot,
 * swap). Reads /proc/self/mountinfo and /proc/swaps (proc(5)); never mounts,
 * unmounts or opens a device.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/sense/sysfs.h"

/* Longest mountinfo line looked at; overlay options may be long. */
#define MOUNT_LINE_MAX	  8192
#define MOUNT_ENTRIES_MAX 4096
/* Disks under /, /boot, swap, counted through device-mapper and md. */
#define MOUNT_BACKING_MAX 64

struct mount_entry {
	uint64_t id; /* as statx(2) has it in stx_mnt_id; one in the kernel */
	uint32_t major;
	uint32_t minor;
	char point[SYSFS_PATH_MAX]; /* octal escapes resolved */
	char fs_type[32];
	char source[SYSFS_PATH_MAX];
	bool is_read_only;
};

/* Opens mountinfo below ROOT_FD. The fd reports POLLPRI at each change of the
 * mount table and must then be re-read. */
int mount_open(int root_fd, int *ret_fd)
	__attribute__((nonnull, warn_unused_result));

typedef int (*mount_fn)(const struct mount_entry *entry, void *userdata);

/* Walks the table as it is now; FN non-zero ends it. Lines that do not parse
 * or exceed a limit are left out. */
int mount_each(int root_fd, mount_fn fn, void *userdata)
	__attribute__((nonnull(2), warn_unused_result));

/* The same for the mounts that process PID sees, in its own namespace. */
int mount_each_of(int root_fd, uint32_t pid, mount_fn fn, void *userdata)
	__attribute__((nonnull(3), warn_unused_result));

/* Pure: parses one line of mountinfo. 0 or -EBADMSG. */
int mount_parse_line(const char *line, struct mount_entry *ret_entry)
	__attribute__((nonnull, warn_unused_result));

/* Fills RET_DEVPATHS with the devpaths of the whole disks that /, /boot,
 * /boot/efi, /usr, /var and swap stand on, followed down through
 * device-mapper and md. 0 or -errno; *ret_count ≤ MOUNT_BACKING_MAX. */
int mount_backing_disks(int root_fd, char (*ret_devpaths)[SYSFS_PATH_MAX],
			size_t *ret_count)
	__attribute__((nonnull, warn_unused_result));

/* The same for one mounted file system, wherever it is mounted. */
int mount_disks(int root_fd, const struct mount_entry *entry,
		char (*ret_devpaths)[SYSFS_PATH_MAX], size_t *ret_count)
	__attribute__((nonnull, warn_unused_result));
