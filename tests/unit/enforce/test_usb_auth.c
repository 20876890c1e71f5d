/* SPDX-License-Identifier: Apache-2.0 */
/* The USB switches, on a made sysfs. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "agent/enforce/usb_auth.h"
#include "tests/fakes/tree.h"

#define MODULE	"sys/module/usbcore/parameters/authorized_default"
#define DEVICES "sys/bus/usb/devices/"

struct fixture {
	struct fake_tree tree;
	struct usb_auth *auth;
	int sys_fd;
	int state_fd;
};

static int setup(void **state)
{
	static struct fixture f;

	fake_tree_init(&f.tree);
	fake_text(&f.tree, MODULE, "1\n");
	fake_text(&f.tree, DEVICES "usb1/authorized_default", "1\n");
	fake_text(&f.tree, DEVICES "usb1/interface_authorized_default", "1\n");
	fake_text(&f.tree, DEVICES "usb2/authorized_default", "2\n");
	fake_text(&f.tree, DEVICES "1-1/authorized", "0\n");
	fake_text(&f.tree, DEVICES "1-1/remove", "%s", "");
	fake_text(&f.tree, DEVICES "1-1:1.0/authorized", "0\n");
	fake_text(&f.tree, "sys/bus/usb/drivers_probe", "%s", "");
	fake_dir(&f.tree, "state");
	f.sys_fd = openat(f.tree.fd, "sys", O_RDONLY | O_DIRECTORY);
	f.state_fd = openat(f.tree.fd, "state", O_RDONLY | O_DIRECTORY);
	assert_int_equal(usb_auth_new(f.sys_fd, &f.auth), 0);
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	usb_auth_free(f->auth);
	(void)close(f->sys_fd);
	(void)close(f->state_fd);
	fake_tree_fini(&f->tree);
	return 0;
}

/* A new process: nothing in memory. */
static void restart(struct fixture *f)
{
	usb_auth_free(f->auth);
	assert_int_equal(usb_auth_new(f->sys_fd, &f->auth), 0);
}

static void expect(struct fixture *f, const char *path, const char *text)
{
	assert_string_equal(fake_read(&f->tree, path), text);
}

static void the_default_reaches_every_hub_and_the_module(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(usb_auth_set_default(f->auth, USB_AUTH_NONE), 0);
	expect(f, MODULE, "0\n");
	expect(f, DEVICES "usb1/authorized_default", "0\n");
	expect(f, DEVICES "usb2/authorized_default", "0\n");
	expect(f, DEVICES "1-1/authorized", "0\n");
}

static void a_kernel_without_usb_is_no_error(void **state)
{
	struct fixture *f = *state;

	fake_remove(&f->tree, "sys/module");
	fake_remove(&f->tree, "sys/bus");
	assert_int_equal(usb_auth_set_default(f->auth, USB_AUTH_NONE), 0);
}

static void a_hub_that_fails_does_not_spare_the_others(void **state)
{
	struct fixture *f = *state;

	/* A directory in its place cannot be written, whoever we are. */
	fake_remove(&f->tree, DEVICES "usb1/authorized_default");
	fake_dir(&f->tree, DEVICES "usb1/authorized_default");
	assert_true(usb_auth_set_default(f->auth, USB_AUTH_NONE) < 0);
	expect(f, DEVICES "usb2/authorized_default", "0\n");
	expect(f, MODULE, "0\n");
}

static void a_device_is_let_in_and_out(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(usb_auth_device(f->auth, "1-1", true), 0);
	expect(f, DEVICES "1-1/authorized", "1\n");
	assert_int_equal(usb_auth_device(f->auth, "1-1", false), 0);
	expect(f, DEVICES "1-1/authorized", "0\n");
	assert_int_equal(usb_auth_remove(f->auth, "1-1"), 0);
	expect(f, DEVICES "1-1/remove", "1");
}

static void an_interface_let_in_is_probed_for_a_driver(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(usb_auth_interface(f->auth, "1-1:1.0", true), 0);
	expect(f, DEVICES "1-1:1.0/authorized", "1\n");
	expect(f, "sys/bus/usb/drivers_probe", "1-1:1.0");
}

static void an_interface_kept_out_is_not_probed(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(usb_auth_interface(f->auth, "1-1:1.0", false), 0);
	expect(f, "sys/bus/usb/drivers_probe", "");
}

static void interfaces_default_belongs_to_the_root_hub(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(usb_auth_interfaces_default(f->auth, "1-1.2", false),
			 0);
	expect(f, DEVICES "usb1/interface_authorized_default", "0\n");
	assert_int_equal(usb_auth_interfaces_default(f->auth, "9-1", false),
			 -ENODEV);
	assert_int_equal(usb_auth_interfaces_default(f->auth, "usb1", false),
			 -EINVAL);
}

static void a_device_that_is_gone_is_told_from_a_bad_name(void **state)
{
	static const char *const bad[] = {"",	   "../1-1",	 "1-1/../usb1",
					  ".",	   "a b",	 ".hidden",
					  "1-1\n", "/etc/passwd"};
	struct fixture *f = *state;

	assert_int_equal(usb_auth_device(f->auth, "1-9", true), -ENODEV);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(usb_auth_device(f->auth, bad[i], true),
				 -EINVAL);
	assert_int_equal(usb_auth_set_hub_default(f->auth, "1-1",
						  USB_AUTH_NONE),
			 -EINVAL);
}

