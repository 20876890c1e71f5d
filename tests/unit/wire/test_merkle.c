/* SPDX-License-Identifier: Apache-2.0 */
/* The tree against RFC 6962's vectors and against its own definition. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "agent/base/hex.h"
#include "agent/wire/merkle.h"

#define HASH	   MERKLE_HASH_SIZE
#define LEAVES_MAX 1200

/* The leaves and roots of certificate-transparency's own tests. */
static const char *const INPUTS[] = {
	"",
	"00",
	"10",
	"2021",
	"3031",
	"40414243",
	"5051525354555657",
	"606162636465666768696a6b6c6d6e6f",
};
static const char *const ROOTS[] = {
	"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
	"6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
	"fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
	"aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
	"d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
	"4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
	"76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
	"ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
	"5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
};

struct world {
	uint8_t leaves[LEAVES_MAX][HASH];
	/* Every subtree that was complete, as the sink was told. */
	struct {
		uint8_t hash[HASH];
		int is_set;
	} nodes[12][LEAVES_MAX];
	struct merkle tree;
};

static int keep(unsigned int level, uint64_t index, const uint8_t hash[HASH],
		void *ctx)
{
	struct world *w = ctx;

	assert_true(level < 12 && index < LEAVES_MAX);
	assert_false(w->nodes[level][index].is_set);
	w->nodes[level][index].is_set = 1;
	memcpy(w->nodes[level][index].hash, hash, HASH);
	return 0;
}

static int give(unsigned int level, uint64_t index, uint8_t ret_hash[HASH],
		void *ctx)
{
	struct world *w = ctx;

	assert_true(w->nodes[level][index].is_set);
	memcpy(ret_hash, w->nodes[level][index].hash, HASH);
	return 0;
}

static int set_up(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	srandom(7);
	for (unsigned int i = 0; i < LEAVES_MAX; i++) {
		assert_int_equal(merkle_leaf(&i, sizeof(i), w->leaves[i]), 0);
		assert_int_equal(merkle_append(&w->tree, w->leaves[i], keep, w),
				 0);
	}
	*state = w;
	return 0;
}

static int tear_down(void **state)
{
	free(*state);
	return 0;
}

/* MTH of RFC 6962 section 2.1, word for word. */
static void mth(const struct world *w, size_t from, size_t to, uint8_t *ret)
{
	uint8_t left[HASH], right[HASH];
	size_t k = 1;

	if (to - from == 1) {
		memcpy(ret, w->leaves[from], HASH);
		return;
	}
	while (k * 2 < to - from)
		k *= 2;
	mth(w, from, from + k, left);
	mth(w, from + k, to, right);
	assert_int_equal(merkle_node(left, right, ret), 0);
}

/* PATH and SUBPROOF of RFC 6962, word for word. */
static void path(const struct world *w, size_t m, size_t from, size_t to,
		 struct merkle_proof *proof)
{
	size_t k = 1;

	if (to - from == 1)
		return;
	while (k * 2 < to - from)
		k *= 2;
	if (m < k) {
		path(w, m, from, from + k, proof);
		mth(w, from + k, to, proof->hashes[proof->count++]);
	} else {
		path(w, m - k, from + k, to, proof);
		mth(w, from, from + k, proof->hashes[proof->count++]);
	}
}

static void subproof(const struct world *w, size_t m, const size_t range[2],
		     int b, struct merkle_proof *proof)
{
	size_t n = range[1] - range[0], k = 1;

	if (m == n) {
		if (!b)
			mth(w, range[0], range[1],
			    proof->hashes[proof->count++]);
		return;
	}
	while (k * 2 < n)
		k *= 2;
	const size_t left[2] = {range[0], range[0] + k};
	const size_t right[2] = {range[0] + k, range[1]};
	if (m <= k) {
		subproof(w, m, left, b, proof);
		mth(w, right[0], right[1], proof->hashes[proof->count++]);
	} else {
		subproof(w, m - k, right, 0, proof);
		mth(w, left[0], left[1], proof->hashes[proof->count++]);
	}
}

