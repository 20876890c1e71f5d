/* SPDX-License-Identifier: Apache-2.0 */
/*
 * verify_streams: open addressing, half full at most. Ids are random, so their
 * first octets are the hash; an export made to collide is only slow.
 */
#include "collector/verify_streams.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/base/cleanup.h"
#include "agent/wire/endian.h"
#include "collector/verify.h"

#include "agent/base/banned.h"

#define FIRST_ROWS 1024u

void verify_streams_fini(struct verify_streams *streams)
{
	cleanup_free(&streams->rows);
}

static struct verify_stream *find(struct verify_stream *rows, size_t capacity,
				  const uint8_t id[FRAME_ID_SIZE])
{
	size_t at = (size_t)get_le64(id) & (capacity - 1);

	while (rows[at].is_used && memcmp(rows[at].id, id, FRAME_ID_SIZE) != 0)
		at = (at + 1) & (capacity - 1);
	return &rows[at];
}

static int grow(struct verify_streams *streams)
{
	size_t capacity = streams->capacity ? 2 * streams->capacity
					    : FIRST_ROWS;
	struct verify_stream *rows = calloc(capacity, sizeof(*rows));

	if (!rows)
		return -ENOMEM;
	for (size_t i = 0; i < streams->capacity; i++)
		if (streams->rows[i].is_used)
			*find(rows, capacity,
			      streams->rows[i].id) = streams->rows[i];
	free(streams->rows);
	streams->rows = rows;
	streams->capacity = capacity;
	return 0;
}

int verify_streams_get(struct verify_streams *streams,
		       const uint8_t id[FRAME_ID_SIZE],
		       struct verify_stream **ret_stream)
{
	struct verify_stream *row;
	int r = 0;

	if (streams->count >= VERIFY_STREAMS_MAX)
		return -ENOBUFS;
	if (2 * (streams->count + 1) > streams->capacity)
		r = grow(streams);
	if (r < 0)
		return r;
	row = find(streams->rows, streams->capacity, id);
	if (!row->is_used) {
		memcpy(row->id, id, FRAME_ID_SIZE);
		row->is_used = true;
		streams->count++;
	}
	*ret_stream = row;
	return 0;
}
