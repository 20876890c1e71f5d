/* SPDX-License-Identifier: Apache-2.0 */
/*
 * output_relp: the client's half of RELP (rsyslog's relp.html, version 0): each
 * message is a transaction that the other side answers when it has taken it.
 * Written out here and not taken from librelp, which does not tell its caller
 * which messages were answered.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "agent/base/buf.h"
#include "collector/output_batch.h"
#include "collector/output_link.h"
#include "collector/relp_frame.h"

/* Messages of one session; transaction 1 opens it. */
#define RELP_MESSAGES_MAX OUTPUT_BATCH_ROWS

/* Appends message `index` (0 the first of the session). 0 or as buf_append(). */
int output_relp_add(struct buf *batch, size_t index, const char *message,
		    size_t size) __attribute__((nonnull, warn_unused_result));

/*
 * One session: opens, sends the `count` messages of `batch`, waits for each
 * answer, closes. 0: every one was answered with 200; -EPROTO; -ECONNREFUSED:
 * answered with another; or -errno of the link.
 */
int output_relp_deliver(struct output_link *link, const struct buf *batch,
			size_t count)
	__attribute__((nonnull, warn_unused_result));
