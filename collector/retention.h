/* SPDX-License-Identifier: Apache-2.0 */
/*
 * retention: takes the records of events out of the store when they are older
 * than the organisation keeps them. Row, hash and leaf stay, so that everything
 * else still verifies; it goes from the oldest on, without a break, and that is
 * what tells it from a record that somebody took out.
 */
#pragma once

#include <stdint.h>

#include "agent/base/log.h"
#include "policy/span.h"
#include "collector/writer.h"

struct retention;

/*
 * Starts a thread that looks at once and then every hour, through `writer`,
 * which must outlive it. What it will remove it tells first, in an event of the
 * log `origin` itself (own_log.h). `days`: since receipt; 0: nothing is ever taken out,
 * and *ret_retention is NULL. 0 or -errno.
 */
int retention_start(struct writer *writer, const struct log *log,
		    struct span origin, uint64_t days,
		    struct retention **ret_retention)
	__attribute__((nonnull(1, 5), warn_unused_result));

/* Before writer_stop(). NULL is fine. */
void retention_stop(struct retention *retention);
