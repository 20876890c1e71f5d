/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tree: the store's tiles as a source of nodes for proofs, and their names on
 * the web (C2SP tlog-tiles). Reads only.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "agent/wire/merkle.h"
#include "collector/store.h"

/* Keeps the last tile, as proofs and exports ask for neighbours. */
struct tree_reader {
	struct store *store; /* borrowed */
	bool is_loaded;
	unsigned int level; /* of the tile */
	uint64_t index;
	size_t width;
	uint8_t hashes[MERKLE_TILE_BYTES];
};

/* A merkle_read_fn: `ctx` is a struct tree_reader. -EBADMSG: a tile is short. */
int tree_read_node(unsigned int level, uint64_t index,
		   uint8_t ret_hash[MERKLE_HASH_SIZE], void *ctx);

/* Size and root of the store's tree as committed. 0 or -errno. */
int tree_read_head(struct store *store, struct merkle_head *ret_head)
	__attribute__((nonnull, warn_unused_result));

/* A tile by its name. width: 1..256 hashes of it. */
struct tree_tile {
	unsigned int level;
	uint64_t index;
	size_t width;
};

/*
 * Reads what follows `/tile/8/`: `<L>/<N>[.p/<W>]`, N in groups of three digits,
 * all but the last with an x before them. 0 or -EINVAL.
 */
int tree_parse_tile(const char *path, struct tree_tile *ret_tile)
	__attribute__((nonnull, warn_unused_result));
