/* SPDX-License-Identifier: Apache-2.0 */
/* files_note: finding by inode and path, order, renames of what is above. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "agent/base/clock.h"
#include "agent/daemon/files_note.h"

#define ALLOCATIONS_MAX 64

#ifdef __SANITIZE_ADDRESS__
#define IS_ABLE false
#else
#define IS_ABLE true
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
#endif

/* The allocation that fails; counted down while it is not 0. */
static size_t fault_left;

#ifndef __SANITIZE_ADDRESS__
static bool fails_now(void)
{
	return fault_left > 0 && --fault_left == 0;
}

void *malloc(size_t size)
{
	return fails_now() ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
	return fails_now() ? NULL : __libc_calloc(count, size);
}
#endif

static struct note *add(struct note_table *table, uint64_t inode,
			const char *path)
{
	struct note *note = note_new(NOTE_WRITTEN, path, NULL, NULL);

	assert_non_null(note);
	note->inode = inode;
	note_table_add(table, note);
	return note;
}

static void drop_all(struct note_table *table)
{
	while (table->order.first) {
		struct note *note = table->order.first;
		note_table_remove(table, note);
		note_free(note);
	}
	for (size_t i = 0; i < NOTE_BUCKETS; i++) {
		assert_null(table->by_inode[i]);
		assert_null(table->by_path[i]);
	}
	assert_int_equal(table->order.count, 0);
}

static void notes_are_found_by_inode_and_by_path(void **state)
{
	struct note_table table = {0};
	char path[32];
	(void)state;

	/* More than there are buckets */
	for (uint64_t i = 0; i < 5000; i++) {
		(void)snprintf(path, sizeof(path), "d/f%u", (unsigned int)i);
		(void)add(&table, i * 7, path);
	}
	assert_string_equal(note_table_find(&table, 7 * 4321)->path, "d/f4321");
	assert_int_equal(note_table_at(&table, "d/f4321")->inode, 7 * 4321);
	assert_null(note_table_find(&table, 1));
	assert_null(note_table_at(&table, "d/f5000"));
	struct note *note = note_table_find(&table, 700);
	note_table_remove(&table, note);
	assert_null(note_table_find(&table, 700));
	assert_null(note_table_at(&table, "d/f100"));
	assert_int_equal(table.order.count, 4999);
	note_free(note);
	drop_all(&table);
}

static void a_file_without_a_name_gets_one(void **state)
{
	struct note_table table = {0};
	struct note *note = add(&table, 1, NULL);
	(void)state;

	assert_int_equal(note_table_move(&table, note, "named"), 0);
	assert_ptr_equal(note_table_at(&table, "named"), note);
	assert_int_equal(note_table_move(&table, note, "else"), 0);
	assert_null(note_table_at(&table, "named"));
	drop_all(&table);
}

static void what_is_below_a_renamed_directory_moves_too(void **state)
{
	struct note_table table = {0};
	(void)state;

	(void)add(&table, 1, "d/a");
	(void)add(&table, 2, "d/e/b");
	(void)add(&table, 3, "dd/c");
	(void)add(&table, 4, "d");
	(void)add(&table, 5, NULL);
	assert_int_equal(note_table_move_below(&table, "d", "x/y"), 0);
	assert_int_equal(note_table_at(&table, "x/y/a")->inode, 1);
	assert_int_equal(note_table_at(&table, "x/y/e/b")->inode, 2);
	assert_int_equal(note_table_at(&table, "dd/c")->inode, 3);
	assert_int_equal(note_table_at(&table, "d")->inode, 4);
	assert_null(note_table_at(&table, "d/a"));
	drop_all(&table);
}

static void files_are_due_in_the_order_they_were_closed(void **state)
{
	struct note_table table = {0};
	struct note *one = add(&table, 1, "1"), *two = add(&table, 2, "2");
	uint64_t due = 77;
	(void)state;

	assert_null(note_table_due(&table, 100, &due));
	assert_int_equal(due, 0);
	note_table_queue(&table, two, 100);
	note_table_queue(&table, one, 100);
	assert_ptr_equal(note_table_due(&table, 100, &due), two);
	two->state = NOTE_HASHING;
	assert_ptr_equal(note_table_due(&table, 100, &due), one);
	drop_all(&table);
}

