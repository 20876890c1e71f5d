/* SPDX-License-Identifier: Apache-2.0 */
/*
 * merkle: frontier, proofs and their verification. Every hash of more than one
 * leaf is put together in join(), every range of stored nodes in hash_range().
 */
#include "agent/wire/merkle.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include <openssl/evp.h>

#include "agent/wire/endian.h"

#define HASH MERKLE_HASH_SIZE

/* A leaf's data that fits without allocation: ours is 56 octets. */
#define LEAF_MAX 256u

static int sha256(const uint8_t *data, size_t size, uint8_t ret_hash[HASH])
{
	return EVP_Digest(data, size, ret_hash, NULL, EVP_sha256(), NULL) == 1
		       ? 0
		       : -ENOMEM;
}

size_t merkle_peaks(uint64_t size)
{
	size_t count = 0;

	/* The builtin is a call into libgcc on the oldest x86-64. */
	for (; size > 0; size &= size - 1)
		count++;
	return count;
}

int merkle_leaf(const void *data, size_t size, uint8_t ret_hash[HASH])
{
	uint8_t message[1 + LEAF_MAX] = {0x00};

	if (size > LEAF_MAX)
		return MERKLE_BAD_RANGE;
	if (size > 0)
		memcpy(message + 1, data, size);
	return sha256(message, 1 + size, ret_hash);
}

int merkle_event_leaf(const uint8_t stream[16], uint64_t seq,
		      const uint8_t hash[HASH], uint8_t ret_hash[HASH])
{
	uint8_t data[16 + 8 + HASH];

	memcpy(data, stream, 16);
	put_le64(data + 16, seq);
	memcpy(data + 24, hash, HASH);
	return merkle_leaf(data, sizeof(data), ret_hash);
}

int merkle_node(const uint8_t left[HASH], const uint8_t right[HASH],
		uint8_t ret_hash[HASH])
{
	uint8_t message[1 + 2 * HASH] = {0x01};

	memcpy(message + 1, left, HASH);
	memcpy(message + 1 + HASH, right, HASH);
	return sha256(message, sizeof(message), ret_hash);
}

static int grow(struct merkle *tree, unsigned int level,
		const uint8_t hash[HASH], merkle_sink_fn *sink, void *ctx)
{
	size_t peaks = merkle_peaks(tree->size);
	uint64_t index = tree->size >> level;
	uint8_t node[HASH];
	int r = 0;

	memcpy(node, hash, HASH);
	if (sink)
		r = sink(level, index, node, ctx);
	tree->size += UINT64_C(1) << level;
	/* While there is a peak of the same level on the left, join them. */
	while (r == 0 && (index & 1)) {
		r = merkle_node(tree->peaks[--peaks], node, node);
		index >>= 1;
		level++;
		if (r == 0 && sink)
			r = sink(level, index, node, ctx);
	}
	memcpy(tree->peaks[peaks], node, HASH);
	return r;
}

int merkle_append(struct merkle *tree, const uint8_t leaf[HASH],
		  merkle_sink_fn *sink, void *ctx)
{
	if (tree->size >= MERKLE_SIZE_MAX)
		return MERKLE_BAD_RANGE;
	return grow(tree, 0, leaf, sink, ctx);
}

int merkle_append_subtree(struct merkle *tree, unsigned int level,
			  const uint8_t hash[HASH])
{
	uint64_t count;

	if (level >= MERKLE_LEVELS)
		return MERKLE_BAD_RANGE;
	count = UINT64_C(1) << level;
	if ((tree->size & (count - 1)) != 0 ||
	    tree->size > MERKLE_SIZE_MAX - count)
		return MERKLE_BAD_RANGE;
	return grow(tree, level, hash, NULL, NULL);
}

unsigned int merkle_cover(uint64_t from, uint64_t to)
{
	unsigned int fits = 63u - (unsigned int)__builtin_clzll(to - from);
	unsigned int aligned = from > 0 ? (unsigned int)__builtin_ctzll(from)
					: fits;

	return aligned < fits ? aligned : fits;
}

int merkle_root(const struct merkle *tree, uint8_t ret_root[HASH])
{
	size_t at = merkle_peaks(tree->size);
	int r = 0;

	if (at == 0)
		return sha256((const uint8_t *)"", 0, ret_root);
	memcpy(ret_root, tree->peaks[--at], HASH);
	while (r == 0 && at > 0)
		r = merkle_node(tree->peaks[--at], ret_root, ret_root);
	return r;
}

