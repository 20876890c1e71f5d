/* SPDX-License-Identifier: Apache-2.0 */
/* Seeks only when the position is another than expected; a seek reads up to a
 * whole segment. */
#include "agent/ship/source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "agent/base/cleanup.h"
#include "agent/base/fd.h"
#include "agent/ship/settings.h"

#include "agent/base/banned.h"

struct source {
	struct spool_reader *reader;
	uint64_t next_seq; /* where the reader stands; 0 nowhere */
};

struct source *source_free(struct source *source)
{
	if (!source)
		return NULL;
	spool_reader_free(source->reader);
	free(source);
	return NULL;
}

DEFINE_CLEANUP(source, struct source *, source_free);

int source_new(int root_fd, struct source **ret_source)
{
	_cleanup_(cleanup_source) struct source *source =
		calloc(1, sizeof(*source));
	if (!source)
		return -ENOMEM;

	_cleanup_close_ int dirfd = open_below(root_fd, SPOOL_PATH,
					       O_RDONLY | O_DIRECTORY, 0);
	if (dirfd < 0)
		return dirfd;
	int r = spool_reader_new(dirfd, &source->reader);
	if (r < 0)
		return r;
	*ret_source = TAKE_PTR(source);
	return 0;
}

/* A damaged part is passed; what is lost shows in the numbers. */
static int pass(struct source *source, int r)
{
	if (r == SPOOL_READ_CORRUPT)
		r = spool_reader_skip(source->reader);
	if (r == SPOOL_READ_GAP)
		return 0;
	if (r == SPOOL_READ_RESET)
		return SOURCE_STALE;
	if (r == -ENOENT)
		return SOURCE_NOTHING;
	return r > 0 ? SOURCE_NOTHING : r;
}

static int seek(struct source *source, uint64_t seq)
{
	int r = spool_reader_seek(source->reader, seq);

	return r == 0 ? 0 : pass(source, r);
}

static bool is_stream(const struct source *source,
		      const uint8_t stream[FRAME_ID_SIZE])
{
	const struct segment_header *header =
		spool_reader_header(source->reader);

	return header && memcmp(header->stream, stream, FRAME_ID_SIZE) == 0;
}

int source_fill(struct source *source, const struct source_want *want,
		struct batch *batch)
{
	int r = 0;

	if (source->next_seq != want->acked_seq + 1 ||
	    !is_stream(source, want->tail.stream))
		r = seek(source, want->acked_seq + 1);
	source->next_seq = 0;
	if (r != 0)
		return r;

	r = batch_fill(batch, source->reader, want->tail.seq, want->events_max);
	if (r != 0) {
		r = pass(source, r);
		if (r == 0)
			r = batch_fill(batch, source->reader, want->tail.seq,
				       want->events_max);
		if (r != 0)
			return r > 0 ? SOURCE_NOTHING : r;
	}
	if (!is_stream(source, want->tail.stream))
		return SOURCE_STALE;
	source->next_seq = batch_info(batch)->last_seq + 1;
	return 0;
}