static void the_rfc_vectors_give_their_roots(void **state)
{
	struct merkle tree = {0};

	(void)state;
	for (size_t i = 0; i <= 8; i++) {
		char text[HEX_SIZE(HASH)];
		uint8_t hash[HASH], data[16];

		assert_int_equal(merkle_root(&tree, hash), 0);
		hex_encode(hash, HASH, text);
		assert_string_equal(text, ROOTS[i]);
		if (i == 8)
			break;
		assert_int_equal(hex_decode(INPUTS[i], strlen(INPUTS[i]), data,
					    strlen(INPUTS[i]) / 2),
				 0);
		assert_int_equal(merkle_leaf(data, strlen(INPUTS[i]) / 2, hash),
				 0);
		assert_int_equal(merkle_append(&tree, hash, NULL, NULL), 0);
	}
}

static void the_rfc_vectors_give_their_proofs(void **state)
{
	/* Inclusion of leaf 5 in 8, consistency of 6 with 8. */
	static const char *const inclusion[] = {
		"bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e"
		"6b",
		"ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0a"
		"e0",
		"d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614"
		"b7",
	};
	static const char *const consistency[] = {
		"0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef"
		"6a",
		"ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0a"
		"e0",
		"d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614"
		"b7",
	};
	struct world *w = calloc(1, sizeof(*w));
	const struct merkle_source source = {give, w};
	struct merkle_proof proof;
	uint8_t hash[HASH], data[16];

	(void)state;
	for (size_t i = 0; i < 8; i++) {
		assert_int_equal(hex_decode(INPUTS[i], strlen(INPUTS[i]), data,
					    strlen(INPUTS[i]) / 2),
				 0);
		assert_int_equal(merkle_leaf(data, strlen(INPUTS[i]) / 2, hash),
				 0);
		assert_int_equal(merkle_append(&w->tree, hash, keep, w), 0);
	}
	assert_int_equal(merkle_prove_inclusion(&source, 5, 8, &proof), 0);
	assert_int_equal(proof.count, 3);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(hex_decode(inclusion[i], 64, hash, HASH), 0);
		assert_memory_equal(proof.hashes[i], hash, HASH);
	}
	assert_int_equal(merkle_prove_consistency(&source, 6, 8, &proof), 0);
	assert_int_equal(proof.count, 3);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(hex_decode(consistency[i], 64, hash, HASH), 0);
		assert_memory_equal(proof.hashes[i], hash, HASH);
	}
	free(w);
}

static struct merkle_head head_of(const struct world *w, size_t size)
{
	struct merkle_head head = {.size = size};
	struct merkle tree = {0};

	for (size_t i = 0; i < size; i++)
		assert_int_equal(merkle_append(&tree, w->leaves[i], NULL, NULL),
				 0);
	assert_int_equal(merkle_root(&tree, head.root), 0);
	return head;
}

static void roots_are_those_of_the_definition(void **state)
{
	struct world *w = *state;
	const struct merkle_source source = {give, w};

	for (size_t n = 1; n <= 300; n++) {
		struct merkle_head head = head_of(w, n);
		struct merkle loaded;
		uint8_t root[HASH];

		mth(w, 0, n, root);
		assert_memory_equal(head.root, root, HASH);
		assert_int_equal(merkle_load(&source, n, &loaded), 0);
		assert_int_equal(merkle_root(&loaded, root), 0);
		assert_memory_equal(head.root, root, HASH);
	}
}

/* Whatever is changed in a proof, it proves nothing any more. */
static void spoil(struct merkle_proof *proof, int (*check)(void *), void *ctx)
{
	size_t at = proof->count ? (size_t)random() % proof->count : 0;

	if (proof->count > 0) {
		proof->hashes[at][random() % HASH] ^= 1;
		assert_int_equal(check(ctx), MERKLE_BAD_PROOF);
		proof->count--;
		assert_int_equal(check(ctx), MERKLE_BAD_PROOF);
		proof->count++;
	}
	memset(proof->hashes[proof->count++], 1, HASH);
	assert_int_equal(check(ctx), MERKLE_BAD_PROOF);
}

