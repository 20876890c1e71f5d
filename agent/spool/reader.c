/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Follows the segments by name. The open file stays readable after the writer
 * unlinked it; a segment that is gone before it was opened is a gap. Frames are
 * read through a window of one large read, never mapped: a file that shrinks
 * must not become a signal.
 */
#include "agent/spool/reader.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/base/cleanup.h"
#include "agent/base/fd.h"
#include "agent/spool/directory.h"
#include "agent/spool/pack.h"
#include "agent/wire/endian.h"

#include "agent/base/banned.h"

#define WINDOW_SIZE ((size_t)2 * FRAME_SIZE_MAX)

struct spool_reader {
	int dirfd;
	int fd; /* of the current segment, -1 before the first */
	struct segment_header header;
	uint64_t next_seq;
	uint8_t tip[FRAME_HASH_SIZE];
	uint64_t offset; /* of the next frame in the file */

	uint8_t *window; /* WINDOW_SIZE bytes */
	uint64_t window_offset;
	size_t window_size;

	uint64_t gap_first;
	uint64_t gap_last;
};

const char *spool_read_outcome_to_str(int outcome)
{
	switch (outcome) {
	case 0:
		return "frame";
	case SPOOL_READ_END:
		return "end";
	case SPOOL_READ_GAP:
		return "gap";
	case SPOOL_READ_CORRUPT:
		return "corrupt";
	case SPOOL_READ_RESET:
		return "reset";
	default:
		return "error";
	}
}

struct spool_reader *spool_reader_free(struct spool_reader *reader)
{
	if (!reader)
		return NULL;

	cleanup_close(&reader->fd);
	cleanup_close(&reader->dirfd);
	free(reader->window);
	free(reader);
	return NULL;
}

DEFINE_CLEANUP(reader, struct spool_reader *, spool_reader_free);

int spool_reader_new(int dirfd, struct spool_reader **ret_reader)
{
	_cleanup_(cleanup_reader) struct spool_reader *reader =
		calloc(1, sizeof(*reader));
	if (!reader)
		return -ENOMEM;
	reader->dirfd = reader->fd = -1;

	reader->window = malloc(WINDOW_SIZE);
	if (!reader->window)
		return -ENOMEM;
	reader->dirfd = open_below(dirfd, ".", O_RDONLY | O_DIRECTORY, 0);
	if (reader->dirfd < 0)
		return reader->dirfd;

	*ret_reader = TAKE_PTR(reader);
	return 0;
}

const struct segment_header *spool_reader_header(
	const struct spool_reader *reader)
{
	return reader->fd >= 0 ? &reader->header : NULL;
}

void spool_reader_gap(const struct spool_reader *reader, uint64_t *ret_first,
		      uint64_t *ret_last)
{
	*ret_first = reader->gap_first;
	*ret_last = reader->gap_last;
}

/*
 * Opens a segment at its first frame, taking the chain from its header. 0,
 * SPOOL_READ_CORRUPT, or -errno; the position is unchanged unless 0.
 */
static int enter(struct spool_reader *reader, uint64_t first_seq)
{
	uint8_t data[SEGMENT_HEADER_SIZE];
	struct segment_header header;
	size_t size = 0;

	_cleanup_close_ int fd = segment_open(reader->dirfd, first_seq);
	if (fd < 0)
		return fd == -EBADMSG ? SPOOL_READ_CORRUPT : fd;

	int r = pread_full(fd, data, sizeof(data), 0, &size);
	if (r < 0)
		return r;
	if (segment_header_decode(data, size, &header) != 0 ||
	    header.first_seq != first_seq)
		return SPOOL_READ_CORRUPT;

	cleanup_close(&reader->fd);
	reader->fd = TAKE_FD(fd);
	reader->header = header;
	reader->next_seq = first_seq;
	reader->offset = SEGMENT_HEADER_SIZE;
	reader->window_size = 0;
	memcpy(reader->tip, header.prev, FRAME_HASH_SIZE);
	return 0;
}

/* Fills the window from the current offset. */
static int refill(struct spool_reader *reader)
{
	size_t size = 0;
	int r = pread_full(reader->fd, reader->window, WINDOW_SIZE,
			   reader->offset, &size);
	if (r < 0)
		return r;
	reader->window_offset = reader->offset;
	reader->window_size = size;
	return 0;
}

/* FRAME_END also where the file ends, or where a closed segment's footer is. */
static int decode(const struct spool_reader *reader, struct frame *ret_frame,
		  size_t *ret_size)
{
	uint64_t end = reader->window_offset + reader->window_size;

	if (reader->offset < reader->window_offset || reader->offset >= end)
		return FRAME_END;

	const uint8_t *at = reader->window +
			    (reader->offset - reader->window_offset);
	size_t size = (size_t)(end - reader->offset);
	size_t zeros = 0;

	/* Between the last frame and the footer there may be any few. */
	while (zeros < size && zeros < FRAME_HEADER_SIZE && at[zeros] == 0)
		zeros++;
	if (size - zeros >= 4 && get_le32(at + zeros) == SEGMENT_FOOTER_MAGIC)
		return FRAME_END;
	return frame_decode(at, size, ret_frame, ret_size);
}

