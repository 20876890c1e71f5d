/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whole segments in memory, since they are small. Unpacking trusts nothing: the
 * size is bounded before and while it is done.
 */
#include "agent/spool/pack.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <zstd.h>

#include "agent/base/cleanup.h"
#include "agent/base/fd.h"
#include "agent/spool/directory.h"
#include "agent/wire/segment.h"

#include "agent/base/banned.h"

/* Level 1: 92 bytes of 645, a few ms a segment; 3 gains 3 per cent. */
#define PACK_LEVEL 1
#define EDGES	   ((uint64_t)SEGMENT_HEADER_SIZE + SEGMENT_FOOTER_SIZE)

static int read_all(int fd, uint64_t limit, uint8_t **ret_data,
		    size_t *ret_size)
{
	struct stat status;

	if (fstat(fd, &status) < 0)
		return -errno;
	if (!S_ISREG(status.st_mode) || (uint64_t)status.st_size < EDGES ||
	    (uint64_t)status.st_size > limit)
		return -EBADMSG;
	_cleanup_free_ uint8_t *data = malloc((size_t)status.st_size);
	if (!data)
		return -ENOMEM;
	int r = pread_full(fd, data, (size_t)status.st_size, 0, ret_size);
	if (r < 0)
		return r;
	if (*ret_size != (size_t)status.st_size)
		return -EBADMSG;
	*ret_data = TAKE_PTR(data);
	return 0;
}

/* ---- packing ---- */

/* Where the frames end, if they are all there and sound; 0 otherwise. */
static size_t frames_end(const uint8_t *data, size_t size,
			 const struct segment_footer *footer)
{
	struct frame frame;
	size_t at = SEGMENT_HEADER_SIZE;
	size_t frame_bytes = 0;

	for (uint64_t i = 0; i < footer->count; i++) {
		if (frame_decode(data + at, size - SEGMENT_FOOTER_SIZE - at,
				 &frame, &frame_bytes) != 0)
			return 0;
		at += frame_bytes;
	}
	return at;
}

static int write_packed(int spool_fd, const struct spool_ops *ops,
			const uint8_t *data, size_t size, int like_fd)
{
	struct stat status;

	_cleanup_close_ int fd = open_below(spool_fd, PACK_NAME,
					    O_WRONLY | O_CREAT | O_TRUNC, 0600);
	if (fd < 0)
		return fd;
	if (fstat(like_fd, &status) < 0)
		return -errno;
	int r = ops->write(fd, data, size, 0);
	if (r < 0)
		return r;
	/* Without the right to, the creator's group stays. */
	(void)!fchown(fd, (uid_t)-1, status.st_gid);
	if (fchmod(fd, status.st_mode & 07777) < 0)
		return -errno;
	return ops->sync_data(fd);
}

/* The packed form of a plain segment. 0, PACK_NOT or -errno. */
static int pack(const uint8_t *data, size_t size, uint8_t **ret_packed,
		size_t *ret_size)
{
	struct segment_header header;
	struct segment_footer footer;
	const uint8_t *end = data + size - SEGMENT_FOOTER_SIZE;

	if (segment_header_decode(data, size, &header) != 0 ||
	    header.frames_bytes != 0 ||
	    segment_footer_decode(end, SEGMENT_FOOTER_SIZE, &footer) != 0)
		return PACK_NOT;
	size_t frames = frames_end(data, size, &footer);
	if (frames <= SEGMENT_HEADER_SIZE)
		return PACK_NOT;
	frames -= SEGMENT_HEADER_SIZE;

	_cleanup_free_ uint8_t *packed = malloc(size);
	if (!packed)
		return -ENOMEM;
	header.frames_bytes = frames;
	segment_header_encode(&header, packed);
	size_t n = ZSTD_compress(packed + SEGMENT_HEADER_SIZE, size - EDGES,
				 data + SEGMENT_HEADER_SIZE, frames,
				 PACK_LEVEL);
	if (ZSTD_isError(n))
		return PACK_NOT; /* it would not shrink */
	memcpy(packed + SEGMENT_HEADER_SIZE + n, end, SEGMENT_FOOTER_SIZE);
	*ret_packed = TAKE_PTR(packed);
	*ret_size = EDGES + n;
	return 0;
}