static void restore_puts_back_what_was_there(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(usb_auth_set_default(f->auth, USB_AUTH_NONE), 0);
	assert_int_equal(usb_auth_save(f->auth, f->state_fd, "usb"), 0);
	restart(f);
	assert_int_equal(usb_auth_restore(f->auth, f->state_fd, "usb"), 0);
	expect(f, MODULE, "1\n");
	expect(f, DEVICES "usb1/authorized_default", "1\n");
	expect(f, DEVICES "usb2/authorized_default", "2\n");
	expect(f, DEVICES "1-1/authorized", "1\n");
	expect(f, DEVICES "1-1:1.0/authorized", "1\n");
}

static void our_own_zeros_never_replace_the_first_values(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(usb_auth_set_default(f->auth, USB_AUTH_NONE), 0);
	assert_int_equal(usb_auth_save(f->auth, f->state_fd, "usb"), 0);
	restart(f);
	/* The second start sees the zeros of the first. */
	assert_int_equal(usb_auth_set_default(f->auth, USB_AUTH_NONE), 0);
	assert_int_equal(usb_auth_save(f->auth, f->state_fd, "usb"), 0);
	assert_non_null(strstr(fake_read(&f->tree, "state/usb"), "usb1 1\n"));
	assert_non_null(strstr(fake_read(&f->tree, "state/usb"), "usb2 2\n"));
	assert_non_null(strstr(fake_read(&f->tree, "state/usb"), "module 1\n"));
}

static void a_hub_that_came_later_is_added_to_the_file(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(usb_auth_set_default(f->auth, USB_AUTH_NONE), 0);
	assert_int_equal(usb_auth_save(f->auth, f->state_fd, "usb"), 0);
	restart(f);
	fake_text(&f->tree, DEVICES "usb3/authorized_default", "1\n");
	assert_int_equal(
		usb_auth_set_hub_default(f->auth, "usb3", USB_AUTH_NONE), 0);
	assert_int_equal(usb_auth_save(f->auth, f->state_fd, "usb"), 0);
	assert_non_null(strstr(fake_read(&f->tree, "state/usb"), "usb3 1\n"));
	assert_non_null(strstr(fake_read(&f->tree, "state/usb"), "usb2 2\n"));
}

static void without_a_file_restore_gives_the_kernels_defaults(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(usb_auth_set_default(f->auth, USB_AUTH_NONE), 0);
	assert_int_equal(usb_auth_restore(f->auth, f->state_fd, "usb"), 0);
	expect(f, DEVICES "usb1/authorized_default", "1\n");
	expect(f, DEVICES "usb2/authorized_default", "1\n");
	assert_memory_equal(fake_read(&f->tree, MODULE), "-1", 2);
}

static void rubbish_in_the_file_is_skipped(void **state)
{
	struct fixture *f = *state;

	fake_text(&f->tree, "state/usb",
		  "\nusb1\nusb1 \nusb1 x\n../x 1\nmodule 1;\n"
		  "usb2 2\nusb99999999999999999999999999999999999999999999"
		  "99999999999999999999999999 1\n");
	assert_int_equal(usb_auth_restore(f->auth, f->state_fd, "usb"), 0);
	expect(f, DEVICES "usb1/authorized_default", "1\n");
	expect(f, DEVICES "usb2/authorized_default", "2\n");
}

static void a_file_over_the_limit_is_refused(void **state)
{
	static char long_text[USB_AUTH_SAVED_MAX_BYTES + 2];
	struct fixture *f = *state;

	memset(long_text, 'x', sizeof(long_text) - 1);
	fake_bytes(&f->tree, "state/usb", long_text, sizeof(long_text) - 1);
	assert_true(usb_auth_save(f->auth, f->state_fd, "usb") < 0);
	/* Restore tells, but opens everything all the same. */
	assert_true(usb_auth_restore(f->auth, f->state_fd, "usb") < 0);
	expect(f, DEVICES "1-1/authorized", "1\n");
}

int main(void)
{
#define ROW(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		ROW(the_default_reaches_every_hub_and_the_module),
		ROW(a_kernel_without_usb_is_no_error),
		ROW(a_hub_that_fails_does_not_spare_the_others),
		ROW(a_device_is_let_in_and_out),
		ROW(an_interface_let_in_is_probed_for_a_driver),
		ROW(an_interface_kept_out_is_not_probed),
		ROW(interfaces_default_belongs_to_the_root_hub),
		ROW(a_device_that_is_gone_is_told_from_a_bad_name),
		ROW(restore_puts_back_what_was_there),
		ROW(our_own_zeros_never_replace_the_first_values),
		ROW(a_hub_that_came_later_is_added_to_the_file),
		ROW(without_a_file_restore_gives_the_kernels_defaults),
		ROW(rubbish_in_the_file_is_skipped),
		ROW(a_file_over_the_limit_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
