/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading of sysfs (and procfs) attributes below a root directory fd, each
 * with a limit. Read-only: writing an attribute is an effect and belongs to
 * agent/enforce. Nothing here follows a symlink except where it says so.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Longest path of a device below the root that we handle, NUL included. A
 * device behind seven tiers of hubs and ten PCI bridges needs about 300. */
#define SYSFS_PATH_MAX 512

/* Largest one-line attribute, NUL included. USB strings are at most 126
 * UTF-16 units, that is 378 bytes of UTF-8. */
#define SYSFS_TEXT_MAX 512

/* Most entries we look at in one directory: a hostile hub cannot make a scan
 * endless. */
#define SYSFS_ENTRIES_MAX 4096

/* Opens directory PATH (relative to ROOT_FD; leading '/' allowed) without
 * following symlinks. 0 or -errno; *ret_fd is owned by the caller. */
int sysfs_open_dir(int root_fd, const char *path, int *ret_fd)
	__attribute__((nonnull, warn_unused_result));

/* Reads attribute NAME below DIR_FD as text: NUL-terminated, trailing newline
 * cut, empty is fine. -EMSGSIZE when it does not fit into SIZE, -EILSEQ when
 * it has a NUL inside, other -errno as read. BUF is unspecified on failure. */
int sysfs_read_text(int dir_fd, const char *name, char *buf, size_t size)
	__attribute__((nonnull, warn_unused_result));

/* Reads attribute NAME as bytes. -EMSGSIZE when longer than SIZE. */
int sysfs_read_bytes(int dir_fd, const char *name, void *buf, size_t size,
		     size_t *ret_len)
	__attribute__((nonnull, warn_unused_result));

/* Reads an unsigned number in BASE (10 or 16). -EINVAL when it is none. */
int sysfs_read_number(int dir_fd, const char *name, int base,
		      uint64_t *ret_value)
	__attribute__((nonnull, warn_unused_result));

/* Pure: reads "MAJOR:MINOR" at the start of TEXT; *ret_end is behind it. 0 or
 * -EINVAL. */
int sysfs_parse_devnum(const char *text, uint32_t *ret_major,
		       uint32_t *ret_minor, const char **ret_end)
	__attribute__((nonnull, warn_unused_result));

/* Reads a "MAJOR:MINOR" attribute. */
int sysfs_read_devnum(int dir_fd, const char *name, uint32_t *ret_major,
		      uint32_t *ret_minor)
	__attribute__((nonnull, warn_unused_result));

/* Resolves the symlink LINK (relative to ROOT_FD, for example
 * "sys/bus/usb/devices/1-1") to the devpath the kernel uses in uevents
 * ("/devices/…"). RET_PATH has SYSFS_PATH_MAX bytes. */
int sysfs_devpath_of(int root_fd, const char *link, char *ret_path)
	__attribute__((nonnull, warn_unused_result));

/* Cuts the last component off DEVPATH in place; false when none is left. */
bool sysfs_parent(char *devpath) __attribute__((nonnull));

/* Last component of DEVPATH. */
const char *sysfs_basename(const char *devpath) __attribute__((nonnull));

/* Called for each directory entry but "." and ".."; non-zero ends the walk
 * and is returned by it. */
typedef int (*sysfs_entry_fn)(const char *name, void *userdata);

/* Walks PATH below ROOT_FD. -E2BIG past SYSFS_ENTRIES_MAX. */
int sysfs_each(int root_fd, const char *path, sysfs_entry_fn fn, void *userdata)
	__attribute__((nonnull(2, 3), warn_unused_result));
