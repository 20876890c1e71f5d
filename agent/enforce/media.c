/* SPDX-License-Identifier: Apache-2.0 */
/*
 * BLKROSET on the whole disk, because `mount -o ro` still replays a journal
 * and a flag per mount can be taken off; partitions inherit it (block/bdev.c,
 * bdev_read_only). "add", not "change", because udisks keeps what it thought
 * of a device on "change".
 */
#include "agent/enforce/media.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/blkpg.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "agent/base/cleanup.h"
#include "agent/base/fd.h"
#include "agent/enforce/block_guard.h"
#include "agent/enforce/devnum.h"
#include "agent/enforce/enforce.h"
#include "agent/enforce/name.h"
#include "agent/base/banned.h"

#ifndef BLKGETDISKSEQ
#define BLKGETDISKSEQ _IOR(0x12, 128, __u64) /* Linux 5.15 */
#endif

enum { PATH_LIMIT = 400 };

static int disk_path(char ret_path[PATH_LIMIT], const char *disk,
		     const char *file)
{
	int n = snprintf(ret_path, PATH_LIMIT, "class/block/%s/%s", disk, file);

	return n < 0 || n >= PATH_LIMIT ? -ENAMETOOLONG : 0;
}

/* What "gone" looks like at every step. */
static int gone_or(int r)
{
	return r == -ENOENT || r == -ENODEV || r == -ENXIO ? ENFORCE_GONE : r;
}

/* /dev is writable for root: the node must be the disk sysfs speaks of. */
static int check_node(const struct media_place *place, const char *disk, int fd,
		      dev_t *ret_number)
{
	char path[PATH_LIMIT];
	char expected[32];
	char text[32];
	struct stat st;
	int r = disk_path(path, disk, "dev");

	if (r == 0)
		r = read_line_file(place->sys_fd, path, text, sizeof(text));
	if (r < 0)
		return r;
	if (fstat(fd, &st) < 0)
		return -errno;
	(void)snprintf(expected, sizeof(expected), "%u:%u", major(st.st_rdev),
		       minor(st.st_rdev));
	if (!S_ISBLK(st.st_mode) || strcmp(expected, text) != 0)
		return -ENOTBLK;
	*ret_number = st.st_rdev;
	return 0;
}

static int check_diskseq(int fd, uint64_t diskseq)
{
	__u64 now = 0;

	if (ioctl(fd, BLKGETDISKSEQ, &now) < 0)
		return errno == ENOTTY ? 0 : -errno;
	return now == diskseq ? 0 : -ESTALE;
}

/* The number and an open descriptor of the disk that was judged. */
static int open_disk(const struct media_place *place, const char *disk,
		     uint64_t diskseq, int *ret_fd, dev_t *ret_number)
{
	_cleanup_close_ int fd = -1;
	int r;

	if (!is_kernel_name(disk))
		return -EINVAL;
	fd = open_below(place->dev_fd, disk, O_RDONLY | O_NONBLOCK, 0);
	if (fd < 0)
		return fd;
	r = check_node(place, disk, fd, ret_number);
	if (r == 0)
		r = check_diskseq(fd, diskseq);
	if (r < 0)
		return r;
	*ret_fd = TAKE_FD(fd);
	return 0;
}

static int set_read_only(int fd, bool read_only)
{
	int flag = read_only;

	return ioctl(fd, BLKROSET, &flag) < 0 ? -errno : 0;
}

static int announce(const struct media_place *place, const char *disk,
		    const char *action)
{
	char path[PATH_LIMIT];
	int r = disk_path(path, disk, "uevent");

	return r < 0 ? r : write_text_file(place->sys_fd, path, action);
}

/* EINVAL: a drive that never has partitions (optical, a floppy). */
static int reread_partitions(int fd)
{
	if (ioctl(fd, BLKRRPART, NULL) == 0 || errno == EINVAL)
		return 0;
	return errno == EBUSY ? ENFORCE_BUSY : -errno;
}

static int set_entry(const struct media_place *place, dev_t number,
		     enum guard_access access, uint64_t diskseq)
{
	if (!place->guard)
		return 0;
	return block_guard_set(place->guard, block_guard_key(false, number),
			       access, diskseq);
}

static struct guard_policy get_entry(const struct media_place *place,
				     dev_t number, uint64_t diskseq)
{
	struct guard_policy entry = {.diskseq = diskseq};
	struct guard_policy found;

	if (place->guard &&
	    block_guard_entry(place->guard, block_guard_key(false, number),
			      &found) == 0 &&
	    found.diskseq == diskseq)
		entry = found;
	return entry;
}

/* The caller will say that nothing was opened, so nothing may be. */
static void undo(const struct media_place *place, int fd, dev_t number,
		 const struct guard_policy *before)
{
	/* The key is there already: the map cannot be full */
	(void)!set_entry(place, number, before->access, before->diskseq);
	if (before->access != GUARD_READ_WRITE)
		(void)!set_read_only(fd, true);
}

int media_allow(const struct media_place *place, const char *disk,
		uint64_t diskseq, enum guard_access access)
{
	_cleanup_close_ int fd = -1;
	struct guard_policy before;
	dev_t number = 0;
	int busy;
	int r = open_disk(place, disk, diskseq, &fd, &number);

	if (r < 0)
		return gone_or(r);
	before = get_entry(place, number, diskseq);
	r = set_read_only(fd, access == GUARD_READ_ONLY);
	if (r == 0)
		r = set_entry(place, number, access, diskseq);
	if (r < 0) {
		undo(place, fd, number, &before);
		return gone_or(r);
	}

	/* A table that does not read (no medium any more, an I/O error) is no
	 * reason to keep the entry from a disk that may be good without. */
	busy = reread_partitions(fd);
	r = announce(place, disk, "add");
	if (r < 0) {
		undo(place, fd, number, &before);
		return gone_or(r);
	}
	return busy == ENFORCE_BUSY ? ENFORCE_BUSY : 0;
}

