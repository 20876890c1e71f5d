/* SPDX-License-Identifier: Apache-2.0 */
/* The tree in the store: one leaf an event, undone with it, begun late too. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

#include "tests/unit/collector/database.h"

#define HASH MERKLE_HASH_SIZE

struct test {
	char *folder;
	struct store *store;
};

static int set_up(void **state)
{
	struct test *t = calloc(1, sizeof(*t));

	assert_non_null(t);
	database_make(&t->folder, &t->store);
	*state = t;
	return 0;
}

static int tear_down(void **state)
{
	struct test *t = *state;

	store_close(t->store);
	fixture_remove(t->folder);
	free(t);
	return 0;
}

static void run_sql(const struct test *t, const char *sql)
{
	database_run(t->folder, sql);
}

struct oracle {
	struct merkle tree;
	int64_t next; /* id that must come */
};

static int add_row(const struct store_row *row, void *ctx)
{
	struct oracle *oracle = ctx;
	uint8_t stream[16], leaf[HASH];

	assert_int_equal(hex_decode(row->stream, 32, stream, 16), 0);
	for (; oracle->next < row->id; oracle->next++) {
		assert_int_equal(merkle_leaf("", 0, leaf), 0);
		assert_int_equal(merkle_append(&oracle->tree, leaf, NULL, NULL),
				 0);
	}
	assert_int_equal(row->id, oracle->next++);
	assert_int_equal(merkle_event_leaf(stream, row->seq, row->hash, leaf),
			 0);
	return merkle_append(&oracle->tree, leaf, NULL, NULL);
}

static int read_tile(unsigned int level, uint64_t index, uint8_t *ret_hash,
		     void *ctx)
{
	struct test *t = ctx;
	uint8_t hashes[MERKLE_TILE_BYTES];
	size_t width = 0;
	unsigned int above = level % MERKLE_TILE_HEIGHT;
	int r = t->store->ops->tile_read(t->store, level / MERKLE_TILE_HEIGHT,
					 (index << above) / MERKLE_TILE_WIDTH,
					 hashes, &width);

	return r < 0 ? r
		     : merkle_tile_node(hashes, width, level, index, ret_hash);
}

/* The stored tree and its tiles are what the rows say. */
static void check_tree(struct test *t, uint64_t size)
{
	const struct store_query all = {0};
	const struct merkle_source source = {read_tile, t};
	struct oracle oracle = {.next = 1};
	struct merkle tree, tiled;
	uint8_t roots[3][HASH];

	assert_int_equal(
		t->store->ops->each_row(t->store, &all, add_row, &oracle), 0);
	assert_int_equal(t->store->ops->tree_read(t->store, &tree), 0);
	assert_int_equal(tree.size, size);
	assert_int_equal(oracle.tree.size, size);
	assert_int_equal(merkle_load(&source, size, &tiled), 0);
	assert_int_equal(merkle_root(&tree, roots[0]), 0);
	assert_int_equal(merkle_root(&oracle.tree, roots[1]), 0);
	assert_int_equal(merkle_root(&tiled, roots[2]), 0);
	assert_memory_equal(roots[0], roots[1], HASH);
	assert_memory_equal(roots[0], roots[2], HASH);
}

static void put(struct test *t, struct fixture *f, uint64_t last)
{
	struct store_batch batch = fixture_batch(f, 1, last);
	struct store_ack ack;

	assert_int_equal(t->store->ops->put_batch(t->store, &batch, &ack), 0);
}

static void put_stream(struct test *t, unsigned int number, uint64_t last)
{
	struct fixture *f = malloc(sizeof(*f));
	char stream[33];

	assert_non_null(f);
	snprintf(stream, sizeof(stream), "%032x", number);
	fixture_init(f, stream, 0);
	put(t, f, last);
	free(f);
}

static void every_commit_leaves_tree_and_rows_equal(void **state)
{
	struct test *t = *state;
	uint64_t size = 0;

	check_tree(t, 0);
	for (unsigned int i = 1; i <= 24; i++) {
		uint64_t count = i * 7 % FIXTURE_MAX + 1;

		assert_int_equal(t->store->ops->begin(t->store), 0);
		put_stream(t, 2 * i, count);
		put_stream(t, 2 * i + 1, FIXTURE_MAX);
		assert_int_equal(t->store->ops->commit(t->store), 0);
		size += count + FIXTURE_MAX;
		check_tree(t, size);
	}
	assert_true(size > 2 * MERKLE_TILE_WIDTH);
	store_close(t->store);
	assert_int_equal(database_open(t->folder, STORE_WRITE, &t->store), 0);
	check_tree(t, size);
}

static void a_step_that_is_undone_leaves_no_leaf(void **state)
{
	struct test *t = *state;
	const struct store_ops *ops = t->store->ops;

	assert_int_equal(ops->begin(t->store), 0);
	for (unsigned int i = 1; i <= 10; i++) {
		assert_int_equal(ops->step_begin(t->store), 0);
		put_stream(t, i, 3 * i);
		assert_int_equal(ops->step_end(t->store, i % 3 != 0), 0);
	}
	assert_int_equal(ops->commit(t->store), 0);
	check_tree(t, 3 * (1 + 2 + 4 + 5 + 7 + 8 + 10));
	assert_int_equal(ops->begin(t->store), 0);
	put_stream(t, 99, 5);
	ops->rollback(t->store);
	check_tree(t, 111);
}

