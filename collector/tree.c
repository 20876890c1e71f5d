/* SPDX-License-Identifier: Apache-2.0 */
/* tree: one tile of cache, and the names of tiles read in one spelling only. */
#include "collector/tree.h"

#include <errno.h>
#include <string.h>

#include "agent/base/banned.h"

#define GROUPS_MAX 7 /* of three digits: 2^55 tiles need six */

static int load_tile(struct tree_reader *reader, unsigned int level,
		     uint64_t index)
{
	int r;

	if (reader->is_loaded && reader->level == level &&
	    reader->index == index)
		return 0;
	reader->is_loaded = false;
	r = reader->store->ops->tile_read(reader->store, level, index,
					  reader->hashes, &reader->width);
	if (r < 0)
		return r == -ENOENT ? -EBADMSG : r;
	reader->level = level;
	reader->index = index;
	reader->is_loaded = true;
	return 0;
}

int tree_read_node(unsigned int level, uint64_t index,
		   uint8_t ret_hash[MERKLE_HASH_SIZE], void *ctx)
{
	struct tree_reader *reader = ctx;
	unsigned int above = level % MERKLE_TILE_HEIGHT;
	uint64_t tile = (index << above) / MERKLE_TILE_WIDTH;
	int r = load_tile(reader, level / MERKLE_TILE_HEIGHT, tile);

	if (r < 0)
		return r;
	r = merkle_tile_node(reader->hashes, reader->width, level, index,
			     ret_hash);
	if (r == MERKLE_BAD_RANGE && reader->width < MERKLE_TILE_WIDTH) {
		/* The tile may have grown since it was read. */
		reader->is_loaded = false;
		r = load_tile(reader, level / MERKLE_TILE_HEIGHT, tile);
		if (r == 0)
			r = merkle_tile_node(reader->hashes, reader->width,
					     level, index, ret_hash);
	}
	return r > 0 ? -EBADMSG : r;
}

int tree_read_head(struct store *store, struct merkle_head *ret_head)
{
	struct merkle tree;
	int r = store->ops->tree_read(store, &tree);

	if (r < 0)
		return r;
	ret_head->size = tree.size;
	return merkle_root(&tree, ret_head->root);
}

/* `count` digits, or as many as there are, at least one; no leading zero. */
static const char *read_number(const char *at, uint64_t max, uint64_t *value)
{
	const char *from = at;

	*value = 0;
	while (*at >= '0' && *at <= '9') {
		*value = *value * 10 + (uint64_t)(*at++ - '0');
		if (*value > max)
			return NULL;
	}
	return at == from || (*from == '0' && at - from > 1) ? NULL : at;
}

static bool is_group(const char *at)
{
	for (int i = 0; i < 3; i++)
		if (at[i] < '0' || at[i] > '9')
			return false;
	return true;
}

/* "x001/x234/067": at least one group; the first is x000 never. */
static const char *read_index(const char *at, uint64_t *index)
{
	*index = 0;
	for (int group = 0; group < GROUPS_MAX; group++) {
		bool is_more = *at == 'x';

		at += is_more;
		if (!is_group(at) ||
		    (group == 0 && is_more && memcmp(at, "000", 3) == 0))
			return NULL;
		*index = *index * 1000 + (uint64_t)(at[0] - '0') * 100 +
			 (uint64_t)(at[1] - '0') * 10 + (uint64_t)(at[2] - '0');
		at += 3;
		if (!is_more)
			return at;
		if (*at++ != '/')
			return NULL;
	}
	return NULL;
}

int tree_parse_tile(const char *path, struct tree_tile *ret_tile)
{
	uint64_t level, index, width = MERKLE_TILE_WIDTH;
	const char *at = read_number(path, MERKLE_TILE_LEVELS - 1, &level);

	if (!at || *at != '/')
		return -EINVAL;
	at = read_index(at + 1, &index);
	if (!at || index >= UINT64_C(1) << 55)
		return -EINVAL;
	if (strncmp(at, ".p/", 3) == 0) {
		at = read_number(at + 3, MERKLE_TILE_WIDTH - 1, &width);
		if (!at || width == 0)
			return -EINVAL;
	}
	if (*at != '\0')
		return -EINVAL;
	*ret_tile = (struct tree_tile){(unsigned int)level, index,
				       (size_t)width};
	return 0;
}