struct claim {
	struct merkle_head from, to;
	uint64_t index;
	const uint8_t *leaf;
	struct merkle_proof proof;
};

static int check_inclusion(void *ctx)
{
	struct claim *c = ctx;

	return merkle_verify_inclusion(&c->to, c->index, c->leaf, &c->proof);
}

static int check_consistency(void *ctx)
{
	struct claim *c = ctx;

	return merkle_verify_consistency(&c->from, &c->to, &c->proof);
}

static void inclusion_is_that_of_the_definition(void **state)
{
	struct world *w = *state;
	const struct merkle_source source = {give, w};

	for (int i = 0; i < 600; i++) {
		size_t n = i < 200 ? (size_t)i % 20 + 1
				   : (size_t)random() % LEAVES_MAX + 1;
		struct claim c = {.to = head_of(w, n)};
		struct merkle_proof wanted = {0};

		c.index = (uint64_t)random() % n;
		c.leaf = w->leaves[c.index];
		path(w, c.index, 0, n, &wanted);
		assert_int_equal(merkle_prove_inclusion(&source, c.index, n,
							&c.proof),
				 0);
		assert_int_equal(c.proof.count, wanted.count);
		assert_memory_equal(c.proof.hashes, wanted.hashes,
				    wanted.count * HASH);
		assert_int_equal(check_inclusion(&c), 0);
		c.leaf = w->leaves[(c.index + 1) % LEAVES_MAX];
		assert_int_equal(check_inclusion(&c), MERKLE_BAD_PROOF);
		c.leaf = w->leaves[c.index];
		spoil(&c.proof, check_inclusion, &c);
	}
}

static void consistency_is_that_of_the_definition(void **state)
{
	struct world *w = *state;
	const struct merkle_source source = {give, w};

	for (int i = 0; i < 600; i++) {
		size_t n = i < 300 ? (size_t)i % 20 + 1
				   : (size_t)random() % LEAVES_MAX + 1;
		size_t m = (size_t)random() % n + 1;
		const size_t range[2] = {0, n};
		struct claim c = {.from = head_of(w, m), .to = head_of(w, n)};
		struct merkle_proof wanted = {0};

		subproof(w, m, range, 1, &wanted);
		assert_int_equal(
			merkle_prove_consistency(&source, m, n, &c.proof), 0);
		assert_int_equal(c.proof.count, wanted.count);
		assert_memory_equal(c.proof.hashes, wanted.hashes,
				    wanted.count * HASH);
		assert_int_equal(check_consistency(&c), 0);
		c.from.root[3] ^= 1;
		assert_int_equal(check_consistency(&c), MERKLE_BAD_PROOF);
		c.from.root[3] ^= 1;
		spoil(&c.proof, check_consistency, &c);
	}
}

static void every_tree_continues_the_empty_one_only_without_a_proof(
	void **state)
{
	struct world *w = *state;
	struct claim c = {.from = head_of(w, 0), .to = head_of(w, 5)};

	assert_int_equal(check_consistency(&c), 0);
	c.proof.count = 1;
	assert_int_equal(check_consistency(&c), MERKLE_BAD_PROOF);
	c.proof.count = 0;
	c.from = head_of(w, 6);
	assert_int_equal(check_consistency(&c), MERKLE_BAD_PROOF);
}

static void tiles_hold_every_node_below_the_next_tile(void **state)
{
	struct world *w = *state;
	uint8_t hash[HASH];

	for (unsigned int level = 0; level < 8; level++)
		for (uint64_t i = 0; (i + 1) << level <= LEAVES_MAX; i++) {
			size_t tile = (size_t)((i << level) / 256);
			size_t width = LEAVES_MAX - tile * 256;

			if (width > 256)
				width = 256;
			assert_int_equal(merkle_tile_node(w->leaves[tile * 256],
							  width, level, i,
							  hash),
					 0);
			assert_memory_equal(hash, w->nodes[level][i].hash,
					    HASH);
		}
	assert_int_equal(merkle_tile_node(w->leaves[0], 3, 1, 1, hash),
			 MERKLE_BAD_RANGE);
	assert_int_equal(merkle_tile_node(w->leaves[0], 4, 1, 1, hash), 0);
}

