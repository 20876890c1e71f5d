/* SPDX-License-Identifier: Apache-2.0 */
/* The spool's effects as they really are. */
#include "agent/spool/ops.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "agent/base/fd.h"

#include "agent/base/banned.h"

static int real_sync_data(int fd)
{
	return fdatasync(fd) < 0 ? -errno : 0;
}

static int real_allocate(int fd, uint64_t size)
{
	int error;

	do {
		error = posix_fallocate(fd, 0, (off_t)size);
	} while (error == EINTR);
	return -error;
}

static int real_rename(int dirfd, const char *from, const char *to)
{
	return renameat(dirfd, from, dirfd, to) < 0 ? -errno : 0;
}

static int real_sync_directory(int dirfd)
{
	return fsync(dirfd) < 0 ? -errno : 0;
}

static int real_unlink(int dirfd, const char *name)
{
	return unlinkat(dirfd, name, 0) < 0 ? -errno : 0;
}

const struct spool_ops spool_real_ops = {
	.write = pwrite_full,
	.sync_data = real_sync_data,
	.allocate = real_allocate,
	.rename = real_rename,
	.sync_directory = real_sync_directory,
	.unlink = real_unlink,
};
