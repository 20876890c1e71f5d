/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store_sqlite_tree: the Merkle tree over the events, in the transaction that
 * stores them. Its order is that of events.id: leaf n is the event of id n + 1,
 * so a row that is removed leaves a hole that cannot be filled. Leaves are
 * gathered while jobs run, so that a job that is undone takes its leaves with
 * it, and are written before the commit: tiles of 256 hashes (C2SP tlog-tiles)
 * and one row with size and frontier. Nothing of it is kept in memory beyond
 * the transaction, so memory and file cannot disagree.
 */
#include "collector/store_sqlite.h"

#include <errno.h>
#include <string.h>

#include "agent/base/hex.h"

#include "agent/base/banned.h"

#define HASH	       MERKLE_HASH_SIZE
#define FIRST_LEAVES   256u
#define MIGRATE_LEAVES 4096u
/* Rows an old store may lack before its tree is begun; more is damage. */
#define HOLES_MAX INT64_C(1000000)

/* One tile being filled; `used` hashes are in it. */
struct tile {
	uint8_t hashes[MERKLE_TILE_BYTES];
	uint64_t index;
	size_t used;
	bool is_open;
};

struct filling {
	struct sqlite_store *s;
	struct merkle tree;
	struct tile tiles[MERKLE_TILE_LEVELS];
};

static int64_t tile_key(unsigned int level, uint64_t index)
{
	return (int64_t)((uint64_t)level << 56 | index);
}

