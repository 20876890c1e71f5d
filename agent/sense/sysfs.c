/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attribute reads with limits, below a root fd: the same code serves the real
 * /sys and the trees that tests build. Must not write.
 */
#include "agent/sense/sysfs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent/base/cleanup.h"

/* RESOLVE_BENEATH and no symlinks: a device name can never lead us out of the
 * tree, whatever somebody plants there (openat2(2), Linux 5.6). */
static int open_beneath(int root_fd, const char *path, int flags)
{
	struct open_how how = {
		.flags = (uint64_t)(flags | O_CLOEXEC | O_NOFOLLOW),
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS,
	};

	while (*path == '/')
		path++;
	if (*path == '\0')
		path = ".";

	long fd = syscall(SYS_openat2, root_fd, path, &how, sizeof(how));
	if (fd < 0)
		return -errno;
	return (int)fd;
}

int sysfs_open_dir(int root_fd, const char *path, int *ret_fd)
{
	int fd = open_beneath(root_fd, path, O_RDONLY | O_DIRECTORY);
	if (fd < 0)
		return fd;
	*ret_fd = fd;
	return 0;
}

int sysfs_read_bytes(int dir_fd, const char *name, void *buf, size_t size,
		     size_t *ret_len)
{
	_cleanup_close_ int fd = open_beneath(dir_fd, name,
					      O_RDONLY | O_NONBLOCK);
	if (fd < 0)
		return fd;

	size_t len = 0;
	for (;;) {
		char extra;
		bool full = len == size;
		ssize_t n = full ? read(fd, &extra, 1)
				 : read(fd, (char *)buf + len, size - len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		if (full)
			return -EMSGSIZE;
		len += (size_t)n;
	}
	*ret_len = len;
	return 0;
}

int sysfs_read_text(int dir_fd, const char *name, char *buf, size_t size)
{
	size_t len = 0;
	int r = sysfs_read_bytes(dir_fd, name, buf, size - 1, &len);
	if (r < 0)
		return r;

	/* Exactly one newline is sysfs's own; any other belongs to the value */
	if (len > 0 && buf[len - 1] == '\n')
		len--;
	buf[len] = '\0';
	if (memchr(buf, '\0', len))
		return -EILSEQ;
	return 0;
}

int sysfs_read_number(int dir_fd, const char *name, int base,
		      uint64_t *ret_value)
{
	char text[32];
	int r = sysfs_read_text(dir_fd, name, text, sizeof(text));
	if (r < 0)
		return r;

	char *end;
	errno = 0;
	unsigned long long value = strtoull(text, &end, base);
	if (errno || end == text || *end != '\0' || text[0] == '-')
		return -EINVAL;
	*ret_value = value;
	return 0;
}

/* A number without sign or blanks, up to what a device number can be. */
static bool parse_part(const char *text, uint32_t *ret_value,
		       const char **ret_end)
{
	char *end;

	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	unsigned long value = strtoul(text, &end, 10);
	if (errno || value > UINT32_MAX)
		return false;
	*ret_value = (uint32_t)value;
	*ret_end = end;
	return true;
}

int sysfs_parse_devnum(const char *text, uint32_t *ret_major,
		       uint32_t *ret_minor, const char **ret_end)
{
	uint32_t major, minor;
	const char *end;

	if (!parse_part(text, &major, &end) || *end != ':' ||
	    !parse_part(end + 1, &minor, &end))
		return -EINVAL;
	*ret_major = major;
	*ret_minor = minor;
	*ret_end = end;
	return 0;
}

int sysfs_read_devnum(int dir_fd, const char *name, uint32_t *ret_major,
		      uint32_t *ret_minor)
{
	char text[32];
	uint32_t major, minor;
	const char *end;

	int r = sysfs_read_text(dir_fd, name, text, sizeof(text));
	if (r < 0)
		return r;
	r = sysfs_parse_devnum(text, &major, &minor, &end);
	if (r < 0 || *end != '\0')
		return -EINVAL;
	*ret_major = major;
	*ret_minor = minor;
	return 0;
}

int sysfs_devpath_of(int root_fd, const char *link, char *ret_path)
{
	char target[SYSFS_PATH_MAX + 64];
	ssize_t n = readlinkat(root_fd, link, target, sizeof(target) - 1);
	if (n < 0)
		return -errno;
	if ((size_t)n == sizeof(target) - 1)
		return -ENAMETOOLONG;
	target[n] = '\0';

	/* Every device link of sysfs reads "../../…/devices/…" */
	const char *path = target;
	while (strncmp(path, "../", 3) == 0)
		path += 3;
	if (strncmp(path, "devices/", 8) != 0 || strstr(path, "/../"))
		return -EINVAL;
	if (strlen(path) + 2 > SYSFS_PATH_MAX)
		return -ENAMETOOLONG;
	ret_path[0] = '/';
	memcpy(ret_path + 1, path, strlen(path) + 1);
	return 0;
}

bool sysfs_parent(char *devpath)
{
	char *slash = strrchr(devpath, '/');
	if (!slash || slash == devpath)
		return false;
	*slash = '\0';
	return true;
}

const char *sysfs_basename(const char *devpath)
{
	const char *slash = strrchr(devpath, '/');
	return slash ? slash + 1 : devpath;
}

int sysfs_each(int root_fd, const char *path, sysfs_entry_fn fn, void *userdata)
{
	_cleanup_close_ int fd = -1;
	int r = sysfs_open_dir(root_fd, path, &fd);
	if (r < 0)
		return r;

	_cleanup_closedir_ DIR *dir = fdopendir(fd);
	if (!dir)
		return -errno;
	TAKE_FD(fd);

	for (int i = 0; i < SYSFS_ENTRIES_MAX; i++) {
		errno = 0;
		const struct dirent *entry = readdir(dir);
		if (!entry)
			return -errno;
		if (strcmp(entry->d_name, ".") == 0 ||
		    strcmp(entry->d_name, "..") == 0)
			continue;
		r = fn(entry->d_name, userdata);
		if (r != 0)
			return r;
	}
	return -E2BIG;
}
