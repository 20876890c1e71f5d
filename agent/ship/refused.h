/* SPDX-License-Identifier: Apache-2.0 */
/*
 * refused: events that another's OTLP receiver will not take (400, 413, 422 on
 * one event alone), kept as files "refused-STREAM-SEQ.json" so that they are not
 * lost with the segment.
 */
#pragma once

#include "agent/spool/tail.h"
#include "agent/wire/otlp.h"

/*
 * Keeps the body of event `seq` of position->stream. 0, -EDQUOT when
 * REFUSED_FILES_MAX are kept already, or -errno: then it must not be skipped.
 */
int refused_keep(int state_fd, const struct spool_tail *position, uint64_t seq,
		 struct span body) __attribute__((nonnull, warn_unused_result));
