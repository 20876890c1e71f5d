/* SPDX-License-Identifier: Apache-2.0 */
/*
 * own_log: what the collector itself does to the store, as events of a stream
 * of its own: chained, leaves of the same tree, under the same checkpoints. Its
 * host id follows from the log's name, so that `verify` knows it from a
 * checkpoint. Must not do what it tells of.
 */
#pragma once

#include "agent/wire/note.h"
#include "collector/store.h"

#define OWN_LOG_RETENTION "collector.retention"

struct own_log {
	char host[IDENT_HEX_LEN + 1];
};

/* Which records are about to be removed, and why. */
struct own_retention {
	uint64_t first_leaf, last_leaf;
	int64_t before_ms; /* of receipt */
	uint64_t days;	   /* as configured */
};

/* `origin`: the log's name. 0 or -ENOMEM. */
int own_log_init(struct span origin, struct own_log *ret_log)
	__attribute__((nonnull(2), warn_unused_result));

/* One event more, in the store's transaction. 0 or -errno as store.h; -EBUSY:
 * another collector was at it just now. */
int own_log_retention(struct own_log *log, struct store *store,
		      const struct own_retention *what)
	__attribute__((nonnull, warn_unused_result));

/*
 * Reads such an event of `host`: 0 and *ret_last_leaf, or -EINVAL: none of
 * this log's.
 */
int own_log_read(const struct own_log *log, const char *host, struct span event,
		 uint64_t *ret_last_leaf)
	__attribute__((nonnull(1, 2, 4), warn_unused_result));
