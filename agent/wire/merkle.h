/* SPDX-License-Identifier: Apache-2.0 */
/*
 * merkle: the RFC 6962 tree (section 2.1, the same as RFC 9162) over events, as
 * a frontier that grows leaf by leaf, and its two proofs: that a leaf is in it
 * (inclusion) and that one tree continues another (consistency). A subtree of
 * level k covers 2^k leaves. Nodes that are stored are asked for by a callback,
 * so that tiles (C2SP tlog-tiles) in a database or a file serve alike.
 *
 * PURE: no I/O, clock or allocation of our own (libcrypto's digests aside).
 * All functions return 0, a named outcome, or -ENOMEM from libcrypto.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define MERKLE_HASH_SIZE 32u
#define MERKLE_LEVELS	 63u /* sizes are below 2^63 */
#define MERKLE_SIZE_MAX	 ((UINT64_C(1) << MERKLE_LEVELS) - 1)
/* Hashes of the longest proof; C2SP tlog-witness allows 63. */
#define MERKLE_PROOF_MAX 64u

/* C2SP tlog-tiles: every eighth level is stored, 256 hashes a tile. */
#define MERKLE_TILE_HEIGHT 8u
#define MERKLE_TILE_WIDTH  256u
#define MERKLE_TILE_BYTES  ((size_t)MERKLE_TILE_WIDTH * MERKLE_HASH_SIZE)
#define MERKLE_TILE_LEVELS 8u

/*
 * A tree as its frontier: one hash for each bit set in size, of the complete
 * subtrees from left to right. Zeroed memory is the empty tree.
 */
struct merkle {
	uint64_t size;
	uint8_t peaks[MERKLE_LEVELS][MERKLE_HASH_SIZE];
};

struct merkle_proof {
	size_t count;
	uint8_t hashes[MERKLE_PROOF_MAX][MERKLE_HASH_SIZE];
};

enum merkle_outcome {
	MERKLE_BAD_PROOF = 1, /* it does not prove that */
	MERKLE_BAD_RANGE,     /* a size, index or level that cannot be */
};

/* Peaks in use. */
size_t merkle_peaks(uint64_t size) __attribute__((const));

/* SHA-256(0x00 || data). */
int merkle_leaf(const void *data, size_t size,
		uint8_t ret_hash[MERKLE_HASH_SIZE])
	__attribute__((nonnull(3), warn_unused_result));

/*
 * The leaf of an event: SHA-256(0x00 || stream, 16 octets || seq, 64 bit
 * little-endian || h_n of frame.h).
 */
int merkle_event_leaf(const uint8_t stream[16], uint64_t seq,
		      const uint8_t hash[MERKLE_HASH_SIZE],
		      uint8_t ret_hash[MERKLE_HASH_SIZE])
	__attribute__((nonnull, warn_unused_result));

/* SHA-256(0x01 || left || right). */
int merkle_node(const uint8_t left[MERKLE_HASH_SIZE],
		const uint8_t right[MERKLE_HASH_SIZE],
		uint8_t ret_hash[MERKLE_HASH_SIZE])
	__attribute__((nonnull, warn_unused_result));

/*
 * Called for each subtree that becomes complete, of every level, from the leaf
 * upwards: `index` counts subtrees of that level. What is not 0 ends the work.
 */
typedef int merkle_sink_fn(unsigned int level, uint64_t index,
			   const uint8_t hash[MERKLE_HASH_SIZE], void *ctx);

/*
 * Appends a leaf's hash; `sink` may be NULL. MERKLE_BAD_RANGE when the tree is
 * full. After a failure the tree is undefined.
 */
int merkle_append(struct merkle *tree, const uint8_t leaf[MERKLE_HASH_SIZE],
		  merkle_sink_fn *sink, void *ctx)
	__attribute__((nonnull(1, 2), warn_unused_result));

/*
 * Appends 2^level leaves by the hash of their subtree. MERKLE_BAD_RANGE
 * (unchanged) unless the tree's size is a multiple of 2^level.
 */
int merkle_append_subtree(struct merkle *tree, unsigned int level,
			  const uint8_t hash[MERKLE_HASH_SIZE])
	__attribute__((nonnull, warn_unused_result));

/* Level of the largest subtree that begins at `from` and ends by `to` > from. */
unsigned int merkle_cover(uint64_t from, uint64_t to) __attribute__((const));

/* The tree's root; SHA-256 of nothing for the empty tree. */
int merkle_root(const struct merkle *tree, uint8_t ret_root[MERKLE_HASH_SIZE])
	__attribute__((nonnull, warn_unused_result));

/* Gives the hash of a complete subtree; 0, or what ends the work. */
typedef int merkle_read_fn(unsigned int level, uint64_t index,
			   uint8_t ret_hash[MERKLE_HASH_SIZE], void *ctx);

struct merkle_source {
	merkle_read_fn *read;
	void *ctx;
};

/*
 * The hash of subtree (level, index) from a tile's hashes: the tile of level
 * level / MERKLE_TILE_HEIGHT that holds it, `width` hashes of it at `hashes`.
 * MERKLE_BAD_RANGE when the tile is not that far yet.
 */
int merkle_tile_node(const uint8_t *hashes, size_t width, unsigned int level,
		     uint64_t index, uint8_t ret_hash[MERKLE_HASH_SIZE])
	__attribute__((nonnull, warn_unused_result));

/* The frontier of the first `size` leaves, from stored nodes. */
int merkle_load(const struct merkle_source *source, uint64_t size,
		struct merkle *ret_tree)
	__attribute__((nonnull, warn_unused_result));

/*
 * Makes a proof (RFC 6962 sections 2.1.1 and 2.1.2): that leaf `index` is in
 * the first `size` leaves, or that the tree of `to` leaves continues the one of
 * `from`. 0; MERKLE_BAD_RANGE; or what the source returned.
 */
int merkle_prove_inclusion(const struct merkle_source *source, uint64_t index,
			   uint64_t size, struct merkle_proof *ret_proof)
	__attribute__((nonnull, warn_unused_result));
int merkle_prove_consistency(const struct merkle_source *source, uint64_t from,
			     uint64_t to, struct merkle_proof *ret_proof)
	__attribute__((nonnull, warn_unused_result));

/* A tree as a checkpoint names it. */
struct merkle_head {
	uint64_t size;
	uint8_t root[MERKLE_HASH_SIZE];
};

/* RFC 9162 section 2.1.3.2. 0 proved, MERKLE_BAD_PROOF. */
int merkle_verify_inclusion(const struct merkle_head *head, uint64_t index,
			    const uint8_t leaf[MERKLE_HASH_SIZE],
			    const struct merkle_proof *proof)
	__attribute__((nonnull, warn_unused_result));

/* RFC 9162 section 2.1.4.2; from size 0 and to the same size included. */
int merkle_verify_consistency(const struct merkle_head *from,
			      const struct merkle_head *to,
			      const struct merkle_proof *proof)
	__attribute__((nonnull, warn_unused_result));
