/* SPDX-License-Identifier: Apache-2.0 */
/* verify_streams: one small row for each stream seen, found by its id. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/wire/frame.h"

struct verify_stream {
	uint8_t id[FRAME_ID_SIZE];
	bool is_used;
	bool is_disturbed; /* an event out of place: resume behind it */
	uint64_t seq;
	uint8_t tip[FRAME_HASH_SIZE];
};

/* Zeroed memory is the empty table. */
struct verify_streams {
	struct verify_stream *rows; /* a power of two of them */
	size_t capacity;
	size_t count;
};

void verify_streams_fini(struct verify_streams *streams)
	__attribute__((nonnull));

/*
 * The stream's row, a new one at 0 if it was not seen; valid until the next
 * call. 0, -ENOMEM, or -ENOBUFS past VERIFY_STREAMS_MAX.
 */
int verify_streams_get(struct verify_streams *streams,
		       const uint8_t id[FRAME_ID_SIZE],
		       struct verify_stream **ret_stream)
	__attribute__((nonnull, warn_unused_result));