int media_close(const struct media_place *place, const char *disk,
		uint64_t diskseq, enum guard_access access)
{
	_cleanup_close_ int fd = -1;
	dev_t number = 0;
	int r = open_disk(place, disk, diskseq, &fd, &number);

	if (r == 0)
		r = set_entry(place, number, access, diskseq);
	return r < 0 ? gone_or(r) : 0;
}

int media_in_use(const struct media_place *place, const char *disk,
		 uint64_t diskseq)
{
	_cleanup_close_ int fd = -1, exclusive = -1;
	dev_t number = 0;
	int r = open_disk(place, disk, diskseq, &fd, &number);

	if (r < 0)
		return gone_or(r);
	exclusive = open_below(place->dev_fd, disk,
			       O_RDONLY | O_NONBLOCK | O_EXCL, 0);
	if (exclusive >= 0)
		return 0;
	return exclusive == -EBUSY ? ENFORCE_BUSY : gone_or(exclusive);
}

static int drop_partition(int fd, int number)
{
	struct blkpg_partition partition = {.pno = number};
	struct blkpg_ioctl_arg argument = {
		.op = BLKPG_DEL_PARTITION,
		.datalen = sizeof(partition),
		.data = &partition,
	};

	if (ioctl(fd, BLKPG, &argument) == 0 || errno == ENXIO)
		return 0;
	return errno == EBUSY ? ENFORCE_BUSY : -errno;
}

/* Every partition sysfs shows below the disk; BUSY wins over success. */
static int drop_partitions(const struct media_place *place, const char *disk,
			   int fd)
{
	_cleanup_closedir_ DIR *dir = NULL;
	_cleanup_close_ int dir_fd = -1;
	char path[PATH_LIMIT];
	char text[16];
	struct dirent *entry;
	int result = 0;
	int r = disk_path(path, disk, "");

	if (r < 0)
		return r;
	dir_fd = openat(place->sys_fd, path,
			O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir_fd < 0)
		return -errno;
	dir = fdopendir(dir_fd);
	if (!dir)
		return -errno;
	(void)TAKE_FD(dir_fd); /* DIR's now */

	while ((entry = readdir(dir))) {
		(void)snprintf(path, sizeof(path), "%s/partition",
			       entry->d_name);
		if (entry->d_name[0] == '.' ||
		    read_line_file(dirfd(dir), path, text, sizeof(text)) < 0)
			continue;
		r = drop_partition(fd, (int)strtol(text, NULL, 10));
		if (r != 0 && result >= 0)
			result = r;
	}
	return result;
}

int media_deny(const struct media_place *place, const char *disk,
	       uint64_t diskseq)
{
	_cleanup_close_ int fd = -1;
	dev_t number = 0;
	int busy;
	int r = open_disk(place, disk, diskseq, &fd, &number);

	if (r < 0)
		return gone_or(r);
	r = set_entry(place, number, GUARD_DENY, diskseq);
	if (r < 0)
		return r;
	r = set_read_only(fd, true);
	if (r < 0)
		return gone_or(r);

	busy = drop_partitions(place, disk, fd);
	r = announce(place, disk, "change");
	return r < 0 ? gone_or(r) : gone_or(busy);
}

/* What the guard gives: no entry, or one for another medium, is nothing. */
static enum guard_access given(const struct media_place *place, uint64_t key,
			       uint64_t diskseq)
{
	struct guard_policy entry;

	if (block_guard_entry(place->guard, key, &entry) < 0 ||
	    entry.diskseq != diskseq)
		return GUARD_DENY;
	return (enum guard_access)entry.access;
}

static int read_number(const struct media_place *place, const char *disk,
		       const char *file, uint64_t *ret_number)
{
	char path[PATH_LIMIT];
	char text[32];
	int r = disk_path(path, disk, file);

	if (r == 0)
		r = read_line_file(place->sys_fd, path, text, sizeof(text));
	if (r < 0)
		return r;
	*ret_number = strtoull(text, NULL, 10);
	return 0;
}

int media_check(const struct media_place *place, const char *disk,
		uint64_t diskseq, enum guard_access access)
{
	unsigned int major_number = 0, minor_number = 0;
	uint64_t now = 0, is_read_only = 0;
	char path[PATH_LIMIT];
	char text[32];
	int r;

	if (!is_kernel_name(disk))
		return -EINVAL;
	r = read_number(place, disk, "diskseq", &now);
	if (r == 0 && now != diskseq)
		return ENFORCE_GONE;
	r = disk_path(path, disk, "dev");
	if (r == 0)
		r = read_line_file(place->sys_fd, path, text, sizeof(text));
	if (r == 0)
		r = devnum_parse(text, &major_number, &minor_number);
	if (r == 0)
		r = read_number(place, disk, "ro", &is_read_only);
	if (r < 0)
		return gone_or(r);

	if (access == GUARD_READ_ONLY && !is_read_only)
		return ENFORCE_DIFFERS;
	if (place->guard &&
	    given(place, GUARD_KEY(false, major_number, minor_number),
		  diskseq) != access)
		return ENFORCE_DIFFERS;
	return 0;
}
