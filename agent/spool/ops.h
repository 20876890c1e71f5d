/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The effects by which the spool touches the disk, behind one struct: tests
 * replace it to fail the n-th call or to keep a disk full.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Each returns 0 or -errno and is called from one thread at a time. */
struct spool_ops {
	int (*write)(int fd, const void *data, size_t size, uint64_t offset);
	int (*sync_data)(int fd);
	int (*allocate)(int fd, uint64_t size);
	int (*rename)(int dirfd, const char *from, const char *to);
	int (*sync_directory)(int dirfd);
	int (*unlink)(int dirfd, const char *name);
};

/* pwrite(2), fdatasync(2), posix_fallocate(3), renameat(2), fsync(2). */
extern const struct spool_ops spool_real_ops;
