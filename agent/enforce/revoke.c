/* SPDX-License-Identifier: Apache-2.0 */
/*
 * System calls on one mount each. A path is only believed when the mount id
 * found there is the one that was looked for: mounts are moved and covered
 * while we look.
 */
#include "agent/enforce/revoke.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "agent/base/cleanup.h"
#include "agent/base/fd.h"
#include "agent/enforce/enforce.h"
#include "agent/enforce/name.h"
#include "agent/base/banned.h"

/* More are never stopped (sense/holders.h). */
#define HELD_MAX 8

int revoke_begin(void)
{
	return unshare(CLONE_FS) < 0 ? -errno : 0;
}

int revoke_enter(int proc_fd, uint32_t pid)
{
	char path[48];

	(void)snprintf(path, sizeof(path), "%u/ns/mnt", pid);
	_cleanup_close_ int fd = openat(proc_fd, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	return setns(fd, CLONE_NEWNS) < 0 ? -errno : 0;
}

static int outcome_of(int error)
{
	switch (error) {
	case 0:
		return 0;
	case EBUSY:
		return ENFORCE_BUSY;
	case ENOENT:
	case ENOTDIR:
		return ENFORCE_GONE;
	default:
		return -error;
	}
}

/* Asks no file system: the medium may be one that no longer answers. */
static int check_mount(const char *point, uint64_t id)
{
	struct statx stx;

	if (statx(AT_FDCWD, point,
		  AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT | AT_SYMLINK_NOFOLLOW,
		  STATX_TYPE | STATX_MNT_ID, &stx) < 0)
		return outcome_of(errno);
	if (!(stx.stx_mask & STATX_MNT_ID))
		return -EOPNOTSUPP; /* before 5.8 */
	return stx.stx_mnt_id == id ? 0 : -ESTALE;
}

int revoke_sync(const char *point, uint64_t id)
{
	int r = check_mount(point, id);

	if (r != 0)
		return r;
	/* A bind mount may be of a single file, or even a FIFO */
	_cleanup_close_ int fd = open(point, O_RDONLY | O_NONBLOCK | O_NOCTTY |
						     O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return outcome_of(errno);
	return syncfs(fd) < 0 ? -errno : 0;
}

/* fsconfig(2) changes the superblock alone; the flags of each mount stay. */
static int reconfigure(const char *point, uint64_t id, const char *flag)
{
	int r = check_mount(point, id);

	if (r != 0)
		return r;
	_cleanup_close_ int fd = fspick(AT_FDCWD, point,
					FSPICK_CLOEXEC | FSPICK_NO_AUTOMOUNT |
						FSPICK_SYMLINK_NOFOLLOW);
	if (fd < 0)
		return outcome_of(errno);
	if (fsconfig(fd, FSCONFIG_SET_FLAG, flag, NULL, 0) < 0 ||
	    fsconfig(fd, FSCONFIG_CMD_RECONFIGURE, NULL, NULL, 0) < 0)
		return outcome_of(errno);
	return 0;
}

int revoke_read_only(const char *point, uint64_t id)
{
	return reconfigure(point, id, "ro");
}

int revoke_read_write(const char *point, uint64_t id)
{
	struct mount_attr attributes = {.attr_clr = MOUNT_ATTR_RDONLY};
	int r = reconfigure(point, id, "rw");

	if (r != 0)
		return r;
	/* mount(8) sets the mount's own flag, too, when the device is one that
	 * cannot be written */
	if (mount_setattr(AT_FDCWD, point, AT_SYMLINK_NOFOLLOW, &attributes,
			  sizeof(attributes)) < 0)
		return outcome_of(errno);
	return 0;
}

int revoke_unmount(const char *point, uint64_t id, bool lazy)
{
	int r = check_mount(point, id);

	if (r != 0)
		return r;
	if (umount2(point, UMOUNT_NOFOLLOW | (lazy ? MNT_DETACH : 0)) == 0)
		return 0;
	/* EINVAL: no mount point any more */
	return errno == EINVAL ? ENFORCE_GONE : outcome_of(errno);
}

int revoke_flush(int dev_fd, const char *name, uint32_t major, uint32_t minor)
{
	struct stat st;

	if (!is_kernel_name(name))
		return -EINVAL;
	_cleanup_close_ int fd = open_below(dev_fd, name, O_RDONLY | O_NONBLOCK,
					    0);
	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISBLK(st.st_mode) || st.st_rdev != makedev(major, minor))
		return -ESTALE;
	return ioctl(fd, BLKFLSBUF, 0) < 0 ? -errno : 0;
}

int revoke_hold(int proc_fd, uint32_t pid, bool hold)
{
	char path[16];

	if (pid <= 1 || pid == (uint32_t)getpid())
		return -EPERM;
	/* A directory of /proc is a pid that cannot become another's */
	(void)snprintf(path, sizeof(path), "%u", pid);
	_cleanup_close_ int fd = openat(proc_fd, path,
					O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	return pidfd_send_signal(fd, hold ? SIGSTOP : SIGCONT, NULL, 0) < 0
		       ? -errno
		       : 0;
}

int revoke_note_held(int root_fd, const uint32_t *pids, size_t count)
{
	_cleanup_close_ int fd = -1;

	if (count == 0)
		return unlinkat(root_fd, REVOKE_HELD_PATH, 0) < 0 &&
				       errno != ENOENT
			       ? -errno
			       : 0;
	fd = open_below(root_fd, REVOKE_HELD_PATH, O_WRONLY | O_CREAT | O_TRUNC,
			0600);
	if (fd < 0)
		return fd;
	ssize_t n = write(fd, pids, count * sizeof(*pids));
	return n == (ssize_t)(count * sizeof(*pids)) ? 0 : -EIO;
}

int revoke_free_held(int root_fd, int proc_fd)
{
	uint32_t pids[HELD_MAX];
	_cleanup_close_ int fd = open_below(root_fd, REVOKE_HELD_PATH, O_RDONLY,
					    0);
	if (fd < 0)
		return 0;
	ssize_t n = read(fd, pids, sizeof(pids));
	int count = n < 0 ? 0 : (int)((size_t)n / sizeof(*pids));
	for (int i = 0; i < count; i++)
		(void)!revoke_hold(proc_fd, pids[i], false); /* or it ended */
	(void)!revoke_note_held(root_fd, NULL, 0); /* in /run: gone at boot */
	return count;
}
