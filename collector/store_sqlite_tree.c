/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store_sqlite_tree: the rows of the tree (store_tree.c), and its making for a
 * store from before there was one.
 */
#include "collector/store_sqlite.h"

#include <errno.h>
#include <string.h>

#include "agent/base/banned.h"

#define HASH	       MERKLE_HASH_SIZE
#define MIGRATE_LEAVES 4096u
/* Rows an old store may lack before its tree is begun; more is damage. */
#define HOLES_MAX INT64_C(1000000)

int sqlite_tile_read(struct store *store, unsigned int level, uint64_t index,
		     uint8_t *ret_hashes, size_t *ret_width)
{
	sqlite3_stmt *st = sqlite_statement(sqlite_store(store), STMT_TILE_GET);
	size_t size;
	int r;

	if (!st)
		return -EIO;
	(void)sqlite3_bind_int64(st, 1, store_tile_key(level, index));
	r = sqlite_next(st);
	if (r <= 0)
		return r < 0 ? r : -ENOENT;
	size = (size_t)sqlite3_column_bytes(st, 0);
	r = size == 0 || size > MERKLE_TILE_BYTES || size % HASH != 0 ? -EBADMSG
								      : 0;
	if (r == 0) {
		memcpy(ret_hashes, sqlite3_column_blob(st, 0), size);
		*ret_width = size / HASH;
	}
	(void)sqlite3_reset(st); /* the row was read */
	return r;
}

int sqlite_tree_read(struct store *store, struct merkle *ret_tree)
{
	sqlite3_stmt *st = sqlite_statement(sqlite_store(store), STMT_TREE_GET);
	struct merkle tree = {0};
	size_t size;
	int r;

	if (!st)
		return -EIO;
	r = sqlite_next(st);
	if (r <= 0)
		return r < 0 ? r : -EBADMSG;
	tree.size = (uint64_t)sqlite3_column_int64(st, 0);
	size = (size_t)sqlite3_column_bytes(st, 1);
	r = tree.size > MERKLE_SIZE_MAX ||
			    size != merkle_peaks(tree.size) * HASH
		    ? -EBADMSG
		    : 0;
	if (r == 0 && size > 0)
		memcpy(tree.peaks, sqlite3_column_blob(st, 1), size);
	(void)sqlite3_reset(st); /* the row was read */
	if (r == 0)
		*ret_tree = tree;
	return r;
}

int sqlite_tree_set(struct store *store, const struct merkle *tree)
{
	sqlite3_stmt *st = sqlite_statement(sqlite_store(store), STMT_TREE_SET);

	if (!st)
		return -EIO;
	(void)sqlite3_bind_int64(st, 1, (int64_t)tree->size);
	(void)sqlite3_bind_blob(st, 2, tree->peaks,
				(int)(merkle_peaks(tree->size) * HASH),
				SQLITE_STATIC);
	return sqlite_run(st);
}

int sqlite_tile_set(struct store *store, unsigned int level, uint64_t index,
		    const uint8_t *hashes, size_t count)
{
	sqlite3_stmt *st = sqlite_statement(sqlite_store(store), STMT_TILE_SET);

	if (!st)
		return -EIO;
	(void)sqlite3_bind_int64(st, 1, store_tile_key(level, index));
	(void)sqlite3_bind_blob(st, 2, hashes, (int)(count * HASH),
				SQLITE_STATIC);
	return sqlite_run(st);
}

static int add_old(struct sqlite_store *s, sqlite3_stmt *st, int64_t *holes)
{
	uint64_t id = (uint64_t)sqlite3_column_int64(st, 0), next = 0;
	int r = store_tree_next(&s->table, &next);

	while (r == 0 && next + 1 < id && (*holes)++ < HOLES_MAX) {
		r = store_tree_add_hole(&s->table);
		next++;
		if (r == 0 && s->table.leaves.count >= MIGRATE_LEAVES)
			r = store_tree_flush(&s->table);
	}
	if (r == 0 &&
	    (next + 1 != id || sqlite3_column_bytes(st, 3) != (int)HASH))
		r = -EBADMSG;
	if (r == 0)
		r = store_tree_add(&s->table, sqlite_text(st, 1),
				   (uint64_t)sqlite3_column_int64(st, 2),
				   sqlite3_column_blob(st, 3));
	if (r == 0 && s->table.leaves.count >= MIGRATE_LEAVES)
		r = store_tree_flush(&s->table);
	return r;
}

int sqlite_tree_build(struct sqlite_store *s)
{
	static const char sql[] =
		"SELECT e.id, s.stream, e.seq, e.hash FROM events e"
		" CROSS JOIN streams s ON s.id = e.stream ORDER BY e.id";
	sqlite3_stmt *st = NULL;
	int64_t holes = 0;
	int r;

	if (sqlite3_prepare_v2(s->db, sql, -1, &st, NULL) != SQLITE_OK)
		return -EIO;
	while ((r = sqlite_next(st)) > 0) {
		r = add_old(s, st, &holes);
		if (r < 0)
			break;
	}
	(void)sqlite3_finalize(st); /* r says it already */
	return r < 0 ? r : store_tree_flush(&s->table);
}
