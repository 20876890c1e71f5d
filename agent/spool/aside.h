/* SPDX-License-Identifier: Apache-2.0 */
/*
 * aside: streams that cannot go on. Their segments are kept as they are, under
 * their own names, in a folder "aside-<ns>-<stream>" of the spool directory:
 * each such folder is a spool that can still be read and verified. Internal to
 * spool/.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "agent/spool/ops.h"
#include "agent/wire/frame.h"

#define ASIDE_PREFIX "aside-"
/* Streams that are kept; see aside_prune(). */
#define ASIDE_STREAMS_MAX 4u

/* How many there are. 0 or -errno. */
int aside_count(int spool_fd, size_t *ret_count)
	__attribute__((nonnull, warn_unused_result));

/*
 * Moves `count` segments out of the way, oldest first; stream may be zeros when
 * it is not known. Returns 0 or -errno; what was moved by then stays moved and
 * is safe.
 */
int aside_keep(int spool_fd, const struct spool_ops *ops,
	       const uint64_t *first_seqs, size_t count,
	       const uint8_t stream[FRAME_ID_SIZE])
	__attribute__((nonnull, warn_unused_result));

/* Removes the oldest ones beyond ASIDE_STREAMS_MAX: how many. 0 or -errno. */
int aside_prune(int spool_fd, const struct spool_ops *ops, size_t *ret_removed)
	__attribute__((nonnull, warn_unused_result));
