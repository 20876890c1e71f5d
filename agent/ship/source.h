/* SPDX-License-Identifier: Apache-2.0 */
/*
 * source: the spool's reader kept where the cursor is. It tells what is missing
 * instead of failing on it: an event that is gone must not stop the others.
 */
#pragma once

#include "agent/ship/batch.h"
#include "agent/spool/tail.h"

struct source;

enum source_outcome {
	SOURCE_NOTHING = 1, /* nothing after the cursor that can be read yet */
	SOURCE_STALE,	    /* the directory is not (yet) the tail's stream */
};

/* 0, -ENOENT while there is no spool directory, -ENOMEM or -errno. */
int source_new(int root_fd, struct source **ret_source)
	__attribute__((nonnull, warn_unused_result));

/* Accepts NULL; returns NULL. */
struct source *source_free(struct source *source);

/*
 * Fills the batch with at most events_max events after `acked_seq` and none
 * beyond the tail. Returns 0, an outcome above, or -errno. When the batch begins
 * later than acked_seq + 1, what lies between is not in the spool any more.
 */
struct source_want {
	struct spool_tail tail;
	uint64_t acked_seq;
	size_t events_max;
};
int source_fill(struct source *source, const struct source_want *want,
		struct batch *batch)
	__attribute__((nonnull, warn_unused_result));
