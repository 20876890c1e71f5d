/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What lies in a spool directory: segments "<first seq, 20 digits>.seg", files
 * prepared for later "prepared-NN", and folders of streams set aside (aside.h).
 * Writer and reader share these names. Internal to spool/.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* "00000000000000000001.seg" and its NUL. */
#define SEGMENT_NAME_SIZE  25u
#define PREPARED_NAME_SIZE 16u

void segment_name(uint64_t first_seq, char ret_name[SEGMENT_NAME_SIZE])
	__attribute__((nonnull));

void prepared_name(unsigned slot, char ret_name[PREPARED_NAME_SIZE])
	__attribute__((nonnull));

/* Reads a segment's name. Returns 0, or -EINVAL for any other name. */
int segment_name_parse(const char *name, uint64_t *ret_first_seq)
	__attribute__((nonnull, warn_unused_result));

/*
 * The first sequence numbers of all segments in ascending order, malloc'ed;
 * NULL and 0 when there are none. Returns 0, -E2BIG beyond SPOOL_SEGMENTS_MAX,
 * -ENOMEM or -errno.
 */
int segment_list(int dirfd, uint64_t **ret_first_seqs, size_t *ret_count)
	__attribute__((nonnull, warn_unused_result));
