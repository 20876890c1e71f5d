/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opening after a clean stop, a crash or worse. The last segment is read frame
 * by frame; its end is where the chain stops. What lies behind was never
 * acknowledged and is zeroed, so that it cannot look like a frame later. If
 * something durable is missing, its numbers must not be given out a second
 * time: then the directory's content is set aside and a new stream begins.
 */
#include "agent/spool/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "agent/base/cleanup.h"
#include "agent/base/fd.h"
#include "agent/spool/aside.h"
#include "agent/spool/pack.h"
#include "agent/spool/tail.h"

#include "agent/base/banned.h"

/* The highest sequence known to have been durable in a stream. */
static uint64_t known_seq(const struct spool_config *config,
			  const uint8_t stream[FRAME_ID_SIZE])
{
	char text[SPOOL_TAIL_SIZE];
	struct spool_tail tail;
	size_t size = 0;
	uint64_t seq = 0;

	if (memcmp(config->known_stream, stream, FRAME_ID_SIZE) == 0)
		seq = config->known_seq;
	if (config->tail_fd >= 0 &&
	    pread_full(config->tail_fd, text, sizeof(text), 0, &size) == 0 &&
	    spool_tail_parse(text, size, &tail) == 0 &&
	    memcmp(tail.stream, stream, FRAME_ID_SIZE) == 0 && tail.seq > seq)
		seq = tail.seq;
	return seq;
}

/* The file's header, if it is the segment that its name says. */
static bool read_header(int fd, uint64_t first_seq,
			struct segment_header *ret_header)
{
	uint8_t data[SEGMENT_HEADER_SIZE];
	size_t size = 0;

	return pread_full(fd, data, sizeof(data), 0, &size) == 0 &&
	       segment_header_decode(data, size, ret_header) == 0 &&
	       ret_header->first_seq == first_seq && first_seq > 0;
}

/* The footer in the last bytes of a file of `file_size`. */
static bool read_footer(int fd, uint64_t file_size,
			struct segment_footer *ret_footer)
{
	uint8_t data[SEGMENT_FOOTER_SIZE];
	size_t size = 0;

	return file_size >= SEGMENT_HEADER_SIZE + SEGMENT_FOOTER_SIZE &&
	       pread_full(fd, data, sizeof(data), file_size - sizeof(data),
			  &size) == 0 &&
	       segment_footer_decode(data, size, ret_footer) == 0;
}

/* Follows the chain through a segment's bytes to its end. */
static int scan(const uint8_t *data, size_t size, struct recovered *result)
{
	struct frame frame;
	size_t frame_bytes;

	result->used = SEGMENT_HEADER_SIZE;
	memcpy(result->tip, result->header.prev, FRAME_HASH_SIZE);
	while (result->used < size &&
	       frame_decode(data + result->used, size - result->used, &frame,
			    &frame_bytes) == 0) {
		uint64_t expected = result->header.first_seq + result->count;

		if (frame.seq != expected ||
		    memcmp(frame.prev, result->tip, FRAME_HASH_SIZE) != 0)
			break;
		int r = frame_hash(&frame, result->tip);
		if (r < 0)
			return r;
		result->count++;
		result->used += frame_bytes;
	}
	return 0;
}

/* Zeroes what lies between the chain's end and `end`. */
static int cut_tail(struct spool *spool, const uint8_t *data, size_t end,
		    struct recovered *result)
{
	size_t last = end;

	while (last > result->used && data[last - 1] == 0)
		last--;
	if (last == result->used)
		return 0;

	result->cut_bytes = last - result->used;
	_cleanup_free_ uint8_t *zeros = calloc(1, result->cut_bytes);
	if (!zeros)
		return -ENOMEM;
	int r = spool->ops->write(result->fd, zeros, result->cut_bytes,
				  result->used);
	if (r < 0)
		return r;
	result->found = SPOOL_FOUND_TORN;
	return spool->ops->sync_data(result->fd);
}

/* An open segment that lost its end in size gets it back. */
static int restore_size(struct spool *spool, struct recovered *result)
{
	if (result->is_closed || result->size >= SPOOL_SEGMENT_BYTES_MIN)
		return 0;

	int r = spool->ops->allocate(result->fd, spool->segment_bytes);
	if (r < 0)
		return r;
	result->size = spool->segment_bytes;
	return spool->ops->sync_data(result->fd);
}

/* Whether the first segment begins at its stream's origin: 1, 0 or -ENOMEM. */
static int begins_at_origin(const struct segment_header *header)
{
	uint8_t origin[FRAME_HASH_SIZE];

	if (header->first_seq != 1)
		return 1;
	int r = frame_origin(header->stream, header->host_id, origin);
	if (r < 0)
		return r;
	return memcmp(origin, header->prev, FRAME_HASH_SIZE) == 0;
}

/*
 * The last one is closed and packed: what came behind it is gone. 0 with its
 * plain form in its place, 1 when it is corrupt, or -errno.
 */
