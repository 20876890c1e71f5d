/* SPDX-License-Identifier: Apache-2.0 */
/* Attribute reads stay below the root and within their limits. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/sense/sysfs.h"
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

static void text_loses_one_newline_only(void **state)
{
	struct fake_tree *tree = *state;
	char text[8];

	fake_text(tree, "a", "x\n");
	assert_int_equal(sysfs_read_text(tree->fd, "a", text, 8), 0);
	assert_string_equal(text, "x");
	fake_text(tree, "a", "x\n\n");
	assert_int_equal(sysfs_read_text(tree->fd, "a", text, 8), 0);
	assert_string_equal(text, "x\n");
	fake_text(tree, "a", "%s", "");
	assert_int_equal(sysfs_read_text(tree->fd, "a", text, 8), 0);
	assert_string_equal(text, "");
}

static void text_over_the_limit_is_refused(void **state)
{
	struct fake_tree *tree = *state;
	char text[4];

	fake_text(tree, "a", "abc");
	assert_int_equal(sysfs_read_text(tree->fd, "a", text, 4), 0);
	fake_text(tree, "a", "abcd");
	assert_int_equal(sysfs_read_text(tree->fd, "a", text, 4), -EMSGSIZE);
	fake_bytes(tree, "a", "a\0b", 3);
	assert_int_equal(sysfs_read_text(tree->fd, "a", text, 4), -EILSEQ);
	assert_int_equal(sysfs_read_text(tree->fd, "none", text, 4), -ENOENT);
}

static void numbers_are_whole_or_refused(void **state)
{
	struct fake_tree *tree = *state;
	static const char *const bad[] = {"", "x", "1x", "-1",
					  "99999999999999999999999"};
	uint64_t value = 5;

	fake_text(tree, "n", "0fe6\n");
	assert_int_equal(sysfs_read_number(tree->fd, "n", 16, &value), 0);
	assert_int_equal(value, 0xfe6);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		fake_text(tree, "n", "%s\n", bad[i]);
		assert_int_equal(sysfs_read_number(tree->fd, "n", 10, &value),
				 -EINVAL);
		assert_int_equal(value, 0xfe6);
	}
}

static void device_numbers_are_read(void **state)
{
	struct fake_tree *tree = *state;
	uint32_t major = 0, minor = 0;

	fake_text(tree, "dev", "259:3\n");
	assert_int_equal(sysfs_read_devnum(tree->fd, "dev", &major, &minor), 0);
	assert_int_equal(major, 259);
	assert_int_equal(minor, 3);
	fake_text(tree, "dev", "259\n");
	assert_int_equal(sysfs_read_devnum(tree->fd, "dev", &major, &minor),
			 -EINVAL);
}

static void nothing_leads_out_of_the_tree(void **state)
{
	struct fake_tree *tree = *state;
	char text[8];
	int fd = -1;

	fake_text(tree, "outside", "secret\n");
	fake_dir(tree, "in");
	fake_link(tree, "in/link", "../outside");
	fake_link(tree, "dirlink", "in");
	assert_int_equal(sysfs_open_dir(tree->fd, "/in", &fd), 0);
	assert_int_equal(sysfs_read_text(fd, "../outside", text, 8), -EXDEV);
	assert_int_equal(sysfs_read_text(fd, "link", text, 8), -ELOOP);
	(void)close(fd);
	assert_int_equal(sysfs_open_dir(tree->fd, "dirlink", &fd), -ENOTDIR);
}

static void a_class_link_gives_the_devpath(void **state)
{
	struct fake_tree *tree = *state;
	char path[SYSFS_PATH_MAX];

	fake_link(tree, "sys/bus/usb/devices/1-1",
		  "../../../devices/pci0000:00/usb1/1-1");
	assert_int_equal(
		sysfs_devpath_of(tree->fd, "sys/bus/usb/devices/1-1", path), 0);
	assert_string_equal(path, "/devices/pci0000:00/usb1/1-1");
	fake_link(tree, "sys/bus/usb/devices/bad", "../../../../etc/passwd");
	assert_int_equal(sysfs_devpath_of(tree->fd, "sys/bus/usb/devices/bad",
					  path),
			 -EINVAL);
	fake_link(tree, "sys/bus/usb/devices/up", "../devices/a/../../etc");
	assert_int_equal(sysfs_devpath_of(tree->fd, "sys/bus/usb/devices/up",
					  path),
			 -EINVAL);
}

static void parents_end_below_the_root(void **state)
{
	char path[] = "/devices/a";

	(void)state;
	assert_string_equal(sysfs_basename(path), "a");
	assert_true(sysfs_parent(path));
	assert_string_equal(path, "/devices");
	assert_false(sysfs_parent(path));
}

static int count_entry(const char *name, void *userdata)
{
	int *count = userdata;

	(*count)++;
	return strcmp(name, "stop") == 0 ? 42 : 0;
}

static void a_walk_sees_each_entry_and_can_end(void **state)
{
	struct fake_tree *tree = *state;
	int count = 0;

	fake_dir(tree, "w/a");
	fake_dir(tree, "w/b");
	assert_int_equal(sysfs_each(tree->fd, "w", count_entry, &count), 0);
	assert_int_equal(count, 2);
	fake_dir(tree, "w/stop");
	assert_int_equal(sysfs_each(tree->fd, "w", count_entry, &count), 42);
	assert_int_equal(sysfs_each(tree->fd, "none", count_entry, &count),
			 -ENOENT);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(text_loses_one_newline_only),
		CASE(text_over_the_limit_is_refused),
		CASE(numbers_are_whole_or_refused),
		CASE(device_numbers_are_read),
		CASE(nothing_leads_out_of_the_tree),
		CASE(a_class_link_gives_the_devpath),
		CASE(parents_end_below_the_root),
		CASE(a_walk_sees_each_entry_and_can_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
