/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who holds a medium: its mounts in every mount namespace, and the processes
 * with a file, a folder, a mapping or the raw device of it open. Reads /proc
 * and /sys below a root fd, never opens a file on the medium and never asks
 * its file system anything; what it cannot see in its time it says it did not
 * look at. Slow by nature: for a thread of its own, not for the event loop.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/sense/block.h"

/* Most processes told of by name; more are only counted. */
#define HOLDERS_MAX 8
/* The disk, its partitions, and what is stacked on them (LUKS, LVM, loop). */
#define HOLDERS_NUMBERS_MAX    160
#define HOLDERS_MOUNTS_MAX     64
#define HOLDERS_NAMESPACES_MAX 512
#define HOLDERS_PROCESSES_MAX  65536

struct holders_number {
	char name[BLOCK_NAME_MAX];
	uint32_t major;
	uint32_t minor;
};

struct holders_mount {
	uint64_t id;
	uint32_t pid; /* a process that sees it */
	char point[SYSFS_PATH_MAX];
	bool is_read_only; /* for this mount or for the whole file system */
};

struct holder {
	uint32_t pid;
	uint32_t uid;
	char comm[16];		   /* hostile bytes, NUL-terminated */
	char path[SYSFS_PATH_MAX]; /* one of what it has open, as /proc says */
	bool is_raw;		   /* has the device node itself open */
	bool is_writer;		   /* that one is open for writing */
};

struct holders {
	struct holders_number numbers[HOLDERS_NUMBERS_MAX];
	size_t number_count;
	struct holders_mount mounts[HOLDERS_MOUNTS_MAX]; /* outermost first */
	size_t mount_count;
	struct holder list[HOLDERS_MAX];
	size_t process_count; /* may be more than are in the list */
	bool is_partial;      /* a limit or the time ended the search */
};

/*
 * Fills in numbers and mounts of DISK; no process yet. 0 or -errno: -ENOENT
 * the disk has gone. RET_HOLDERS is large: keep it off the stack.
 */
int holders_find_mounts(int root_fd, const struct block_disk *disk,
			struct holders *ret_holders)
	__attribute__((nonnull, warn_unused_result));

/*
 * Adds the processes that have something of HOLDERS' numbers or mounts open,
 * but for this one. Stops after BUDGET_MS milliseconds. 0 or -errno.
 */
int holders_find_processes(int root_fd, uint32_t budget_ms,
			   struct holders *holders)
	__attribute__((nonnull, warn_unused_result));

/* Pure: device number, hexadecimal, of one line of /proc/PID/maps (proc(5)),
 * and *ret_path at its path. 0 or -EBADMSG (also for memory of no file). */
int holders_parse_map(const char *line, uint32_t *ret_major,
		      uint32_t *ret_minor, const char **ret_path)
	__attribute__((nonnull, warn_unused_result));

/* Pure: real user id of the text of /proc/PID/status. 0 or -EBADMSG. */
int holders_parse_uid(const char *text, uint32_t *ret_uid)
	__attribute__((nonnull, warn_unused_result));
