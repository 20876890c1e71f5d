/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store_migrate: a SQLite store, copied whole into an empty PostgreSQL. All of
 * it or nothing, and only when what arrived gives the same tree.
 */
#pragma once

#include <stdint.h>

/* How far it is: rows of `table` so far. */
typedef void store_migrate_fn(const char *table, uint64_t rows, void *ctx);

/*
 * Copies the store in `dir` to the one libpq's `where` names, which is made if
 * it is not there, and renames the old file to collector.db.migrated, so that
 * nothing can be acknowledged into it any more. 0 and *ret_leaves, the size of
 * the tree; -EBUSY when a service has the old one open; -EEXIST when the new
 * one is not empty; -EBADMSG when rows and tree of the old one disagree (it was
 * changed: `verify` names where); or as store_open(). After an error the old
 * one stands, and the new one has no rows.
 */
int store_migrate(const char *dir, const char *where,
		  store_migrate_fn *progress, void *ctx, uint64_t *ret_leaves)
	__attribute__((nonnull(1, 2, 3, 5), warn_unused_result));