/* Folds `count` neighbours, a power of two, in place. */
static int join(uint8_t (*hashes)[HASH], size_t count)
{
	int r = 0;

	for (; count > 1; count /= 2)
		for (size_t i = 0; r == 0 && i < count / 2; i++)
			r = merkle_node(hashes[2 * i], hashes[2 * i + 1],
					hashes[i]);
	return r;
}

int merkle_tile_node(const uint8_t *hashes, size_t width, unsigned int level,
		     uint64_t index, uint8_t ret_hash[HASH])
{
	uint8_t nodes[MERKLE_TILE_WIDTH / 2][HASH];
	unsigned int above = level % MERKLE_TILE_HEIGHT;
	size_t count = (size_t)1 << above;
	size_t from = (size_t)((index << above) % MERKLE_TILE_WIDTH);
	int r;

	if (level >= MERKLE_LEVELS || width > MERKLE_TILE_WIDTH ||
	    from + count > width)
		return MERKLE_BAD_RANGE;
	memcpy(nodes, hashes + from * HASH, count * HASH);
	r = join(nodes, count);
	memcpy(ret_hash, nodes[0], HASH);
	return r;
}

/* The frontier of leaves [from, to), `from` a multiple of what is covered. */
static int load_range(const struct merkle_source *source, uint64_t from,
		      uint64_t to, struct merkle *tree)
{
	size_t peaks = 0;
	int r = 0;

	tree->size = to - from;
	while (r == 0 && from < to) {
		unsigned int level = 63u -
				     (unsigned int)__builtin_clzll(to - from);

		r = source->read(level, from >> level, tree->peaks[peaks++],
				 source->ctx);
		from += UINT64_C(1) << level;
	}
	return r;
}

int merkle_load(const struct merkle_source *source, uint64_t size,
		struct merkle *ret_tree)
{
	struct merkle tree = {0};
	int r;

	if (size > MERKLE_SIZE_MAX)
		return MERKLE_BAD_RANGE;
	r = load_range(source, 0, size, &tree);
	if (r == 0)
		*ret_tree = tree;
	return r;
}

static int hash_range(const struct merkle_source *source, uint64_t from,
		      uint64_t to, uint8_t ret_hash[HASH])
{
	struct merkle tree;
	int r = load_range(source, from, to, &tree);

	return r != 0 ? r : merkle_root(&tree, ret_hash);
}

/* The largest power of two below n > 1: where RFC 6962 splits. */
static uint64_t split(uint64_t n)
{
	return UINT64_C(1) << (63 - __builtin_clzll(n - 1));
}

/* Proofs are found from the root down and written from the leaf up. */
static void reverse(struct merkle_proof *proof)
{
	uint8_t other[HASH];

	for (size_t i = 0; i < proof->count / 2; i++) {
		size_t j = proof->count - 1 - i;

		memcpy(other, proof->hashes[i], HASH);
		memcpy(proof->hashes[i], proof->hashes[j], HASH);
		memcpy(proof->hashes[j], other, HASH);
	}
}

static int add_range(const struct merkle_source *source, uint64_t from,
		     uint64_t to, struct merkle_proof *proof)
{
	if (proof->count == MERKLE_PROOF_MAX)
		return MERKLE_BAD_RANGE;
	return hash_range(source, from, to, proof->hashes[proof->count++]);
}

int merkle_prove_inclusion(const struct merkle_source *source, uint64_t index,
			   uint64_t size, struct merkle_proof *ret_proof)
{
	uint64_t from = 0, to = size;
	int r = 0;

	ret_proof->count = 0;
	if (index >= size || size > MERKLE_SIZE_MAX)
		return MERKLE_BAD_RANGE;
	while (r == 0 && to - from > 1) {
		uint64_t middle = from + split(to - from);

		if (index < middle) {
			r = add_range(source, middle, to, ret_proof);
			to = middle;
		} else {
			r = add_range(source, from, middle, ret_proof);
			from = middle;
		}
	}
	reverse(ret_proof);
	return r;
}