static void a_hole_is_covered_by_the_hashes_of_its_subtrees(void **state)
{
	struct world *w = *state;

	for (int i = 0; i < 200; i++) {
		uint64_t n = (uint64_t)random() % LEAVES_MAX + 1;
		uint64_t from = (uint64_t)random() % n;
		uint64_t to = from + (uint64_t)random() % (n - from) + 1;
		struct merkle_head head = head_of(w, n);
		struct merkle tree = {0};
		uint8_t root[HASH];

		while (tree.size < n) {
			if (tree.size < from || tree.size >= to) {
				assert_int_equal(
					merkle_append(&tree,
						      w->leaves[tree.size],
						      NULL, NULL),
					0);
				continue;
			}
			unsigned int level = merkle_cover(tree.size, to);
			uint64_t at = tree.size >> level;

			assert_int_equal(
				merkle_append_subtree(&tree, level,
						      w->nodes[level][at].hash),
				0);
		}
		assert_int_equal(merkle_root(&tree, root), 0);
		assert_memory_equal(root, head.root, HASH);
	}
}

static void what_cannot_be_is_refused(void **state)
{
	struct world *w = *state;
	const struct merkle_source source = {give, w};
	struct merkle tree = {.size = 3};
	struct merkle_proof proof;
	uint8_t hash[HASH] = {0};

	assert_int_equal(merkle_append_subtree(&tree, 1, hash),
			 MERKLE_BAD_RANGE);
	assert_int_equal(merkle_append_subtree(&tree, 63, hash),
			 MERKLE_BAD_RANGE);
	assert_int_equal(tree.size, 3);
	tree.size = MERKLE_SIZE_MAX;
	assert_int_equal(merkle_append(&tree, hash, NULL, NULL),
			 MERKLE_BAD_RANGE);
	assert_int_equal(merkle_prove_inclusion(&source, 4, 4, &proof),
			 MERKLE_BAD_RANGE);
	assert_int_equal(merkle_prove_consistency(&source, 5, 4, &proof),
			 MERKLE_BAD_RANGE);
	assert_int_equal(merkle_leaf(w, 257, hash), MERKLE_BAD_RANGE);
}

static void an_events_leaf_is_stream_sequence_and_hash(void **state)
{
	uint8_t message[56], stream[16], hash[HASH], got[HASH], wanted[HASH];

	(void)state;
	memset(stream, 0xab, sizeof(stream));
	memset(hash, 0xcd, sizeof(hash));
	memset(message, 0xab, 16);
	memcpy(message + 16, "\x08\x07\x06\x05\x04\x03\x02\x01", 8);
	memset(message + 24, 0xcd, 32);
	assert_int_equal(
		merkle_event_leaf(stream, 0x0102030405060708, hash, got), 0);
	assert_int_equal(merkle_leaf(message, sizeof(message), wanted), 0);
	assert_memory_equal(got, wanted, HASH);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_rfc_vectors_give_their_roots),
		cmocka_unit_test(the_rfc_vectors_give_their_proofs),
		cmocka_unit_test(roots_are_those_of_the_definition),
		cmocka_unit_test(inclusion_is_that_of_the_definition),
		cmocka_unit_test(consistency_is_that_of_the_definition),
		cmocka_unit_test(
			every_tree_continues_the_empty_one_only_without_a_proof),
		cmocka_unit_test(tiles_hold_every_node_below_the_next_tile),
		cmocka_unit_test(
			a_hole_is_covered_by_the_hashes_of_its_subtrees),
		cmocka_unit_test(what_cannot_be_is_refused),
		cmocka_unit_test(an_events_leaf_is_stream_sequence_and_hash),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
