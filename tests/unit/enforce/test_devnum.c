/* SPDX-License-Identifier: Apache-2.0 */
/* Device numbers in text. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "agent/enforce/devnum.h"

static void numbers_within_the_kernels_limits_are_read(void **state)
{
	static const struct {
		const char *text;
		unsigned int major, minor;
	} rows[] = {
		{"8:0", 8, 0},
		{"0:25", 0, 25},
		{"259:1048575", 259, 1048575},
		{"4095:0", 4095, 0},
		{"08:01", 8, 1},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unsigned int major = 0, minor = 0;

		assert_int_equal(devnum_parse(rows[i].text, &major, &minor), 0);
		assert_int_equal(major, rows[i].major);
		assert_int_equal(minor, rows[i].minor);
	}
}

static void anything_else_is_refused_and_sets_nothing(void **state)
{
	static const char *const rows[] = {
		"",
		":",
		"8",
		"8:",
		":0",
		"8:0:0",
		"8:0 ",
		" 8:0",
		"8: 0",
		"-8:0",
		"+8:0",
		"8:-1",
		"4096:0",
		"8:1048576",
		"x:0",
		"8:0\n",
		"99999999999999999999999:0",
		"8:99999999999999999999999",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unsigned int major = 77, minor = 88;

		assert_int_equal(devnum_parse(rows[i], &major, &minor),
				 -EINVAL);
		assert_int_equal(major, 77);
		assert_int_equal(minor, 88);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_within_the_kernels_limits_are_read),
		cmocka_unit_test(anything_else_is_refused_and_sets_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