static int open_packed(struct spool *spool, uint64_t first_seq,
		       struct recovered *result)
{
	struct stat status;
	int fd = segment_open(spool->dirfd, first_seq);

	if (fd == -EBADMSG) {
		result->found = SPOOL_FOUND_CORRUPT;
		return 1;
	}
	if (fd < 0)
		return fd;
	cleanup_close(&result->fd);
	result->fd = fd;
	if (fstat(fd, &status) < 0)
		return -errno;
	result->size = (uint64_t)status.st_size;
	result->header.frames_bytes = 0;
	return 0;
}

static int recover_last(struct spool *spool, const struct spool_config *config,
			uint64_t first_seq, struct recovered *result)
{
	struct segment_footer footer = {0};
	struct stat status;
	char name[SEGMENT_NAME_SIZE];

	segment_name(first_seq, name);
	result->fd = open_below(spool->dirfd, name, O_RDWR, 0);
	if (result->fd < 0)
		return result->fd;
	if (fstat(result->fd, &status) < 0)
		return -errno;

	result->size = (uint64_t)status.st_size;
	if (!S_ISREG(status.st_mode) ||
	    result->size > SPOOL_SEGMENT_BYTES_MAX ||
	    !read_header(result->fd, first_seq, &result->header)) {
		result->found = SPOOL_FOUND_CORRUPT;
		return 0;
	}
	if (result->header.frames_bytes > 0) {
		int r = open_packed(spool, first_seq, result);
		if (r != 0)
			return r < 0 ? r : 0;
	}
	int begins = begins_at_origin(&result->header);
	if (begins < 0)
		return begins;
	if (!begins) {
		result->found = SPOOL_FOUND_CORRUPT;
		return 0;
	}
	if (memcmp(result->header.host_id, config->host_id, FRAME_ID_SIZE) !=
	    0) {
		result->found = SPOOL_FOUND_FOREIGN;
		return 0;
	}

	_cleanup_free_ uint8_t *data = malloc(result->size + 1);
	size_t size = 0;
	if (!data)
		return -ENOMEM;
	int r = pread_full(result->fd, data, result->size, 0, &size);
	if (r == -EIO) {
		/* A dead sector must not keep the terminal from recording. */
		result->found = SPOOL_FOUND_CORRUPT;
		return 0;
	}
	if (r < 0)
		return r;
	result->is_closed = read_footer(result->fd, result->size, &footer);
	if (result->is_closed)
		size -= SEGMENT_FOOTER_SIZE;
	r = scan(data, size, result);
	if (r < 0)
		return r;

	uint64_t last_seq = first_seq + result->count - 1;
	if (last_seq < known_seq(config, result->header.stream) ||
	    (result->is_closed && footer.count != result->count)) {
		result->found = SPOOL_FOUND_ROLLED_BACK;
		return 0;
	}
	r = cut_tail(spool, data, size, result);
	return r < 0 ? r : restore_size(spool, result);
}

/* Notes the first hole between two neighbours of the table. */
static void note_gap(struct spool_opening *opening, uint64_t expected,
		     uint64_t found)
{
	if (opening->gap_first || expected == found)
		return;
	opening->gap_first = expected;
	opening->gap_last = found > expected ? found - 1 : expected;
}

/* The closed segments, from their headers and footers alone. */
static int load_closed(struct spool *spool, const uint64_t *first_seqs,
		       size_t count, struct spool_opening *opening)
{
	uint64_t expected = 0;

	for (size_t i = 0; i + 1 < count; i++) {
		struct segment_header header = {0};
		struct segment_footer footer = {0};
		struct stat status;
		char name[SEGMENT_NAME_SIZE];

		segment_name(first_seqs[i], name);
		_cleanup_close_ int fd = open_below(spool->dirfd, name,
						    O_RDONLY, 0);
		if (fd < 0)
			return fd;
		if (fstat(fd, &status) < 0)
			return -errno;

		bool is_whole = read_header(fd, first_seqs[i], &header) &&
				read_footer(fd, (uint64_t)status.st_size,
					    &footer);
		if (expected)
			note_gap(opening, expected, first_seqs[i]);
		if (!is_whole)
			note_gap(opening, first_seqs[i], first_seqs[i + 1]);
		expected = is_whole ? first_seqs[i] + footer.count
				    : first_seqs[i + 1];
		spool_push_segment(
			spool, &(struct segment_entry){
				       .first_seq = first_seqs[i],
				       .last_seq = first_seqs[i + 1] - 1,
				       .wall_ns = header.wall_ns,
				       .bytes = (uint64_t)status.st_size,
				       .is_settled = header.frames_bytes > 0});
	}
	if (expected && count > 0)
		note_gap(opening, expected, first_seqs[count - 1]);
	return 0;
}

/*
 * Ends a stream that was given up while all was well with it: its last segment
 * gets the footer of a closed one, so that the end too is signed.
 */
