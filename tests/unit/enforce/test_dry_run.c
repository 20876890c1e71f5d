/* SPDX-License-Identifier: Apache-2.0 */
/* The dry run remembers what it was asked and touches nothing. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "agent/enforce/dry_run.h"

static int setup(void **state)
{
	struct dry_run *run;

	assert_int_equal(dry_run_new(&run), 0);
	*state = run;
	return 0;
}

static int teardown(void **state)
{
	dry_run_free(*state);
	return 0;
}

static void every_operation_leaves_its_line(void **state)
{
	struct dry_run *run = *state;
	struct enforce e = dry_run_ops(run);
	static const char *const lines[] = {
		"usb_authorize 1-1",
		"usb_deauthorize 1-1.2",
		"usb_interfaces_default 1-1 0",
		"usb_interface 1-1:1.0 1",
		"usb_remove 1-1",
		"usb_node 1-1 open",
		"usb_node 1-1 close",
		"media_set sda 7 read-only",
		"media_set sda 7 read-write",
		"media_set sda 7 deny",
		"media_close sda 7 deny",
	};

	e.ops->usb_authorize(e.context, "1-1");
	e.ops->usb_deauthorize(e.context, "1-1.2");
	e.ops->usb_interfaces_default(e.context, "1-1", false);
	e.ops->usb_interface(e.context, "1-1:1.0", true);
	e.ops->usb_remove(e.context, "1-1");
	e.ops->usb_node(e.context, "1-1", true);
	e.ops->usb_node(e.context, "1-1", false);
	e.ops->media_set(e.context, "sda", 7, GUARD_READ_ONLY);
	e.ops->media_set(e.context, "sda", 7, GUARD_READ_WRITE);
	e.ops->media_set(e.context, "sda", 7, GUARD_DENY);
	e.ops->media_close(e.context, "sda", 7, GUARD_DENY);

	assert_int_equal(dry_run_count(run), 11);
	for (size_t i = 0; i < 11; i++)
		assert_string_equal(dry_run_line(run, i), lines[i]);
	assert_null(dry_run_line(run, 11));
}

static void only_the_last_lines_are_kept(void **state)
{
	struct dry_run *run = *state;
	struct enforce e = dry_run_ops(run);
	char name[16];

	for (int i = 0; i < DRY_RUN_LINES_MAX + 3; i++) {
		(void)snprintf(name, sizeof(name), "1-%d", i);
		e.ops->usb_authorize(e.context, name);
	}
	assert_int_equal(dry_run_count(run), DRY_RUN_LINES_MAX + 3);
	assert_null(dry_run_line(run, 2));
	assert_string_equal(dry_run_line(run, 3), "usb_authorize 1-3");
}

static void a_long_name_is_cut(void **state)
{
	struct dry_run *run = *state;
	struct enforce e = dry_run_ops(run);
	char name[400];

	for (size_t i = 0; i < sizeof(name) - 1; i++)
		name[i] = 'a';
	name[sizeof(name) - 1] = '\0';
	assert_int_equal(e.ops->usb_authorize(e.context, name), 0);
	assert_non_null(dry_run_line(run, 0));
}

static void it_fails_when_it_is_told_to_and_still_remembers(void **state)
{
	struct dry_run *run = *state;
	struct enforce e = dry_run_ops(run);

	dry_run_fail(run, -EIO);
	assert_int_equal(e.ops->usb_authorize(e.context, "1-1"), -EIO);
	assert_int_equal(dry_run_count(run), 1);
	dry_run_fail(run, ENFORCE_GONE);
	assert_int_equal(e.ops->media_set(e.context, "sda", 1, GUARD_DENY),
			 ENFORCE_GONE);
	assert_int_equal(dry_run_count(run), 2);
}

int main(void)
{
#define ROW(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		ROW(every_operation_leaves_its_line),
		ROW(only_the_last_lines_are_kept),
		ROW(a_long_name_is_cut),
		ROW(it_fails_when_it_is_told_to_and_still_remembers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
