/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads a spool from a sequence number on, while its writer goes on writing,
 * rotating and unlinking. Read-only: takes no lock and leaves no trace. Checks
 * each frame's CRC, sequence and chain; that the end is durable is the caller's
 * to know, from the tail.
 */
#pragma once

#include <stdint.h>

#include "agent/wire/frame.h"
#include "agent/wire/segment.h"

struct spool_reader;

enum spool_read_outcome {
	SPOOL_READ_END = 1, /* nothing more yet; call again later */
	SPOOL_READ_GAP,	    /* these numbers are gone: spool_reader_gap */
	SPOOL_READ_CORRUPT, /* a frame is damaged or does not chain */
	SPOOL_READ_RESET,   /* the directory holds another stream now */
};

/* "end", "gap", …; total. */
const char *spool_read_outcome_to_str(int outcome)
	__attribute__((returns_nonnull));

/*
 * Prepares to read the segments below `dirfd` (dup'ed). Nothing is opened yet.
 * Returns 0, -ENOMEM or -errno.
 */
int spool_reader_new(int dirfd, struct spool_reader **ret_reader)
	__attribute__((nonnull, warn_unused_result));

/* Accepts NULL; returns NULL. */
struct spool_reader *spool_reader_free(struct spool_reader *reader);

/*
 * Positions before `seq`, so that the next frame read is that one. 0 means the
 * oldest there is. Returns 0; SPOOL_READ_END when there is no such frame yet
 * (the position is right behind the newest one then); SPOOL_READ_GAP when older
 * segments are gone (the position is the oldest one); SPOOL_READ_CORRUPT;
 * or -errno, -ENOENT meaning an empty spool.
 */
int spool_reader_seek(struct spool_reader *reader, uint64_t seq)
	__attribute__((nonnull, warn_unused_result));

struct spool_item {
	struct frame frame;	       /* payload valid until the next call */
	uint8_t hash[FRAME_HASH_SIZE]; /* its h_n */
};

/*
 * The next frame with seq ≤ max_seq. Returns 0, an outcome above with *ret_item
 * unchanged, or -errno. On SPOOL_READ_GAP the reader already stands before the
 * first frame behind the gap: a further call goes on there, with a new chain.
 */
int spool_reader_next(struct spool_reader *reader, uint64_t max_seq,
		      struct spool_item *ret_item)
	__attribute__((nonnull, warn_unused_result));

/*
 * Gives the rest of a damaged segment up, after SPOOL_READ_CORRUPT. Returns
 * SPOOL_READ_GAP, standing before the next segment; SPOOL_READ_END when there
 * is none; SPOOL_READ_CORRUPT when that one has no readable header; or -errno.
 */
int spool_reader_skip(struct spool_reader *reader)
	__attribute__((nonnull, warn_unused_result));

/* The numbers missing, after SPOOL_READ_GAP. */
void spool_reader_gap(const struct spool_reader *reader, uint64_t *ret_first,
		      uint64_t *ret_last) __attribute__((nonnull));

/* The header of the segment read last: stream, host, key. NULL before that. */
const struct segment_header *spool_reader_header(
	const struct spool_reader *reader) __attribute__((nonnull));
