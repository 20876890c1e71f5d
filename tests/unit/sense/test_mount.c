/* SPDX-License-Identifier: Apache-2.0 */
/* The mount table, and the disks that the system itself stands on. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "agent/sense/mount.h"
#include "tests/fakes/tree.h"

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

static void a_line_is_read(void **state)
{
	struct mount_entry entry;

	(void)state;
	assert_int_equal(
		mount_parse_line("36 35 8:17 / /media/a\\040b rw,noatime "
				 "master:1 shared:7 - vfat /dev/sdb1 ro,utf8\n",
				 &entry),
		0);
	assert_int_equal(entry.id, 36);
	assert_int_equal(entry.major, 8);
	assert_int_equal(entry.minor, 17);
	assert_string_equal(entry.point, "/media/a b");
	assert_string_equal(entry.fs_type, "vfat");
	assert_string_equal(entry.source, "/dev/sdb1");
	assert_true(entry.is_read_only);
	assert_int_equal(
		mount_parse_line("1 2 0:5 / / rw - tmpfs none rw", &entry), 0);
	assert_false(entry.is_read_only);
}

static void malformed_lines_are_refused(void **state)
{
	static const char *const rows[] = {
		"",
		"\n",
		"1",
		"1 2 8 / / rw - ext4 /dev/sda rw",
		"1 2 8:1 / / rw ext4 /dev/sda rw",
		"1 2 8:1x / / rw - ext4 /dev/sda rw",
		"x1 2 8:1 / / rw - ext4 /dev/sda rw",
		"12345678901 2 8:1 / / rw - ext4 /dev/sda rw",
		"1 2 -8:1 / / rw - ext4 /dev/sda rw",
		"1 2 8:4294967296 / / rw - ext4 /dev/sda rw",
		"1 2 8:1 / / rw -",
		"1 2 8:1 / / rw - ext4",
		"1 2 8:1 / /a\\000b rw - ext4 /dev/sda rw",
	};
	struct mount_entry entry = {.major = 3};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (mount_parse_line(rows[i], &entry) != -EBADMSG)
			fail_msg("accepted: %s", rows[i]);
		assert_int_equal(entry.major, 3);
	}
}

static void the_disk_under_root_and_swap_is_found(void **state)
{
	struct fake_tree *tree = *state;
	char disks[MOUNT_BACKING_MAX][SYSFS_PATH_MAX];
	size_t count = 0;
	static const struct fake_usb hub = {.name = "usb1"};
	static const struct fake_usb stick = {.hub = "usb1", .name = "1-1"};

	fake_usb_add(tree, &hub);
	fake_usb_add(tree, &stick);
	fake_disk_add(tree, NULL, "sda", 0, 2);
	fake_disk_add(tree, "1-1", "sdb", 16, 1);
	fake_disk_add(tree, NULL, "sdc", 32, 1);
	fake_text(tree, "proc/self/mountinfo",
		  "1 0 8:1 / / rw - ext4 /dev/root rw\n"
		  "2 1 8:33 / /mnt rw - ext4 /dev/sdc1 rw\n");
	fake_text(tree, "proc/swaps",
		  "Filename Type Size Used Priority\n"
		  "/dev/sdb1 partition 1 0 -2\n");

	assert_int_equal(mount_backing_disks(tree->fd, disks, &count), 0);
	assert_int_equal(count, 2);
	assert_string_equal(disks[0], fake_devpath(tree, "sda"));
	assert_string_equal(disks[1], fake_devpath(tree, "sdb"));
}

static void device_mapper_is_followed_to_its_disks(void **state)
{
	struct fake_tree *tree = *state;
	char disks[MOUNT_BACKING_MAX][SYSFS_PATH_MAX];
	size_t count = 0;

	fake_disk_add(tree, NULL, "sda", 0, 2);
	fake_dir(tree, "sys/devices/virtual/block/dm-0/slaves");
	fake_link(tree, "sys/devices/virtual/block/dm-0/slaves/sda2",
		  "../../../../x");
	fake_link(tree, "sys/dev/block/253:0",
		  "../../devices/virtual/block/dm-0");
	fake_text(tree, "proc/self/mountinfo",
		  "1 0 253:0 / / rw - ext4 /dev/mapper/root rw\n");
	assert_int_equal(mount_backing_disks(tree->fd, disks, &count), 0);
	assert_int_equal(count, 1);
	assert_string_equal(disks[0], fake_devpath(tree, "sda"));
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_is_read),
		cmocka_unit_test(malformed_lines_are_refused),
		CASE(the_disk_under_root_and_swap_is_found),
		CASE(device_mapper_is_followed_to_its_disks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
