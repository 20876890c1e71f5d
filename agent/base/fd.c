/* SPDX-License-Identifier: Apache-2.0 */
/* Thin, EINTR-safe wrappers; no policy, no logging. */
#include "agent/base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/base/cleanup.h"

#include "agent/base/banned.h"

int open_below(int dirfd, const char *path, int flags, mode_t mode)
{
	for (;;) {
		int fd = openat(dirfd, path, flags | O_CLOEXEC | O_NOFOLLOW,
				mode);
		if (fd >= 0)
			return fd;
		if (errno != EINTR)
			return -errno;
	}
}

int open_dir_below(int dirfd, const char *path, DIR **ret_dir)
{
	_cleanup_close_ int fd = open_below(dirfd, path, O_RDONLY | O_DIRECTORY,
					    0);

	if (fd < 0)
		return fd;
	DIR *dir = fdopendir(fd);
	if (!dir)
		return -errno;
	(void)TAKE_FD(fd); /* closedir() closes it */
	*ret_dir = dir;
	return 0;
}

int read_full(int fd, void *buffer, size_t size, size_t *ret_size)
{
	size_t done = 0;

	while (done < size) {
		ssize_t n = read(fd, (char *)buffer + done, size - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		done += (size_t)n;
	}
	*ret_size = done;
	return 0;
}

int pread_full(int fd, void *buffer, size_t size, uint64_t offset,
	       size_t *ret_size)
{
	size_t done = 0;

	while (done < size) {
		ssize_t n = pread(fd, (char *)buffer + done, size - done,
				  (off_t)(offset + done));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		done += (size_t)n;
	}
	*ret_size = done;
	return 0;
}

int write_full(int fd, const void *data, size_t size)
{
	size_t done = 0;

	while (done < size) {
		ssize_t n = write(fd, (const char *)data + done, size - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		done += (size_t)n;
	}
	return 0;
}

int pwrite_full(int fd, const void *data, size_t size, uint64_t offset)
{
	size_t done = 0;

	while (done < size) {
		ssize_t n = pwrite(fd, (const char *)data + done, size - done,
				   (off_t)(offset + done));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		done += (size_t)n;
	}
	return 0;
}

int read_small_file(int dirfd, const char *path, size_t limit, char **ret_data,
		    size_t *ret_size)
{
	_cleanup_close_ int fd = open_below(dirfd, path, O_RDONLY, 0);
	if (fd < 0)
		return fd;

	/* One byte over the limit tells "exactly full" from "too long". */
	_cleanup_free_ char *data = malloc(limit + 1);
	if (!data)
		return -ENOMEM;

	size_t size = 0;
	int r = read_full(fd, data, limit + 1, &size);
	if (r < 0)
		return r;
	if (size > limit)
		return -EFBIG;

	data[size] = '\0';
	*ret_data = TAKE_PTR(data);
	if (ret_size)
		*ret_size = size;
	return 0;
}

int read_line_file(int dirfd, const char *path, char *ret_text, size_t size)
{
	_cleanup_close_ int fd = open_below(dirfd, path, O_RDONLY, 0);
	if (fd < 0)
		return fd;

	size_t used = 0;
	int r = read_full(fd, ret_text, size, &used);
	if (r < 0)
		return r;
	if (used > 0 && ret_text[used - 1] == '\n')
		used--;
	if (used >= size)
		return -EFBIG;

	ret_text[used] = '\0';
	return 0;
}

int write_text_file(int dirfd, const char *path, const char *text)
{
	_cleanup_close_ int fd = open_below(dirfd, path, O_WRONLY, 0);
	if (fd < 0)
		return fd;

	size_t length = strlen(text);
	ssize_t n;
	do {
		n = write(fd, text, length);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	return (size_t)n == length ? 0 : -EIO;
}

/* The temporary file, complete and on the medium. */
static int write_synced(int dirfd, const char *name, const void *data,
			size_t size, mode_t mode)
{
	_cleanup_close_ int fd = open_below(dirfd, name,
					    O_WRONLY | O_CREAT | O_TRUNC, mode);
	if (fd < 0)
		return fd;
	if (fchmod(fd, mode) < 0)
		return -errno;

	int r = write_full(fd, data, size);
	if (r < 0)
		return r;
	return fsync(fd) < 0 ? -errno : 0;
}

int write_atomic(int dirfd, const char *name, const void *data, size_t size,
		 mode_t mode)
{
	char temporary[WRITE_ATOMIC_NAME_MAX + sizeof(".new")];

	if (strlen(name) > WRITE_ATOMIC_NAME_MAX || strchr(name, '/'))
		return -EINVAL;
	(void)snprintf(temporary, sizeof(temporary), "%s.new", name);

	int r = write_synced(dirfd, temporary, data, size, mode);
	if (r == 0 && renameat(dirfd, temporary, dirfd, name) < 0)
		r = -errno;
	if (r < 0) {
		/* Best effort: a left-over is overwritten next time. */
		(void)unlinkat(dirfd, temporary, 0);
		return r;
	}

	/* The rename itself must survive a power cut. */
	_cleanup_close_ int directory = open_below(dirfd, ".",
						   O_RDONLY | O_DIRECTORY, 0);
	if (directory < 0)
		return directory;
	return fsync(directory) < 0 ? -errno : 0;
}
