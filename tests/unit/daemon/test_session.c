/* SPDX-License-Identifier: Apache-2.0 */
/* The shipper's cursor, the stamp and the session file: files of others, read with care. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <sys/stat.h>

#include "agent/base/clock.h"
#include "agent/daemon/alive.h"
#include "agent/daemon/cursor.h"
#include "agent/daemon/session.h"
#include "tests/fakes/tree.h"

#define STREAM "0123456789abcdef0123456789abcdef"

static int setup(void **state)
{
	static struct fake_tree tree;

	fake_tree_init(&tree);
	*state = &tree;
	return 0;
}

static int teardown(void **state)
{
	fake_tree_fini(*state);
	return 0;
}

static void a_cursor_is_read_with_its_contact(void **state)
{
	struct cursor cursor;

	(void)state;
	assert_int_equal(cursor_parse(STREAM " 42 1795172301 ok\n", &cursor),
			 0);
	assert_int_equal(cursor.acked.seq, 42);
	assert_int_equal(cursor.wall_contact_s, 1795172301);
	assert_string_equal(cursor.error, "");
	assert_int_equal(cursor_parse(STREAM " 42 17 HTTP 503 from server\n",
				      &cursor),
			 0);
	assert_string_equal(cursor.error, "HTTP 503 from server");
	assert_int_equal(cursor_parse(STREAM " 7\n", &cursor), 0);
	assert_int_equal(cursor.acked.seq, 7);
	assert_int_equal(cursor.wall_contact_s, 0);
}

static void a_malformed_cursor_is_refused(void **state)
{
	static const char *const rows[] = {
		"",
		"\n",
		"42",
		STREAM,
		STREAM " x",
		"zz" STREAM " 1",
		STREAM " 1 yesterday ok",
	};
	struct cursor cursor = {.wall_contact_s = 5};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (cursor_parse(rows[i], &cursor) != -EBADMSG)
			fail_msg("accepted: %s", rows[i]);
		assert_int_equal(cursor.wall_contact_s, 5);
	}
}

static void a_cursor_that_is_no_small_file_is_refused(void **state)
{
	struct fake_tree *tree = *state;
	struct cursor cursor;
	char big[CURSOR_FILE_MAX + 2];

	assert_int_equal(cursor_read(tree->fd, &cursor), -ENOENT);
	fake_text(tree, "secret", STREAM " 1\n");
	fake_link(tree, CURSOR_PATH, "../../../secret");
	assert_int_equal(cursor_read(tree->fd, &cursor), -ELOOP);
	fake_remove(tree, CURSOR_PATH);
	assert_int_equal(mkfifoat(tree->fd, CURSOR_PATH, 0600), 0);
	assert_int_equal(cursor_read(tree->fd, &cursor), -EBADMSG);
	fake_remove(tree, CURSOR_PATH);
	memset(big, 'a', sizeof(big));
	fake_bytes(tree, CURSOR_PATH, big, sizeof(big));
	assert_int_equal(cursor_read(tree->fd, &cursor), -EBADMSG);
	fake_text(tree, CURSOR_PATH, STREAM " 9 17 ok\n");
	assert_int_equal(cursor_read(tree->fd, &cursor), 0);
	assert_int_equal(cursor.acked.seq, 9);
}

static void the_stamp_tells_boot_time_and_end(void **state)
{
	struct fake_tree *tree = *state;
	struct alive_stamp stamp;

	for (int durable = 0; durable < 2; durable++) {
		assert_int_equal(
			alive_write(tree->fd, "boot-1", false, durable), 0);
		assert_int_equal(alive_read(tree->fd, &stamp), 0);
		assert_string_equal(stamp.boot_id, "boot-1");
		assert_false(stamp.is_clean);
		assert_true(stamp.boot_ns <= clock_boot_ns());
		assert_int_equal(alive_write(tree->fd, "boot-1", true, durable),
				 0);
		assert_int_equal(alive_read(tree->fd, &stamp), 0);
		assert_true(stamp.is_clean);
	}
	fake_text(tree, ALIVE_FILE, "rubbish\n");
	assert_int_equal(alive_read(tree->fd, &stamp), -EBADMSG);
}

static void the_session_comes_back_as_it_was(void **state)
{
	struct fake_tree *tree = *state;
	struct devices devices = {0};
	struct session session = {0};
	struct usb_entry *usb;
	struct medium_entry *medium;
	const struct usb_device device = {.devpath = "/devices/x/1-1",
					  .major = 189,
					  .minor = 7};
	const struct block_disk disk = {.devpath = "/devices/x/block/sda",
					.diskseq = 11};

	assert_int_equal(devices_add_usb(&devices, &device, &usb), 0);
	assert_int_equal(devices_add_medium(&devices, &disk, &medium), 0);
	strncpy(usb->plug, "plug-1", sizeof(usb->plug) - 1);
	strncpy(medium->plug, "plug-2", sizeof(medium->plug) - 1);
	usb->is_learned = usb->is_fast = true;
	usb->decision.target = USB_TARGET_ALLOW;
	medium->decision.access = MEDIA_READ_ONLY;
	assert_int_equal(session_save(tree->fd, &devices, true), 0);

	assert_int_equal(session_load(tree->fd, &session), 0);
	assert_true(session.has_set_default);
	const struct session_row *row = session_find(&session, "/devices/x/1-1",
						     session_number(189, 7));
	assert_non_null(row);
	assert_true(row->is_learned);
	assert_true(row->is_fast);
	assert_false(row->is_confirmed);
	assert_false(row->is_typist);
	assert_int_equal(row->outcome, USB_TARGET_ALLOW);
	row = session_find(&session, "/devices/x/block/sda", 11);
	assert_non_null(row);
	assert_true(row->is_medium);
	assert_string_equal(row->plug, "plug-2");
	assert_null(session_find(&session, "/devices/x/1-1",
				 session_number(189, 8)));
	session_fini(&session);
	devices_fini(&devices);
}

static void session_lines_that_are_none_are_left_out(void **state)
{
	struct fake_tree *tree = *state;
	struct session session = {0};

	fake_text(tree, SESSION_FILE,
		  "default 0\nusb\nusb p 1 1 2 relative\n"
		  "disk p 1 1 2 /devices/a\nusb p 1 1 2 /devices/b\n");
	assert_int_equal(session_load(tree->fd, &session), 0);
	assert_int_equal(session.count, 1);
	assert_false(session.has_set_default);
	assert_string_equal(session.rows[0].place, "/devices/b");
	session_fini(&session);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_cursor_is_read_with_its_contact),
		cmocka_unit_test(a_malformed_cursor_is_refused),
		CASE(a_cursor_that_is_no_small_file_is_refused),
		CASE(the_stamp_tells_boot_time_and_end),
		CASE(the_session_comes_back_as_it_was),
		CASE(session_lines_that_are_none_are_left_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
