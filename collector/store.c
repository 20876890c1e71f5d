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

struct received {
	int64_t id, recv_ms;
};

static int see_received(const struct store_row *row, void *ctx)
{
	*(struct received *)ctx = (struct received){row->id, row->recv_ms};
	return 1;
}

/* The first event behind `after`, or the last of all. 1, 0: there is none. */
static int look(struct store *store, int64_t after, bool is_last,
		struct received *found)
{
	const struct store_query query = {.after = after,
					  .is_newest_first = is_last,
					  .limit = 1};

	return store->ops->each_row(store, &query, see_received, found);
}

int store_find_received(struct store *store, int64_t recv_ms, int64_t *ret_id)
{
	struct received found = {0};
	int64_t low = 0, high; /* the answer is in low..high */
	int r = look(store, 0, true, &found);

	*ret_id = 0;
	if (r <= 0)
		return r;
	high = found.id;
	while (low < high) {
		int64_t middle = low + (high - low) / 2;

		r = look(store, middle, false, &found);
		if (r < 0)
			return r;
		if (r == 0 || found.recv_ms >= recv_ms)
			high = middle;
		else
			low = found.id;
	}
	*ret_id = low;
	return 0;
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