int segment_pack(int spool_fd, const struct spool_ops *ops, uint64_t first_seq,
		 uint64_t *ret_bytes)
{
	_cleanup_free_ uint8_t *data = NULL;
	_cleanup_free_ uint8_t *packed = NULL;
	char name[SEGMENT_NAME_SIZE];
	size_t size = 0;
	size_t packed_size = 0;

	segment_name(first_seq, name);
	_cleanup_close_ int fd = open_below(spool_fd, name, O_RDONLY, 0);
	if (fd < 0)
		return fd;
	int r = read_all(fd, PACK_SEGMENT_BYTES_MAX, &data, &size);
	if (r == -EBADMSG)
		return PACK_NOT;
	if (r == 0)
		r = pack(data, size, &packed, &packed_size);
	if (r != 0)
		return r;

	r = write_packed(spool_fd, ops, packed, packed_size, fd);
	if (r == 0)
		r = ops->rename(spool_fd, PACK_NAME, name);
	if (r < 0) {
		/* Half of it only takes room from others. */
		(void)ops->unlink(spool_fd, PACK_NAME);
		return r;
	}
	*ret_bytes = packed_size;
	return ops->sync_directory(spool_fd);
}

/* ---- unpacking ---- */

/* Frames of exactly header->frames_bytes, or -EBADMSG. */
static int unpack(const uint8_t *data, size_t size,
		  const struct segment_header *header, uint8_t **ret_plain)
{
	struct segment_header plain_header = *header;
	size_t frames = (size_t)header->frames_bytes;

	if (header->frames_bytes > PACK_SEGMENT_BYTES_MAX)
		return -EBADMSG;
	_cleanup_free_ uint8_t *plain = malloc(frames + EDGES);
	if (!plain)
		return -ENOMEM;
	plain_header.frames_bytes = 0;
	segment_header_encode(&plain_header, plain);
	size_t n = ZSTD_decompress(plain + SEGMENT_HEADER_SIZE, frames,
				   data + SEGMENT_HEADER_SIZE, size - EDGES);
	if (ZSTD_isError(n) || n != frames)
		return -EBADMSG;
	memcpy(plain + SEGMENT_HEADER_SIZE + frames,
	       data + size - SEGMENT_FOOTER_SIZE, SEGMENT_FOOTER_SIZE);
	*ret_plain = TAKE_PTR(plain);
	return 0;
}

static int open_unpacked(int packed_fd, const struct segment_header *header)
{
	_cleanup_free_ uint8_t *data = NULL;
	_cleanup_free_ uint8_t *plain = NULL;
	size_t size = 0;

	int r = read_all(packed_fd, PACK_SEGMENT_BYTES_MAX, &data, &size);
	if (r == 0)
		r = unpack(data, size, header, &plain);
	if (r < 0)
		return r;
	_cleanup_close_ int fd = memfd_create("segment", MFD_CLOEXEC);
	if (fd < 0)
		return -errno;
	r = pwrite_full(fd, plain, (size_t)header->frames_bytes + EDGES, 0);
	return r < 0 ? r : TAKE_FD(fd);
}

int segment_open(int spool_fd, uint64_t first_seq)
{
	uint8_t data[SEGMENT_HEADER_SIZE];
	struct segment_header header;
	char name[SEGMENT_NAME_SIZE];
	size_t size = 0;

	segment_name(first_seq, name);
	_cleanup_close_ int fd = open_below(spool_fd, name,
					    O_RDONLY | O_NONBLOCK, 0);
	if (fd < 0)
		return fd;
	int r = pread_full(fd, data, sizeof(data), 0, &size);
	if (r < 0)
		return r;
	/* What is wrong with a header is for the caller to see. */
	if (segment_header_decode(data, size, &header) != 0 ||
	    header.frames_bytes == 0)
		return TAKE_FD(fd);
	return open_unpacked(fd, &header);
}
