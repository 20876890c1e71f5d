/* SPDX-License-Identifier: Apache-2.0 */
/* Which input devices can type, by what sysfs says; and reading of presses. */
#include <errno.h>
#include <fcntl.h>
#include <linux/input.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/sense/input.h"
#include "tests/fakes/tree.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void letters_and_digits_are_keys_to_type_with(void **state)
{
	static const struct {
		const char *text;
		bool can;
	} rows[] = {
		/* A keyboard of QEMU, of a laptop; a numeric pad; one letter */
		{"1000000000007 ff9f207ac14057ff febeffdfffefffff "
		 "fffffffffffffffe",
		 true},
		{"402000000 3803078f800d001 feffffdfffefffff fffffffffffffffe",
		 true},
		{"f 0", false}, /* F6 to F9 */
		{"ff80 0", true},
		{"40000000", true},
		{"10000000", true}, /* Enter alone */
		/* A mouse, a power button, a headset, a remote's arrows with
		 * Escape, nothing */
		{"ff0000 0 0 0 0", false},
		{"10000000000000 0", false},
		{"178 0 800e 0 0", false},
		{"16800000000 2", false},
		{"0", false},
		/* Not understood: taken for keys */
		{"", true},
		{"x", true},
		{"0x", true},
		{"12345678123456781234", true},
	};
	(void)state;

	for (size_t i = 0; i < COUNT(rows); i++)
		if (input_has_keys(rows[i].text) != rows[i].can)
			fail_msg("'%s'", rows[i].text);
}

static void sysfs_is_asked_for_the_node_above(void **state)
{
	struct fake_tree tree;
	bool can = false;
	(void)state;

	fake_tree_init(&tree);
	fake_text(&tree, "sys/devices/x/input/input7/capabilities/key",
		  "fffffffffffffffe\n");
	fake_dir(&tree, "sys/devices/x/input/input7/event3");
	fake_text(&tree, "sys/devices/x/input/input8/capabilities/key",
		  "ff0000 0 0 0 0\n");
	assert_int_equal(input_can_type(tree.fd,
					"/devices/x/input/input7/event3", &can),
			 0);
	assert_true(can);
	assert_int_equal(input_can_type(tree.fd,
					"/devices/x/input/input8/event4", &can),
			 0);
	assert_false(can);
	assert_int_equal(input_can_type(tree.fd,
					"/devices/x/input/input9/event5", &can),
			 -ENOENT);
	assert_int_equal(input_can_type(tree.fd, "event5", &can), -EINVAL);
	fake_tree_fini(&tree);
}

static void only_presses_are_counted_and_only_their_times(void **state)
{
	const struct input_event events[] = {
		{.type = EV_KEY, .code = KEY_A, .value = 1, .time = {2, 5}},
		{.type = EV_SYN},
		{.type = EV_KEY, .code = KEY_A, .value = 2, .time = {2, 6}},
		{.type = EV_KEY, .code = KEY_A, .value = 0, .time = {2, 7}},
		{.type = EV_SYN, .code = SYN_DROPPED},
		{.type = EV_KEY, .code = KEY_B, .value = 1, .time = {3, 0}},
		{.type = EV_REL, .code = REL_X, .value = 1},
	};
	uint64_t mono_us[INPUT_PRESSES_MAX];
	size_t count = 99;
	int ends[2];
	(void)state;

	assert_int_equal(pipe2(ends, O_NONBLOCK | O_CLOEXEC), 0);
	assert_int_equal(input_presses(ends[0], mono_us, &count), 0);
	assert_int_equal(count, 0);
	assert_int_equal(write(ends[1], events, sizeof(events)),
			 sizeof(events));
	assert_int_equal(input_presses(ends[0], mono_us, &count), 0);
	assert_int_equal(count, 2);
	assert_int_equal(mono_us[0], 2000005);
	assert_int_equal(mono_us[1], 3000000);
	close(ends[0]);
	close(ends[1]);
	assert_int_equal(input_presses(ends[0], mono_us, &count), -EBADF);
}

static void a_node_elsewhere_is_not_opened(void **state)
{
	struct fake_tree tree;
	int fd = -1;
	(void)state;

	fake_tree_init(&tree);
	assert_int_equal(input_open(tree.fd, "/dev/null", &fd), -EINVAL);
	assert_int_equal(input_open(tree.fd, "input/../null", &fd), -EINVAL);
	assert_int_equal(input_open(tree.fd, "input/event0", &fd), -ENOENT);
	fake_text(&tree, "input/event0", "no device");
	assert_int_equal(input_open(tree.fd, "input/event0", &fd), -ENOTTY);
	assert_int_equal(fd, -1);
	fake_tree_fini(&tree);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(letters_and_digits_are_keys_to_type_with),
		cmocka_unit_test(sysfs_is_asked_for_the_node_above),
		cmocka_unit_test(only_presses_are_counted_and_only_their_times),
		cmocka_unit_test(a_node_elsewhere_is_not_opened),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
