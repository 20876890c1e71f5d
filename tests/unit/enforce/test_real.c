/* SPDX-License-Identifier: Apache-2.0 */
/* The real operations, as far as plain files can stand for the kernel; the
 * ioctls on a disk are proved in tests/e2e/cases/21_guard.py. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>
#include <cmocka.h>

#include "agent/enforce/enforce.h"
#include "tests/fakes/tree.h"

#define DEVICES "sys/bus/usb/devices/"

struct fixture {
	struct fake_tree tree;
	struct enforce_real *real;
	struct enforce enforce;
	int sys_fd;
	int dev_fd;
};

static int setup(void **state)
{
	static struct fixture f;

	fake_tree_init(&f.tree);
	fake_text(&f.tree, DEVICES "1-1/authorized", "0\n");
	fake_text(&f.tree, DEVICES "1-1/dev", "189:3\n");
	fake_text(&f.tree, DEVICES "1-1:1.0/authorized", "0\n");
	fake_text(&f.tree, DEVICES "1-1/remove", "%s", "");
	fake_text(&f.tree, DEVICES "usb1/interface_authorized_default", "1\n");
	fake_text(&f.tree, "sys/bus/usb/drivers_probe", "%s", "");
	fake_text(&f.tree, "sys/class/block/sda/dev", "8:0\n");
	fake_text(&f.tree, "sys/class/block/sda/uevent", "%s", "");
	fake_text(&f.tree, "dev/sda", "%s", "");
	f.sys_fd = openat(f.tree.fd, "sys", O_RDONLY | O_DIRECTORY);
	f.dev_fd = openat(f.tree.fd, "dev", O_RDONLY | O_DIRECTORY);
	assert_int_equal(enforce_real_new(f.sys_fd, f.dev_fd, NULL, &f.real),
			 0);
	f.enforce = enforce_real_ops(f.real);
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	enforce_real_free(f->real);
	(void)close(f->sys_fd);
	(void)close(f->dev_fd);
	fake_tree_fini(&f->tree);
	return 0;
}

static void usb_operations_reach_their_switches(void **state)
{
	struct fixture *f = *state;
	const struct enforce_ops *ops = f->enforce.ops;
	void *context = f->enforce.context;

	assert_int_equal(ops->usb_authorize(context, "1-1"), 0);
	assert_string_equal(fake_read(&f->tree, DEVICES "1-1/authorized"),
			    "1\n");
	assert_int_equal(ops->usb_deauthorize(context, "1-1"), 0);
	assert_string_equal(fake_read(&f->tree, DEVICES "1-1/authorized"),
			    "0\n");
	assert_int_equal(ops->usb_interfaces_default(context, "1-1", false), 0);
	assert_string_equal(fake_read(&f->tree, DEVICES
				      "usb1/interface_authorized_default"),
			    "0\n");
	assert_int_equal(ops->usb_interface(context, "1-1:1.0", true), 0);
	assert_string_equal(fake_read(&f->tree, DEVICES "1-1:1.0/authorized"),
			    "1\n");
	assert_int_equal(ops->usb_remove(context, "1-1"), 0);
	assert_string_equal(fake_read(&f->tree, DEVICES "1-1/remove"), "1");
}

static void what_has_gone_is_an_outcome(void **state)
{
	struct fixture *f = *state;
	const struct enforce_ops *ops = f->enforce.ops;
	void *context = f->enforce.context;

	assert_int_equal(ops->usb_authorize(context, "1-9"), ENFORCE_GONE);
	assert_int_equal(ops->usb_node(context, "1-9", true), ENFORCE_GONE);
	assert_int_equal(ops->media_set(context, "sdx", 1, GUARD_READ_ONLY),
			 ENFORCE_GONE);
	assert_int_equal(ops->media_set(context, "sdx", 1, GUARD_DENY),
			 ENFORCE_GONE);
}

static void bad_names_never_become_paths(void **state)
{
	static const char *const bad[] = {"", ".", "../sda", "a/b", "sd a"};
	struct fixture *f = *state;
	const struct enforce_ops *ops = f->enforce.ops;
	void *context = f->enforce.context;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(ops->usb_authorize(context, bad[i]), -EINVAL);
		assert_int_equal(ops->usb_node(context, bad[i], true), -EINVAL);
		assert_int_equal(ops->media_set(context, bad[i], 1,
						GUARD_READ_ONLY),
				 -EINVAL);
	}
}

static void a_node_that_is_not_the_disk_opens_nothing(void **state)
{
	struct fixture *f = *state;

	/* Root could put anything there; only the kernel's number counts. */
	assert_int_equal(f->enforce.ops->media_set(f->enforce.context, "sda", 1,
						   GUARD_READ_WRITE),
			 -ENOTBLK);
	assert_string_equal(fake_read(&f->tree, "sys/class/block/sda/uevent"),
			    "");
}

static void a_node_behind_a_symlink_is_refused(void **state)
{
	struct fixture *f = *state;

	fake_remove(&f->tree, "dev/sda");
	fake_link(&f->tree, "dev/sda", "sdb");
	assert_int_equal(f->enforce.ops->media_set(f->enforce.context, "sda", 1,
						   GUARD_READ_ONLY),
			 -ELOOP);
}

static void without_a_guard_usbfs_is_left_alone(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(
		f->enforce.ops->usb_node(f->enforce.context, "1-1", true), 0);
	fake_text(&f->tree, DEVICES "1-1/dev", "8:0\n");
	assert_int_equal(f->enforce.ops->usb_node(f->enforce.context, "1-1",
						  true),
			 -EINVAL);
}

int main(void)
{
#define ROW(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		ROW(usb_operations_reach_their_switches),
		ROW(what_has_gone_is_an_outcome),
		ROW(bad_names_never_become_paths),
		ROW(a_node_that_is_not_the_disk_opens_nothing),
		ROW(a_node_behind_a_symlink_is_refused),
		ROW(without_a_guard_usbfs_is_left_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
