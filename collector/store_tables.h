/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store_tables: what every database must do for the parts of a store that are
 * the same in all of them: the high-water row (store_put.c) and the tree
 * (store_tree.c). Rows only; what they mean is decided there. Only the stores
 * include it.
 *
 * All functions run in the transaction of the store they are given, and return
 * 0 or -errno as store.h has it, unless they say otherwise.
 */
#pragma once

#include "agent/wire/frame.h"
#include "collector/store.h"

/* A stream's high-water row. */
struct table_stream {
	int64_t id; /* 0: not seen yet */
	uint64_t seq;
	uint8_t tip[FRAME_HASH_SIZE];
};

/* One new event: where it belongs, and its leaf in the tree. */
struct table_event {
	int64_t host;
	int64_t stream;
	uint64_t leaf; /* the row's id is this + 1 */
	int64_t recv_ms;
	const struct store_event *event;
};

struct table_rollup {
	const char *unit;
	struct event_text code;
	int64_t count;
};

struct store_tables {
	/* The terminal's row, made when it is not there. */
	int (*host_take)(struct store *store, const struct store_batch *batch,
			 int64_t *ret_id);
	/* Seen now, and what it says of itself. */
	int (*host_seen)(struct store *store, int64_t host,
			 const struct store_batch *batch);

	/* 1: found; 0: not known. */
	int (*stream_find)(struct store *store, int64_t host,
			   const char *stream, struct table_stream *ret);
	/* How many other streams the terminal has; or -errno. */
	int (*stream_others)(struct store *store, int64_t host,
			     const char *stream);
	/* At seq 0, with `tip` as its origin. */
	int (*stream_add)(struct store *store, int64_t host,
			  const struct store_batch *batch,
			  struct table_stream *stream);
	/* To the end of the batch, of which `stored` were new. */
	int (*stream_move)(struct store *store, int64_t stream,
			   const struct store_batch *batch, size_t stored);

	int (*event_add)(struct store *store, const struct table_event *event);
	/* 1: found; 0: not there (any more). */
	int (*event_hash)(struct store *store, int64_t stream, uint64_t seq,
			  uint8_t ret_hash[FRAME_HASH_SIZE]);
	/* The batch begins behind a hole that began at `first`. */
	int (*gap_add)(struct store *store, int64_t stream, uint64_t first,
		       const struct headers *headers);
	int (*rollup_add)(struct store *store, int64_t day,
			  const struct table_rollup *rollup);

	int (*tree_set)(struct store *store, const struct merkle *tree);
	int (*tile_set)(struct store *store, unsigned int level, uint64_t index,
			const uint8_t *hashes, size_t count);
};

/* Leaves of this transaction, not yet in the tree. */
struct store_leaves {
	bool is_known; /* size was read in this transaction */
	uint64_t size;
	uint8_t (*list)[MERKLE_HASH_SIZE];
	size_t count;
	size_t capacity;
	size_t step; /* count when the step began */
};

/* What a store of any database begins with. */
struct table_store {
	struct store base;
	const struct store_tables *tables;
	struct store_leaves leaves;
};

static inline struct table_store *table_store(struct store *store)
{
	return (struct table_store *)store; /* base is the first member */
}

/* store_put.c: the store's put_batch. */
int store_put_batch(struct store *store, const struct store_batch *batch,
		    struct store_ack *ret_ack)
	__attribute__((nonnull, warn_unused_result));

/*
 * store_tree.c: the index of the next leaf; one more leaf of this transaction;
 * one of nothing; all of them into the tree, before COMMIT; none of them.
 */
int store_tree_next(struct table_store *s, uint64_t *ret_index)
	__attribute__((nonnull, warn_unused_result));
int store_tree_add(struct table_store *s, const char *stream, uint64_t seq,
		   const uint8_t hash[MERKLE_HASH_SIZE])
	__attribute__((nonnull, warn_unused_result));
int store_tree_add_hole(struct table_store *s)
	__attribute__((nonnull, warn_unused_result));
int store_tree_flush(struct table_store *s)
	__attribute__((nonnull, warn_unused_result));
void store_tree_forget(struct table_store *s) __attribute__((nonnull));

/* The key of a tile: level << 56 | index. */
static inline int64_t store_tile_key(unsigned int level, uint64_t index)
{
	return (int64_t)((uint64_t)level << 56 | index);
}