int sqlite_tile_read(struct store *store, unsigned int level, uint64_t index,
		     uint8_t *ret_hashes, size_t *ret_width)
{
	sqlite3_stmt *st = sqlite_statement(sqlite_store(store), STMT_TILE_GET);
	size_t size;
	int r;

	if (!st)
		return -EIO;
	(void)sqlite3_bind_int64(st, 1, tile_key(level, index));
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

static int write_tree(struct sqlite_store *s, const struct merkle *tree)
{
	sqlite3_stmt *st = sqlite_statement(s, STMT_TREE_SET);

	if (!st)
		return -EIO;
	(void)sqlite3_bind_int64(st, 1, (int64_t)tree->size);
	(void)sqlite3_bind_blob(st, 2, tree->peaks,
				(int)(merkle_peaks(tree->size) * HASH),
				SQLITE_STATIC);
	return sqlite_run(st);
}

static int write_tile(struct sqlite_store *s, unsigned int level,
		      const struct tile *tile)
{
	sqlite3_stmt *st = sqlite_statement(s, STMT_TILE_SET);

	if (!st)
		return -EIO;
	(void)sqlite3_bind_int64(st, 1, tile_key(level, tile->index));
	(void)sqlite3_bind_blob(st, 2, tile->hashes, (int)(tile->used * HASH),
				SQLITE_STATIC);
	return sqlite_run(st);
}

/* The tile that hash `index` of this level goes to, as far as it is stored. */
static int open_tile(struct filling *f, unsigned int level, uint64_t index)
{
	struct tile *tile = &f->tiles[level];
	size_t wanted = index % MERKLE_TILE_WIDTH;
	int r = 0;

	tile->index = index / MERKLE_TILE_WIDTH;
	tile->used = 0;
	if (wanted > 0)
		r = sqlite_tile_read(&f->s->base, level, tile->index,
				     tile->hashes, &tile->used);
	if (r == 0 && tile->used != wanted)
		r = -EBADMSG;
	tile->is_open = r == 0;
	return r == -ENOENT ? -EBADMSG : r;
}

static int add_node(unsigned int level, uint64_t index,
		    const uint8_t hash[HASH], void *ctx)
{
	struct filling *f = ctx;
	struct tile *tile;
	int r = 0;

	if (level % MERKLE_TILE_HEIGHT != 0)
		return 0;
	level /= MERKLE_TILE_HEIGHT;
	tile = &f->tiles[level];
	if (!tile->is_open)
		r = open_tile(f, level, index);
	if (r < 0)
		return r;
	memcpy(tile->hashes + tile->used++ * HASH, hash, HASH);
	if (tile->used < MERKLE_TILE_WIDTH)
		return 0;
	tile->is_open = false;
	return write_tile(f->s, level, tile);
}

static int fill(struct filling *f)
{
	struct sqlite_store *s = f->s;
	int r = sqlite_tree_read(&s->base, &f->tree);

	for (size_t i = 0; r == 0 && i < s->tree.count; i++)
		r = merkle_append(&f->tree, s->tree.leaves[i], add_node, f);
	for (unsigned int i = 0; r == 0 && i < MERKLE_TILE_LEVELS; i++)
		if (f->tiles[i].is_open)
			r = write_tile(s, i, &f->tiles[i]);
	if (r == 0)
		r = write_tree(s, &f->tree);
	return r > 0 ? -EBADMSG : r;
}

int sqlite_tree_flush(struct sqlite_store *s)
{
	struct filling *f;
	int r;

	if (s->tree.count == 0)
		return 0;
	f = malloc(sizeof(*f));
	if (!f)
		return -ENOMEM;
	f->s = s;
	for (unsigned int i = 0; i < MERKLE_TILE_LEVELS; i++)
		f->tiles[i].is_open = false;
	r = fill(f);
	free(f);
	if (r == 0)
		sqlite_tree_forget(s);
	return r;
}

void sqlite_tree_forget(struct sqlite_store *s)
{
	s->tree.is_known = false;
	s->tree.count = s->tree.step = 0;
}

int sqlite_tree_next(struct sqlite_store *s, uint64_t *ret_index)
{
	if (!s->tree.is_known) {
		sqlite3_stmt *st = sqlite_statement(s, STMT_TREE_GET);
		int r;

		if (!st)
			return -EIO;
		r = sqlite_next(st);
		if (r <= 0)
			return r < 0 ? r : -EBADMSG;
		s->tree.size = (uint64_t)sqlite3_column_int64(st, 0);
		s->tree.is_known = true;
		(void)sqlite3_reset(st); /* the row was read */
	}
	*ret_index = s->tree.size + s->tree.count;
	return 0;
}

static int make_room(struct sqlite_tree *tree)
{
	size_t capacity = tree->capacity ? 2 * tree->capacity : FIRST_LEAVES;
	void *leaves;

	if (tree->count < tree->capacity)
		return 0;
	leaves = realloc(tree->leaves, capacity * HASH);
	if (!leaves)
		return -ENOMEM;
	tree->leaves = leaves;
	tree->capacity = capacity;
	return 0;
}

int sqlite_tree_add(struct sqlite_store *s, const char *stream, uint64_t seq,
		    const uint8_t hash[HASH])
{
	uint8_t id[IDENT_HEX_LEN / 2];
	int r = make_room(&s->tree);

	if (r == 0 && hex_decode(stream, IDENT_HEX_LEN, id, sizeof(id)) < 0)
		r = -EBADMSG;
	if (r == 0)
		r = merkle_event_leaf(id, seq, hash,
				      s->tree.leaves[s->tree.count]);
	if (r == 0)
		s->tree.count++;
	return r;
}

/* The leaf of nothing, where an event was gone before its tree was begun. */
static int add_hole(struct sqlite_store *s)
{
	int r = make_room(&s->tree);

	if (r == 0)
		r = merkle_leaf("", 0, s->tree.leaves[s->tree.count]);
	if (r == 0)
		s->tree.count++;
	return r;
}

static int add_old(struct sqlite_store *s, sqlite3_stmt *st, int64_t *holes)
{
	uint64_t id = (uint64_t)sqlite3_column_int64(st, 0), next = 0;
	int r = sqlite_tree_next(s, &next);

	while (r == 0 && next + 1 < id && (*holes)++ < HOLES_MAX) {
		r = add_hole(s);
		next++;
		if (r == 0 && s->tree.count >= MIGRATE_LEAVES)
			r = sqlite_tree_flush(s);
	}
	if (r == 0 &&
	    (next + 1 != id || sqlite3_column_bytes(st, 3) != (int)HASH))
		r = -EBADMSG;
	if (r == 0)
		r = sqlite_tree_add(s, sqlite_text(st, 1),
				    (uint64_t)sqlite3_column_int64(st, 2),
				    sqlite3_column_blob(st, 3));
	if (r == 0 && s->tree.count >= MIGRATE_LEAVES)
		r = sqlite_tree_flush(s);
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
	return r < 0 ? r : sqlite_tree_flush(s);
}