static void a_file_told_a_moment_ago_waits(void **state)
{
	struct note_table table = {0};
	struct note *one = add(&table, 1, "1"), *two = add(&table, 2, "2");
	uint64_t due = 0, now = 50 * NS_PER_S;
	(void)state;

	note_table_told(&table, one, now);
	note_table_queue(&table, one, now + 1);
	assert_null(note_table_due(&table, now + 1, &due));
	assert_int_equal(due, now + NOTE_AGAIN_NS);
	/* Nobody else waits for it */
	note_table_queue(&table, two, now + 1);
	assert_ptr_equal(note_table_due(&table, now + 1, &due), two);
	two->state = NOTE_OPEN;
	assert_ptr_equal(note_table_due(&table, now + NOTE_AGAIN_NS, &due),
			 one);
	/* So many others since: forgotten, and told at once */
	for (uint64_t i = 0; i < NOTE_RECENT_MAX; i++) {
		const struct note other = {.inode = 100 + i};
		note_table_told(&table, &other, now);
	}
	note_table_queue(&table, one, now + 1);
	assert_ptr_equal(note_table_due(&table, now + 1, &due), one);
	drop_all(&table);
}

static void the_same_content_is_known_again(void **state)
{
	struct note_table table = {0};
	const struct note note = {.inode = 7,
				  .size_bytes = 5,
				  .wall_changed_ns = 100};
	(void)state;

	assert_false(note_table_is_told(&table, 7, 5, 100));
	note_table_told(&table, &note, 1);
	assert_true(note_table_is_told(&table, 7, 5, 100));
	assert_false(note_table_is_told(&table, 7, 4, 100));
	assert_false(note_table_is_told(&table, 7, 5, 101));
	assert_false(note_table_is_told(&table, 8, 5, 100));
}

static void a_list_gives_back_in_order(void **state)
{
	struct note_list list = {0};
	struct note *notes[3];
	(void)state;

	for (size_t i = 0; i < 3; i++) {
		notes[i] = note_new(NOTE_DELETED, "p", NULL, NULL);
		note_list_push(&list, notes[i]);
	}
	for (size_t i = 0; i < 3; i++) {
		assert_ptr_equal(note_list_pop(&list), notes[i]);
		note_free(notes[i]);
	}
	assert_null(note_list_pop(&list));
	assert_int_equal(list.count, 0);
}

/* Nothing is lost or left half done whichever allocation fails. */
static void without_memory_a_note_stays_what_it_was(void **state)
{
	unsigned int failures = 0;
	(void)state;

	if (!IS_ABLE)
		skip();
	for (size_t n = 1; n < ALLOCATIONS_MAX; n++) {
		struct note_table table = {0};
		struct note *kept = add(&table, 1, "d/a");
		fault_left = n;
		struct note *note = note_new(NOTE_RENAMED, "p", "q", NULL);
		int moved = note_table_move(&table, kept, "d/b");
		int below = note_table_move_below(&table, "d", "e");
		fault_left = 0;
		failures += !note || moved < 0 || below < 0;
		/* Found by the name it has, whichever that is */
		assert_ptr_equal(note_table_at(&table, kept->path), kept);
		assert_string_equal(kept->path + 2, moved == 0 ? "b" : "a");
		assert_int_equal(kept->path[0], below == 0 ? 'e' : 'd');
		note_free(note);
		drop_all(&table);
	}
	assert_true(failures >= 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(notes_are_found_by_inode_and_by_path),
		cmocka_unit_test(a_file_without_a_name_gets_one),
		cmocka_unit_test(what_is_below_a_renamed_directory_moves_too),
		cmocka_unit_test(files_are_due_in_the_order_they_were_closed),
		cmocka_unit_test(a_file_told_a_moment_ago_waits),
		cmocka_unit_test(the_same_content_is_known_again),
		cmocka_unit_test(a_list_gives_back_in_order),
		cmocka_unit_test(without_memory_a_note_stays_what_it_was),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
