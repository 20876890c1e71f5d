/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The text "STREAM SEQ\n" with which the writer of the spool publishes how far
 * it is durable (/run/sekimori/spool.tail) and the shipper how far it is acked
 * (its cursor). The tail is rewritten in place, so it has a fixed width.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "agent/wire/frame.h"

/* 32 hex, blank, 20 digits, newline. */
#define SPOOL_TAIL_SIZE 54u

/* A cursor whose state begins with this word: another history of the stream is
 * stored elsewhere. The shipper says it, the daemon begins a new stream. */
#define CURSOR_MISMATCH "mismatch"

struct spool_tail {
	uint8_t stream[FRAME_ID_SIZE];
	uint64_t seq;
};

/* Writes exactly SPOOL_TAIL_SIZE characters and no NUL. */
void spool_tail_format(const struct spool_tail *tail,
		       char ret_text[SPOOL_TAIL_SIZE]) __attribute__((nonnull));

/*
 * Reads "STREAM SEQ" from the start of a text; what follows a blank or newline
 * behind the number is left to the caller. Returns 0 or -EINVAL, *ret_tail then
 * unchanged.
 */
int spool_tail_parse(const char *text, size_t size, struct spool_tail *ret_tail)
	__attribute__((nonnull, warn_unused_result));
