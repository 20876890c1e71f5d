/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opened by openat2(2) below the mount point: people put links on media, and
 * the daemon may read everything. EVP fails for want of memory only.
 */
#include "agent/daemon/files_hash.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "agent/base/cleanup.h"
#include "agent/base/clock.h"
#include "policy/mynumber.h"

#define READ_BYTES   ((size_t)256 * 1024)
#define RESTARTS_MAX 5

struct hash {
	EVP_MD_CTX *digest;
	struct mynumber numbers;
	uint64_t offset; /* hashed so far; 0: not begun */
	struct stat begun;
	unsigned int restarts;
	unsigned char buffer[READ_BYTES];
};

int hash_new(struct hash **ret_hash)
{
	struct hash *hash = calloc(1, sizeof(*hash));

	if (!hash)
		return -ENOMEM;
	hash->digest = EVP_MD_CTX_new();
	if (!hash->digest) {
		free(hash);
		return -ENOMEM;
	}
	*ret_hash = hash;
	return 0;
}

struct hash *hash_free(struct hash *hash)
{
	if (!hash)
		return NULL;
	EVP_MD_CTX_free(hash->digest);
	explicit_bzero(hash, sizeof(*hash)); /* of residents' files */
	free(hash);
	return NULL;
}

void hash_reset(struct hash *hash)
{
	hash->offset = 0;
	hash->restarts = 0;
	hash->numbers = (struct mynumber){0};
}

static int open_file(const struct hash_file *file, int *ret_fd)
{
	const struct open_how how = {
		.flags = O_RDONLY | O_NONBLOCK | O_NOCTTY | O_NOATIME |
			 O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS |
			   RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV,
	};
	_cleanup_close_ int point = open(file->point,
					 O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (point < 0)
		return -errno;
	long fd = syscall(SYS_openat2, point, file->path, &how, sizeof(how));
	if (fd < 0)
		return -errno;
	*ret_fd = (int)fd;
	return 0;
}

static bool is_same_time(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

static bool is_unchanged(const struct stat *a, const struct stat *b)
{
	return a->st_ino == b->st_ino && a->st_size == b->st_size &&
	       is_same_time(&a->st_mtim, &b->st_mtim) &&
	       is_same_time(&a->st_ctim, &b->st_ctim);
}

/* File systems without inode numbers of their own (vfat) give a file another
 * one once it has left the cache: then its size must speak for it. */
static bool is_file(const struct hash_file *file, const struct stat *st)
{
	return S_ISREG(st->st_mode) &&
	       (st->st_ino == file->inode ||
		(uint64_t)st->st_size == file->size_bytes);
}

static int begin(struct hash *hash, const struct stat *st)
{
	if (EVP_DigestInit_ex(hash->digest, EVP_sha256(), NULL) != 1)
		return -ENOMEM;
	hash->numbers = (struct mynumber){0};
	hash->offset = 0;
	hash->begun = *st;
	return 0;
}

/* 0 at the end of the file, or a hash_outcome, or -errno. */
static int read_on(struct hash *hash, const struct hash_file *file, int fd)
{
	uint64_t mono_end_ns = clock_mono_ns() + HASH_HOLD_NS;

	while (!file->should_stop(file->userdata)) {
		ssize_t n = pread(fd, hash->buffer, sizeof(hash->buffer),
				  (off_t)hash->offset);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return 0;
		if (EVP_DigestUpdate(hash->digest, hash->buffer, (size_t)n) !=
		    1)
			return -ENOMEM;
		mynumber_feed(&hash->numbers, hash->buffer, (size_t)n);
		hash->offset += (uint64_t)n;
		if (clock_mono_ns() >= mono_end_ns)
			return HASH_MORE;
	}
	return HASH_STOPPED;
}

static int finish(struct hash *hash, char ret_hex[DIGEST_HEX_SIZE])
{
	unsigned char sum[EVP_MAX_MD_SIZE];
	unsigned int size = 0;

	if (EVP_DigestFinal_ex(hash->digest, sum, &size) != 1)
		return -ENOMEM;
	for (unsigned int i = 0; i < size; i++)
		(void)snprintf(ret_hex + 2 * (size_t)i, 3, "%02x", sum[i]);
	return 0;
}

int hash_slice(struct hash *hash, const struct hash_file *file,
	       char ret_hex[DIGEST_HEX_SIZE], uint64_t *ret_size)
{
	_cleanup_close_ int fd = -1;
	struct stat st;
	int r = open_file(file, &fd);

	if (r < 0)
		return r;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!is_file(file, &st))
		return HASH_OTHER;
	bool has_changed = hash->offset > 0 && !is_unchanged(&hash->begun, &st);
	if (has_changed && ++hash->restarts >= RESTARTS_MAX)
		return HASH_CHANGING;
	if (hash->offset == 0 || has_changed) {
		r = begin(hash, &st);
		if (r < 0)
			return r;
	}
	r = read_on(hash, file, fd);
	if (r != 0)
		return r;
	uint64_t size_bytes = hash->offset;
	hash->offset = 0;
	/* Written while it was read: what was hashed never was the file */
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!is_unchanged(&hash->begun, &st))
		return ++hash->restarts < RESTARTS_MAX ? HASH_MORE
						       : HASH_CHANGING;
	mynumber_end(&hash->numbers);
	r = finish(hash, ret_hex);
	if (r == 0)
		*ret_size = size_bytes;
	return r;
}

uint64_t hash_mynumbers(const struct hash *hash)
{
	return hash->numbers.count;
}
