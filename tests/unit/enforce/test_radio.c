/* SPDX-License-Identifier: Apache-2.0 */
/* Switches of radios and Thunderbolt devices, and what is in force on a
 * medium, on a made sysfs. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/enforce/enforce.h"
#include "agent/enforce/media.h"
#include "agent/enforce/radio.h"
#include "tests/fakes/tree.h"

struct fixture {
	struct fake_tree tree;
	int sys_fd;
};

static int setup(void **state)
{
	static struct fixture f;

	fake_tree_init(&f.tree);
	fake_text(&f.tree, "sys/class/rfkill/rfkill0/soft", "0\n");
	fake_text(&f.tree, "sys/bus/thunderbolt/devices/0-1/authorized", "0\n");
	fake_disk_add(&f.tree, NULL, "sda", 0, 0);
	f.sys_fd = openat(f.tree.fd, "sys", O_RDONLY | O_DIRECTORY);
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	close(f->sys_fd);
	fake_tree_fini(&f->tree);
	return 0;
}

static void a_radio_is_soft_blocked(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(radio_block(f->sys_fd, "rfkill0", true), 0);
	assert_int_equal(
		fake_read(&f->tree, "sys/class/rfkill/rfkill0/soft")[0], '1');
	assert_int_equal(radio_block(f->sys_fd, "rfkill0", false), 0);
	assert_int_equal(
		fake_read(&f->tree, "sys/class/rfkill/rfkill0/soft")[0], '0');
}

static void a_thunderbolt_device_is_authorised(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(thunderbolt_authorize(f->sys_fd, "0-1", true), 0);
	assert_int_equal(
		fake_read(&f->tree,
			  "sys/bus/thunderbolt/devices/0-1/authorized")[0],
		'1');
}

static void one_that_has_gone_is_told(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(radio_block(f->sys_fd, "rfkill9", true), -ENODEV);
	assert_int_equal(thunderbolt_authorize(f->sys_fd, "0-3", false),
			 -ENODEV);
}

static void a_name_cannot_lead_elsewhere(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(radio_block(f->sys_fd, "../rfkill0", true), -EINVAL);
	assert_int_equal(thunderbolt_authorize(f->sys_fd, "a/b", true),
			 -EINVAL);
}

static void a_read_only_flag_that_is_gone_differs(void **state)
{
	struct fixture *f = *state;
	const struct media_place place = {.sys_fd = f->sys_fd, .dev_fd = -1};

	assert_int_equal(media_check(&place, "sda", 9, GUARD_READ_ONLY),
			 ENFORCE_DIFFERS);
	assert_int_equal(media_check(&place, "sda", 9, GUARD_READ_WRITE), 0);
	assert_int_equal(media_check(&place, "sda", 8, GUARD_READ_ONLY),
			 ENFORCE_GONE);
	assert_int_equal(media_check(&place, "sdz", 9, GUARD_READ_ONLY),
			 ENFORCE_GONE);
	assert_int_equal(media_check(&place, "../sda", 9, GUARD_READ_ONLY),
			 -EINVAL);
	fake_text(&f->tree, "sys/class/block/sda/ro", "1\n");
	assert_int_equal(media_check(&place, "sda", 9, GUARD_READ_ONLY), 0);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(a_radio_is_soft_blocked),
		CASE(a_thunderbolt_device_is_authorised),
		CASE(one_that_has_gone_is_told),
		CASE(a_name_cannot_lead_elsewhere),
		CASE(a_read_only_flag_that_is_gone_differs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