/*
 * The frame at the offset: 0, an enum frame_outcome, or -errno. Anything but a
 * frame may be an old view of what was written since, so it is read anew once.
 */
static int peek(struct spool_reader *reader, struct frame *ret_frame,
		size_t *ret_size)
{
	if (decode(reader, ret_frame, ret_size) == 0)
		return 0;

	int r = refill(reader);
	return r < 0 ? r : decode(reader, ret_frame, ret_size);
}

/* Stands before `seq`, the oldest there is; remembers what lies between. */
static int leap(struct spool_reader *reader, uint64_t wanted, uint64_t seq)
{
	int r = enter(reader, seq);
	if (r != 0)
		return r;

	reader->gap_first = wanted;
	reader->gap_last = seq - 1;
	return SPOOL_READ_GAP;
}

/* Where the current segment's frames have ended: what comes now? */
static int next_segment(struct spool_reader *reader)
{
	const struct segment_header before = reader->header;
	uint64_t wanted = reader->next_seq;
	uint8_t tip[FRAME_HASH_SIZE];

	memcpy(tip, reader->tip, FRAME_HASH_SIZE);
	if (wanted == before.first_seq)
		return SPOOL_READ_END; /* still empty; it has this name */

	int r = enter(reader, wanted);
	if (r == 0) {
		if (memcmp(reader->header.stream, before.stream,
			   FRAME_ID_SIZE) != 0)
			return SPOOL_READ_RESET;
		return memcmp(reader->tip, tip, FRAME_HASH_SIZE) == 0
			       ? 0
			       : SPOOL_READ_CORRUPT;
	}
	if (r != -ENOENT)
		return r;

	/* Not there: not yet made, or already gone. */
	_cleanup_free_ uint64_t *first_seqs = NULL;
	size_t count = 0;
	r = segment_list(reader->dirfd, &first_seqs, &count);
	if (r < 0)
		return r;
	for (size_t i = 0; i < count; i++)
		if (first_seqs[i] > wanted)
			return leap(reader, wanted, first_seqs[i]);
	return SPOOL_READ_END;
}

/* Passes one frame. */
static int step(struct spool_reader *reader, const struct frame *frame,
		size_t size)
{
	if (frame->seq != reader->next_seq ||
	    memcmp(frame->prev, reader->tip, FRAME_HASH_SIZE) != 0)
		return SPOOL_READ_CORRUPT;

	int r = frame_hash(frame, reader->tip);
	if (r < 0)
		return r;
	reader->next_seq++;
	reader->offset += size;
	return 0;
}

int spool_reader_next(struct spool_reader *reader, uint64_t max_seq,
		      struct spool_item *ret_item)
{
	struct frame frame;
	size_t size = 0;

	if (reader->fd < 0)
		return -EBADF;
	if (reader->next_seq > max_seq)
		return SPOOL_READ_END;

	int r = peek(reader, &frame, &size);
	if (r == FRAME_END) {
		r = next_segment(reader);
		if (r != 0)
			return r;
		r = peek(reader, &frame, &size);
	}
	if (r < 0)
		return r;
	if (r > 0)
		return r == FRAME_END ? SPOOL_READ_END : SPOOL_READ_CORRUPT;

	r = step(reader, &frame, size);
	if (r != 0)
		return r;
	ret_item->frame = frame;
	memcpy(ret_item->hash, reader->tip, FRAME_HASH_SIZE);
	return 0;
}

int spool_reader_skip(struct spool_reader *reader)
{
	_cleanup_free_ uint64_t *first_seqs = NULL;
	uint64_t wanted = reader->next_seq;
	size_t count = 0;

	int r = segment_list(reader->dirfd, &first_seqs, &count);
	if (r < 0)
		return r;
	for (size_t i = 0; i < count; i++)
		if (first_seqs[i] > wanted)
			return leap(reader, wanted, first_seqs[i]);
	return SPOOL_READ_END;
}

/* Reads on to `seq` within and across segments. */
static int advance(struct spool_reader *reader, uint64_t seq)
{
	struct spool_item item;

	while (reader->next_seq < seq) {
		int r = spool_reader_next(reader, seq - 1, &item);
		if (r != 0)
			return r;
	}
	return 0;
}

int spool_reader_seek(struct spool_reader *reader, uint64_t seq)
{
	_cleanup_free_ uint64_t *first_seqs = NULL;
	size_t count = 0;
	size_t at = 0;

	int r = segment_list(reader->dirfd, &first_seqs, &count);
	if (r < 0)
		return r;
	if (count == 0)
		return -ENOENT;

	while (at + 1 < count && first_seqs[at + 1] <= seq)
		at++;
	if (seq > 0 && first_seqs[at] > seq)
		return leap(reader, seq, first_seqs[at]);
	r = enter(reader, first_seqs[at]);
	if (r != 0 || seq == 0)
		return r;
	return advance(reader, seq);
}
