/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store_tree: the Merkle tree over the events, in the transaction that stores
 * them, whatever the database. Its order is that of the events' ids: leaf n is
 * the event of id n + 1, so a row that is removed leaves a hole that cannot be
 * filled. Leaves are gathered while jobs run, so that a job that is undone takes
 * its leaves with it, and are written before the commit: tiles of 256 hashes
 * (C2SP tlog-tiles) and one row with size and frontier. Nothing of it is kept in
 * memory beyond the transaction, so memory and database cannot disagree.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/base/hex.h"
#include "collector/store_tables.h"

#include "agent/base/banned.h"

#define HASH	     MERKLE_HASH_SIZE
#define FIRST_LEAVES 256u

/* One tile being filled; `used` hashes are in it. */
struct tile {
	uint8_t hashes[MERKLE_TILE_BYTES];
	uint64_t index;
	size_t used;
	bool is_open;
};

struct filling {
	struct table_store *s;
	struct merkle tree;
	struct tile tiles[MERKLE_TILE_LEVELS];
};

static int write_tile(struct table_store *s, unsigned int level,
		      const struct tile *tile)
{
	return s->tables->tile_set(&s->base, level, tile->index, tile->hashes,
				   tile->used);
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
		r = f->s->base.ops->tile_read(&f->s->base, level, tile->index,
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
	struct table_store *s = f->s;
	int r = s->base.ops->tree_read(&s->base, &f->tree);

	for (size_t i = 0; r == 0 && i < s->leaves.count; i++)
		r = merkle_append(&f->tree, s->leaves.list[i], add_node, f);
	for (unsigned int i = 0; r == 0 && i < MERKLE_TILE_LEVELS; i++)
		if (f->tiles[i].is_open)
			r = write_tile(s, i, &f->tiles[i]);
	if (r == 0)
		r = s->tables->tree_set(&s->base, &f->tree);
	return r > 0 ? -EBADMSG : r;
}

int store_tree_flush(struct table_store *s)
{
	struct filling *f;
	int r;

	if (s->leaves.count == 0)
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
		store_tree_forget(s);
	return r;
}

void store_tree_forget(struct table_store *s)
{
	s->leaves.is_known = false;
	s->leaves.count = s->leaves.step = 0;
}

int store_tree_next(struct table_store *s, uint64_t *ret_index)
{
	if (!s->leaves.is_known) {
		struct merkle tree;
		int r = s->base.ops->tree_read(&s->base, &tree);

		if (r < 0)
			return r;
		s->leaves.size = tree.size;
		s->leaves.is_known = true;
	}
	*ret_index = s->leaves.size + s->leaves.count;
	return 0;
}

static int make_room(struct store_leaves *leaves)
{
	size_t capacity = leaves->capacity ? 2 * leaves->capacity
					   : FIRST_LEAVES;
	void *list;

	if (leaves->count < leaves->capacity)
		return 0;
	list = realloc(leaves->list, capacity * HASH);
	if (!list)
		return -ENOMEM;
	leaves->list = list;
	leaves->capacity = capacity;
	return 0;
}

int store_tree_add(struct table_store *s, const char *stream, uint64_t seq,
		   const uint8_t hash[HASH])
{
	struct store_leaves *leaves = &s->leaves;
	uint8_t id[IDENT_HEX_LEN / 2];
	int r = make_room(leaves);

	if (r == 0 && hex_decode(stream, IDENT_HEX_LEN, id, sizeof(id)) < 0)
		r = -EBADMSG;
	if (r == 0)
		r = merkle_event_leaf(id, seq, hash,
				      leaves->list[leaves->count]);
	if (r == 0)
		leaves->count++;
	return r;
}

int store_tree_add_hole(struct table_store *s)
{
	struct store_leaves *leaves = &s->leaves;
	int r = make_room(leaves);

	if (r == 0)
		r = merkle_leaf("", 0, leaves->list[leaves->count]);
	if (r == 0)
		leaves->count++;
	return r;
}