static int close_stream(struct spool *spool, const struct recovered *result)
{
	struct segment_footer footer = {.count = result->count};
	uint8_t data[SEGMENT_FOOTER_SIZE];
	uint64_t offset = result->size - SEGMENT_FOOTER_SIZE;

	if (result->is_closed || result->count == 0)
		return 0;
	memcpy(footer.tip, result->tip, FRAME_HASH_SIZE);
	if (spool->host_key) {
		int r = segment_footer_sign(&result->header, &footer,
					    spool->host_key);
		if (r < 0)
			return r;
	}
	segment_footer_encode(&footer, data);
	if (offset < result->used)
		offset = result->used;
	int r = spool->ops->write(result->fd, data, sizeof(data), offset);
	return r < 0 ? r : spool->ops->sync_data(result->fd);
}

/*
 * The collector holds another history of this stream. It is given up, unless so
 * many were already: whoever can write the shipper's cursor must not be able to
 * push evidence out.
 */
static int give_up_fork(struct spool *spool, const struct spool_config *config,
			struct recovered *result, struct spool_opening *opening)
{
	static const uint8_t none[FRAME_ID_SIZE];
	size_t count = 0;

	if (memcmp(config->forked_stream, none, FRAME_ID_SIZE) == 0 ||
	    memcmp(config->forked_stream, result->header.stream,
		   FRAME_ID_SIZE) != 0)
		return 0;
	int r = aside_count(spool->dirfd, &count);
	if (r < 0)
		return r;
	if (count >= ASIDE_STREAMS_MAX) {
		opening->is_fork_kept = true;
		return 0;
	}
	r = close_stream(spool, result);
	if (r == 0)
		result->found = SPOOL_FOUND_FORKED;
	return r;
}

static int set_aside(struct spool *spool, const uint64_t *first_seqs,
		     size_t count, struct spool_opening *opening)
{
	int r = aside_keep(spool->dirfd, spool->ops, first_seqs, count,
			   opening->old_stream);

	if (r < 0)
		return r;
	spool->segment_count = 0;
	spool->used_bytes = 0;
	return aside_prune(spool->dirfd, spool->ops, &opening->pruned_count);
}

/* No segment at all: was there ever one? */
static void recover_empty(const struct spool_config *config,
			  struct spool_opening *opening)
{
	char text[SPOOL_TAIL_SIZE];
	struct spool_tail tail = {.seq = config->known_seq};
	size_t size = 0;

	memcpy(tail.stream, config->known_stream, FRAME_ID_SIZE);
	if (config->tail_fd >= 0 &&
	    pread_full(config->tail_fd, text, sizeof(text), 0, &size) == 0)
		/* An empty or foreign tail says nothing; keep the cursor's. */
		(void)!spool_tail_parse(text, size, &tail);

	opening->found = tail.seq > 0 ? SPOOL_FOUND_ROLLED_BACK
				      : SPOOL_FOUND_NONE;
	opening->old_last_seq = tail.seq;
	memcpy(opening->old_stream, tail.stream, FRAME_ID_SIZE);
}

static bool is_lost(enum spool_found found)
{
	return found != SPOOL_FOUND_CLEAN && found != SPOOL_FOUND_TORN;
}

static void close_last(struct recovered *result)
{
	int fd = TAKE_FD(result->fd);

	cleanup_close(&fd);
}

int spool_recover(struct spool *spool, const struct spool_config *config,
		  struct recovered *result, struct spool_opening *opening)
{
	_cleanup_free_ uint64_t *first_seqs = NULL;
	size_t count = 0;

	*result = (struct recovered){.fd = -1};
	int r = segment_list(spool->dirfd, &first_seqs, &count);
	if (r < 0)
		return r;

	/* Room for what is there and for all that may come. */
	spool->segment_capacity = count + SPOOL_SEGMENTS_MAX;
	spool->segments = calloc(spool->segment_capacity,
				 sizeof(*spool->segments));
	if (!spool->segments)
		return -ENOMEM;
	if (count == 0) {
		recover_empty(config, opening);
		return 0;
	}

	r = load_closed(spool, first_seqs, count, opening);
	if (r == 0)
		r = recover_last(spool, config, first_seqs[count - 1], result);
	if (r == 0 && !is_lost(result->found))
		r = give_up_fork(spool, config, result, opening);
	if (r < 0) {
		close_last(result);
		return r;
	}

	opening->found = result->found;
	opening->cut_bytes = result->cut_bytes;
	memcpy(opening->old_stream, result->header.stream, FRAME_ID_SIZE);
	opening->old_last_seq = result->count ? result->header.first_seq +
							result->count - 1
					      : first_seqs[count - 1] - 1;
	if (!is_lost(result->found))
		return 0;

	close_last(result);
	opening->gap_first = opening->gap_last = 0;
	return set_aside(spool, first_seqs, count, opening);
}
