/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes as a spool file: frames one behind the other, a header, a footer and
 * the tail's text. What decodes must encode to the same bytes again.
 */
#include <stdlib.h>
#include <string.h>

#include "agent/spool/tail.h"
#include "agent/wire/frame.h"
#include "agent/wire/segment.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_frame(const struct frame *frame, const uint8_t *data,
			size_t size)
{
	static uint8_t again[FRAME_SIZE_MAX];
	uint8_t hash[FRAME_HASH_SIZE];
	uint8_t other[FRAME_HASH_SIZE];
	size_t again_size = 0;

	if (frame_encode(frame, again, sizeof(again), hash, &again_size) != 0 ||
	    again_size != size || memcmp(again, data, size) != 0 ||
	    frame_hash(frame, other) != 0 ||
	    memcmp(hash, other, sizeof(hash)) != 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct segment_header header;
	struct segment_footer footer;
	struct spool_tail tail;
	struct frame frame;
	size_t at = 0;
	size_t used = 0;

	if (segment_header_decode(data, size, &header) == 0) {
		uint8_t again[SEGMENT_HEADER_SIZE];

		segment_header_encode(&header, again);
		/* The last 16 bytes are reserved and not kept. */
		if (memcmp(again + 16, data + 16, 96) != 0)
			abort();
		at = SEGMENT_HEADER_SIZE;
	}
	while (at < size &&
	       frame_decode(data + at, size - at, &frame, &used) == 0) {
		check_frame(&frame, data + at, used);
		at += used;
	}
	(void)!segment_footer_decode(data + at, size - at, &footer);
	(void)!spool_tail_parse((const char *)data, size, &tail);
	return 0;
}
