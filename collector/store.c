/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store: what does not depend on the database: which one it is, and a whole
 * transaction around one function.
 */
#include "collector/store.h"

#include "agent/base/banned.h"

int store_open(const char *database, const char *dir, enum store_mode mode,
	       struct store **ret_store)
{
	return database[0] ? store_postgres_open(database, mode, ret_store)
			   : store_sqlite_open(dir, mode, ret_store);
}

int store_transact(struct store *store, store_txn_fn *fn, void *ctx)
{
	int r = store->ops->begin(store);

	if (r < 0)
		return r;
	r = fn(store, ctx);
	if (r == 0)
		r = store->ops->commit(store);
	if (r != 0)
		store->ops->rollback(store);
	return r;
}
