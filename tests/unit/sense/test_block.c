/* SPDX-License-Identifier: Apache-2.0 */
/* Disks: numbers, bus, the USB device they belong to, partitions. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "agent/sense/block.h"
#include "tests/fakes/tree.h"

static int setup(void **state)
{
	static struct fake_tree tree;
	static const struct fake_usb hub = {.name = "usb1"};
	static const struct fake_usb stick = {.hub = "usb1", .name = "1-1"};

	fake_tree_init(&tree);
	fake_usb_add(&tree, &hub);
	fake_usb_add(&tree, &stick);
	*state = &tree;
	return 0;
}

static int teardown(void **state)
{
	fake_tree_fini(*state);
	return 0;
}

static void a_stick_is_found_with_its_usb_device(void **state)
{
	struct fake_tree *tree = *state;
	struct block_disk disk;

	fake_disk_add(tree, "1-1", "sdb", 16, 1);
	assert_int_equal(block_read(tree->fd, fake_devpath(tree, "sdb"), &disk),
			 0);
	assert_string_equal(disk.name, "sdb");
	assert_int_equal(disk.major, 8);
	assert_int_equal(disk.minor, 16);
	assert_int_equal(disk.diskseq, 9);
	assert_int_equal(disk.size_bytes, 2048 * 512);
	assert_int_equal(disk.bus, MEDIA_BUS_USB);
	assert_string_equal(disk.usb_devpath, fake_devpath(tree, "1-1"));
	assert_string_equal(disk.vendor, "Generic");
	assert_string_equal(disk.model, "Flash Disk");
	assert_false(disk.is_partition);
}

static void a_fixed_disk_has_no_usb_device(void **state)
{
	struct fake_tree *tree = *state;
	struct block_disk disk;

	fake_disk_add(tree, NULL, "sda", 0, 0);
	assert_int_equal(block_read(tree->fd, fake_devpath(tree, "sda"), &disk),
			 0);
	assert_int_equal(disk.bus, MEDIA_BUS_SATA);
	assert_string_equal(disk.usb_devpath, "");
}

static void partitions_are_listed_and_known_as_such(void **state)
{
	struct fake_tree *tree = *state;
	struct block_disk disk, part;
	struct block_partition parts[BLOCK_PARTITIONS_MAX];
	unsigned int count = 0;

	fake_disk_add(tree, "1-1", "sdb", 16, 3);
	assert_int_equal(block_read(tree->fd, fake_devpath(tree, "sdb"), &disk),
			 0);
	assert_int_equal(block_partitions(tree->fd, &disk, parts, &count), 0);
	assert_int_equal(count, 3);
	for (unsigned int i = 0; i < count; i++) {
		assert_int_equal(parts[i].major, 8);
		assert_in_range(parts[i].minor, 17, 19);
	}
	assert_int_equal(
		block_read(tree->fd, fake_devpath(tree, "sdb1"), &part), 0);
	assert_true(part.is_partition);
	assert_string_equal(part.model, "Flash Disk");
}

static void a_disk_that_went_away_is_no_entry(void **state)
{
	struct fake_tree *tree = *state;
	struct block_disk disk = {.minor = 5};

	assert_int_equal(block_read(tree->fd, "/devices/none/block/sdz", &disk),
			 -ENOENT);
	assert_int_equal(disk.minor, 5);
}

static void the_fact_carries_parent_and_numbers(void **state)
{
	struct fake_tree *tree = *state;
	struct block_disk disk;
	struct media_fact fact;
	struct usb_fact parent = {.vendor_id = 0x411};

	fake_disk_add(tree, "1-1", "sdb", 16, 0);
	assert_int_equal(block_read(tree->fd, fake_devpath(tree, "sdb"), &disk),
			 0);
	block_fact(&disk, &parent, &fact);
	assert_ptr_equal(fact.parent, &parent);
	assert_int_equal(fact.dev_minor, 16);
	assert_int_equal(fact.diskseq, 9);
	assert_true(fact.is_size_known);
	assert_string_equal(fact.devname, "sdb");
	assert_string_equal(fact.fs_type, "");
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(a_stick_is_found_with_its_usb_device),
		CASE(a_fixed_disk_has_no_usb_device),
		CASE(partitions_are_listed_and_known_as_such),
		CASE(a_disk_that_went_away_is_no_entry),
		CASE(the_fact_carries_parent_and_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
