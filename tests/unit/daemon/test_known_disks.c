/* SPDX-License-Identifier: Apache-2.0 */
/* Built-in disks: what they are known by, and the list of them. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent/daemon/known_disks.h"
#include "tests/fakes/tree.h"

static struct fake_tree tree;

static int setup(void **state)
{
	(void)state;
	fake_tree_init(&tree);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	fake_tree_fini(&tree);
	return 0;
}

#define DEVICE "/devices/pci0000:00/0000:00:1f.2/ata1/host0"
#define DISK   DEVICE "/block/sda"

static void known_by(const char *file, const char *content, const char *want)
{
	struct block_disk disk = {.devpath = DISK, .size_bytes = 4096};
	char identity[BLOCK_IDENTITY_SIZE], path[256];

	fake_tree_fini(&tree);
	fake_tree_init(&tree);
	fake_dir(&tree, "sys" DISK);
	if (file) {
		(void)snprintf(path, sizeof(path), "sys" DISK "/%s", file);
		fake_text(&tree, path, "%s", content);
	}
	block_identity(tree.fd, &disk, identity);
	assert_string_equal(identity, want);
}

static void a_disk_is_known_by_what_it_says_of_itself(void **state)
{
	(void)state;
	known_by("../../wwid", "naa.5000c500a1b2c3d4\n",
		 "wwid:naa.5000c500a1b2c3d4");
	known_by("wwid", "eui.0025388b910c1d2e\n", "wwid:eui.0025388b910c1d2e");
	known_by("../../wwid", "t10.ATA     QEMU HARDDISK      QM00001  \n",
		 "wwid:t10.ATA_QEMU_HARDDISK_QM00001");
	known_by("serial", "VD-0001\n", "serial:VD-0001");
}

static void without_a_word_of_its_own_by_its_place(void **state)
{
	(void)state;
	known_by(NULL, NULL, "place:0000:00:1f.2_4096");
	known_by("serial", "\n", "place:0000:00:1f.2_4096");
	known_by("serial", "00000000\n", "place:0000:00:1f.2_4096");
	known_by("serial", "   \x01 \n", "place:0000:00:1f.2_4096");
}

#define MULTIPATH "/devices/virtual/nvme-subsystem/nvme-subsys0/nvme0n1"

static void a_multipath_nvme_disk_is_one_of_nvme(void **state)
{
	char identity[BLOCK_IDENTITY_SIZE];
	struct block_disk disk;

	(void)state;
	fake_text(&tree, "sys" MULTIPATH "/dev", "259:0\n");
	fake_text(&tree, "sys" MULTIPATH "/wwid", "eui.0025388b910c1d2e\n");
	assert_int_equal(block_read(tree.fd, MULTIPATH, &disk), 0);
	assert_int_equal(disk.bus, MEDIA_BUS_NVME);
	block_identity(tree.fd, &disk, identity);
	assert_string_equal(identity, "wwid:eui.0025388b910c1d2e");
}

static void a_long_word_is_cut(void **state)
{
	struct block_disk disk = {.devpath = DISK};
	char identity[BLOCK_IDENTITY_SIZE], text[200];

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	fake_text(&tree, "sys" DISK "/serial", "%s", text);
	block_identity(tree.fd, &disk, identity);
	assert_true(strlen(identity) < BLOCK_IDENTITY_SIZE);
	assert_memory_equal(identity, "serial:xxx", 10);
}

static void the_list_is_read_back(void **state)
{
	struct known_disks disks = {0}, again = {0};

	(void)state;
	assert_int_equal(known_disks_load(tree.fd, &again), -ENOENT);
	assert_false(again.is_known);
	assert_true(known_disks_add(&disks, "wwid:naa.1"));
	assert_true(known_disks_add(&disks, "wwid:naa.1"));
	assert_true(known_disks_add(&disks, "serial:x"));
	assert_int_equal(disks.count, 2);
	assert_int_equal(known_disks_save(tree.fd, &disks), 0);
	assert_true(disks.is_known);
	assert_int_equal(known_disks_load(tree.fd, &again), 0);
	assert_true(again.is_known);
	assert_int_equal(again.count, 2);
	assert_true(known_disks_has(&again, "serial:x"));
	assert_false(known_disks_has(&again, "serial:"));
}

static void an_empty_list_knows_no_disk_but_is_one(void **state)
{
	struct known_disks disks = {0}, again = {0};

	(void)state;
	assert_int_equal(known_disks_save(tree.fd, &disks), 0);
	assert_int_equal(known_disks_load(tree.fd, &again), 0);
	assert_true(again.is_known);
	assert_int_equal(again.count, 0);
}

static void a_full_list_says_so(void **state)
{
	static struct known_disks disks;
	char identity[32];

	(void)state;
	for (unsigned int i = 0; i < KNOWN_DISKS_MAX; i++) {
		(void)snprintf(identity, sizeof(identity), "serial:%u", i);
		assert_true(known_disks_add(&disks, identity));
	}
	assert_false(known_disks_add(&disks, "serial:one-more"));
	assert_true(known_disks_add(&disks, "serial:0"));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_disk_is_known_by_what_it_says_of_itself),
		CASE(without_a_word_of_its_own_by_its_place),
		CASE(a_multipath_nvme_disk_is_one_of_nvme),
		CASE(a_long_word_is_cut),
		CASE(the_list_is_read_back),
		CASE(an_empty_list_knows_no_disk_but_is_one),
		CASE(a_full_list_says_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
