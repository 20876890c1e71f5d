/* SPDX-License-Identifier: Apache-2.0 */
/*
 * File descriptors and small files. Every path is relative to a directory
 * descriptor, every descriptor is O_CLOEXEC, and the last component is never
 * a symbolic link that somebody put there. Calls are retried on EINTR.
 */
#pragma once

#include <dirent.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * Opens `path` below `dirfd` (AT_FDCWD is allowed for absolute paths given by
 * the administrator) with O_CLOEXEC|O_NOFOLLOW added to the flags. Returns the
 * descriptor or -errno; -ELOOP means a symbolic link was refused.
 */
int open_below(int dirfd, const char *path, int flags, mode_t mode)
	__attribute__((nonnull, warn_unused_result));

/*
 * Opens the folder `path` below `dirfd` for readdir(3), with a descriptor and
 * position of its own ("." lists `dirfd` itself). The caller closes *ret_dir
 * (_cleanup_closedir_). Returns 0 or -errno as open_below does.
 */
int open_dir_below(int dirfd, const char *path, DIR **ret_dir)
	__attribute__((nonnull, warn_unused_result));

/*
 * Reads until `size` bytes or the end of the file. *ret_size says how many
 * there were. Returns 0 or -errno.
 */
int read_full(int fd, void *buffer, size_t size, size_t *ret_size)
	__attribute__((nonnull, warn_unused_result));

/* As read_full, from an offset, without moving the file position. */
int pread_full(int fd, void *buffer, size_t size, uint64_t offset,
	       size_t *ret_size) __attribute__((nonnull, warn_unused_result));

/* Writes all of it or fails with -errno; a part may have been written. */
int write_full(int fd, const void *data, size_t size)
	__attribute__((nonnull, warn_unused_result));

/* As write_full, to an offset. */
int pwrite_full(int fd, const void *data, size_t size, uint64_t offset)
	__attribute__((nonnull, warn_unused_result));

/*
 * Reads a whole regular, sysfs or proc file of at most `limit` bytes into
 * malloc'ed memory with a NUL behind it. Returns 0, -EFBIG over the limit, or
 * -errno. The outputs are unchanged on failure.
 */
int read_small_file(int dirfd, const char *path, size_t limit, char **ret_data,
		    size_t *ret_size)
	__attribute__((nonnull(2, 4), warn_unused_result));

/*
 * Reads a one-line file (sysfs attribute) into the caller's buffer of `size`
 * bytes, cuts one trailing newline and adds a NUL. Returns 0, -EFBIG when it
 * does not fit, or -errno.
 */
int read_line_file(int dirfd, const char *path, char *ret_text, size_t size)
	__attribute__((nonnull, warn_unused_result));

/*
 * Writes a string to an existing file in one write(2), as sysfs wants it.
 * Does not create or truncate. Returns 0 or -errno.
 */
int write_text_file(int dirfd, const char *path, const char *text)
	__attribute__((nonnull, warn_unused_result));

/*
 * Replaces `name` below `dirfd` so that after a crash there is either the old
 * or the new content: temporary file, fsync, rename, fsync of the directory.
 * `name` must have no slash and at most WRITE_ATOMIC_NAME_MAX characters. The
 * mode is exact, whatever the umask. Returns 0 or -errno; the old content
 * stands on failure.
 */
#define WRITE_ATOMIC_NAME_MAX 200
int write_atomic(int dirfd, const char *name, const void *data, size_t size,
		 mode_t mode) __attribute__((nonnull, warn_unused_result));