int merkle_prove_consistency(const struct merkle_source *source, uint64_t from,
			     uint64_t to, struct merkle_proof *ret_proof)
{
	uint64_t low = 0, high = to;
	int r = 0;

	ret_proof->count = 0;
	if (from > to || to > MERKLE_SIZE_MAX)
		return MERKLE_BAD_RANGE;
	if (from == 0 || from == to)
		return 0;
	while (r == 0 && from < high) {
		uint64_t middle = low + split(high - low);

		if (from <= middle) {
			r = add_range(source, middle, high, ret_proof);
			high = middle;
		} else {
			r = add_range(source, low, middle, ret_proof);
			low = middle;
		}
	}
	/* The old tree's root itself is known to whoever asks. */
	if (r == 0 && low > 0)
		r = add_range(source, low, high, ret_proof);
	reverse(ret_proof);
	return r;
}

/*
 * One step of RFC 9162's walk from leaf `at` to the top of a tree whose last
 * leaf is `last`. true: the neighbour is on the left.
 */
static bool climb(uint64_t *at, uint64_t *last)
{
	bool is_left = (*at & 1) || *at == *last;

	/* At the right edge, where a level has no neighbour: higher. */
	while (is_left && !(*at & 1) && *at != 0) {
		*at >>= 1;
		*last >>= 1;
	}
	*at >>= 1;
	*last >>= 1;
	return is_left;
}

int merkle_verify_inclusion(const struct merkle_head *head, uint64_t index,
			    const uint8_t leaf[HASH],
			    const struct merkle_proof *proof)
{
	uint64_t at = index, last = head->size - 1;
	uint8_t node[HASH];
	int r = 0;

	if (index >= head->size || proof->count > MERKLE_PROOF_MAX)
		return MERKLE_BAD_PROOF;
	memcpy(node, leaf, HASH);
	for (size_t i = 0; r == 0 && i < proof->count; i++) {
		const uint8_t *other = proof->hashes[i];

		if (last == 0)
			return MERKLE_BAD_PROOF;
		r = climb(&at, &last) ? merkle_node(other, node, node)
				      : merkle_node(node, other, node);
	}
	if (r < 0)
		return r;
	return last == 0 && memcmp(node, head->root, HASH) == 0
		       ? 0
		       : MERKLE_BAD_PROOF;
}

/* Both roots from the proof; *ret_is_whole: it led up to the top. */
static int walk_consistency(uint64_t from, uint64_t to,
			    const struct merkle_proof *proof,
			    uint8_t roots[2][HASH], bool *ret_is_whole)
{
	uint64_t at = from - 1, last = to - 1;
	int r = 0;

	while (at & 1) {
		at >>= 1;
		last >>= 1;
	}
	for (size_t i = 0; r == 0 && i < proof->count; i++) {
		const uint8_t *other = proof->hashes[i];

		if (last == 0)
			return MERKLE_BAD_PROOF;
		if (!climb(&at, &last)) {
			r = merkle_node(roots[1], other, roots[1]);
			continue;
		}
		r = merkle_node(other, roots[0], roots[0]);
		if (r == 0)
			r = merkle_node(other, roots[1], roots[1]);
	}
	*ret_is_whole = last == 0;
	return r;
}

int merkle_verify_consistency(const struct merkle_head *from,
			      const struct merkle_head *to,
			      const struct merkle_proof *proof)
{
	struct merkle_proof rest = {0};
	uint8_t roots[2][HASH];
	bool is_whole = false;
	int r;

	if (from->size > to->size || proof->count > MERKLE_PROOF_MAX)
		return MERKLE_BAD_PROOF;
	if (from->size == to->size)
		return proof->count == 0 &&
				       memcmp(from->root, to->root, HASH) == 0
			       ? 0
			       : MERKLE_BAD_PROOF;
	if (from->size == 0 || proof->count == 0)
		return from->size == 0 && proof->count == 0 ? 0
							    : MERKLE_BAD_PROOF;
	/* A whole subtree is its own beginning, and is not in the proof. */
	if ((from->size & (from->size - 1)) == 0) {
		rest = *proof;
		memcpy(roots[0], from->root, HASH);
	} else {
		rest.count = proof->count - 1;
		memcpy(rest.hashes, proof->hashes + 1, rest.count * HASH);
		memcpy(roots[0], proof->hashes[0], HASH);
	}
	memcpy(roots[1], roots[0], HASH);
	r = walk_consistency(from->size, to->size, &rest, roots, &is_whole);
	if (r != 0)
		return r;
	return is_whole && memcmp(roots[0], from->root, HASH) == 0 &&
			       memcmp(roots[1], to->root, HASH) == 0
		       ? 0
		       : MERKLE_BAD_PROOF;
}
