/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pack: closed segments take about a seventh of their room when compressed
 * (zstd). Header and footer stay readable, hashes and signature are those of
 * the events; whoever opens a segment gets it as it was. Internal to spool/.
 */
#pragma once

#include <stdint.h>

#include "agent/spool/ops.h"

/* Larger segments (of a spool beyond 16 GiB) stay as they are: a reader has to
 * hold what it unpacks. */
#define PACK_SEGMENT_BYTES_MAX (UINT64_C(16) << 20)
/* What is being written; removed when the spool is opened. */
#define PACK_NAME "packing"

enum pack_outcome { PACK_NOT = 1 }; /* it stays as it is, for good */

/*
 * Replaces a closed segment by its packed form, durably and at once: there is
 * always one of both. A segment that is damaged, larger than the limit or would
 * not shrink stays (PACK_NOT). Returns 0 with the new size, PACK_NOT, or -errno,
 * then unchanged.
 */
int segment_pack(int spool_fd, const struct spool_ops *ops, uint64_t first_seq,
		 uint64_t *ret_bytes)
	__attribute__((nonnull, warn_unused_result));

/*
 * Opens a segment for reading, unpacked if need be (then the file is in memory,
 * its footer right behind the frames); a pipe in its place does not block. The
 * descriptor; -EBADMSG when it cannot be unpacked; or -errno.
 */
int segment_open(int spool_fd, uint64_t first_seq)
	__attribute__((warn_unused_result));