static const char DOWNGRADE[] =
	"DROP TABLE tree; DROP TABLE tiles; DROP TABLE gaps;"
	"PRAGMA user_version = 1";

static void make_old(struct test *t, const char *sql)
{
	if (database_name())
		skip(); /* only SQLite's had none */
	assert_int_equal(t->store->ops->begin(t->store), 0);
	for (unsigned int i = 1; i <= 9; i++)
		put_stream(t, i, FIXTURE_MAX);
	assert_int_equal(t->store->ops->commit(t->store), 0);
	store_close(t->store);
	t->store = NULL;
	run_sql(t, DOWNGRADE);
	run_sql(t, sql);
}

static void an_older_store_gets_its_tree(void **state)
{
	struct test *t = *state;

	make_old(t, "SELECT 1");
	assert_int_equal(database_open(t->folder, STORE_READ, &t->store), 0);
	check_tree(t, 9 * FIXTURE_MAX);
}

static void what_an_older_store_lacks_is_a_hole_for_ever(void **state)
{
	struct test *t = *state;

	make_old(t, "DELETE FROM events WHERE id IN (1, 7, 8, 300)");
	assert_int_equal(database_open(t->folder, STORE_WRITE, &t->store), 0);
	check_tree(t, 9 * FIXTURE_MAX);
}

static void an_older_store_with_a_wild_row_is_left_alone(void **state)
{
	struct test *t = *state;

	make_old(t, "UPDATE events SET id = 1 << 60 WHERE id = 5");
	assert_int_equal(database_open(t->folder, STORE_WRITE, &t->store),
			 -EBADMSG);
	/* Nothing was begun: the next version may still read it. */
	run_sql(t, "UPDATE events SET id = 5 WHERE id = 1 << 60");
	assert_int_equal(database_open(t->folder, STORE_WRITE, &t->store), 0);
	check_tree(t, 9 * FIXTURE_MAX);
}

static void nothing_takes_the_place_of_a_removed_event(void **state)
{
	struct test *t = *state;
	struct merkle tree;

	assert_int_equal(t->store->ops->begin(t->store), 0);
	put_stream(t, 1, 10);
	assert_int_equal(t->store->ops->commit(t->store), 0);
	run_sql(t, "DELETE FROM events WHERE id > 7");
	assert_int_equal(t->store->ops->begin(t->store), 0);
	put_stream(t, 2, 5);
	assert_int_equal(t->store->ops->commit(t->store), 0);
	assert_int_equal(t->store->ops->tree_read(t->store, &tree), 0);
	assert_int_equal(tree.size, 15);
	run_sql(t,
		database_name()
			? "INSERT INTO meta SELECT 'ids',"
			  " string_agg(id::text, ',' ORDER BY id) FROM events"
			: "INSERT INTO meta SELECT 'ids', group_concat(id) FROM"
			  " (SELECT id FROM events ORDER BY id)");
	char *ids = NULL;
	assert_int_equal(t->store->ops->meta_get(t->store, "ids", &ids), 0);
	assert_string_equal(ids, "1,2,3,4,5,6,7,11,12,13,14,15");
	free(ids);
}

struct ends {
	size_t count;
	uint64_t seq[2];
};

static int add_end(const char *host, const char *stream, uint64_t seq,
		   void *ctx)
{
	struct ends *ends = ctx;

	assert_string_equal(host, FIXTURE_HOST);
	assert_int_equal(strlen(stream), 32);
	ends->seq[ends->count++] = seq;
	return 0;
}

static void a_stream_ends_where_the_leaves_asked_for_end(void **state)
{
	struct test *t = *state;
	struct ends ends = {0};

	assert_int_equal(t->store->ops->begin(t->store), 0);
	put_stream(t, 1, 10);
	put_stream(t, 2, 5);
	assert_int_equal(t->store->ops->commit(t->store), 0);
	assert_int_equal(t->store->ops->each_stream_end(t->store, 12, NULL,
							add_end, &ends),
			 0);
	assert_int_equal(ends.count, 2);
	assert_int_equal(ends.seq[0], 10);
	assert_int_equal(ends.seq[1], 2);
	ends.count = 0;
	assert_int_equal(t->store->ops->each_stream_end(t->store, 15, "x",
							add_end, &ends),
			 0);
	assert_int_equal(ends.count, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(every_commit_leaves_tree_and_rows_equal),
		TEST(a_step_that_is_undone_leaves_no_leaf),
		TEST(an_older_store_gets_its_tree),
		TEST(what_an_older_store_lacks_is_a_hole_for_ever),
		TEST(an_older_store_with_a_wild_row_is_left_alone),
		TEST(nothing_takes_the_place_of_a_removed_event),
		TEST(a_stream_ends_where_the_leaves_asked_for_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
