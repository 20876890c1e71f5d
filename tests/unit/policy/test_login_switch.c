/* SPDX-License-Identifier: Apache-2.0 */
/* When two factors are asked for, reported only, or not at all. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "policy/login_switch.h"

#define BOOT "0f7c3b52-7e1f-4c39-9d54-2c1d1f0a9b11"

static void what_is_written_is_read_the_same(void **state)
{
	const struct login_switch rows[] = {
		{LOGIN_MODE_REPORT, 0, ""},
		{LOGIN_MODE_ENFORCE, 0, ""},
		{LOGIN_MODE_ENFORCE, 123456789012345, BOOT},
	};
	(void)state;

	for (size_t i = 0; i < 3; i++) {
		char text[LOGIN_SWITCH_MAX_BYTES];
		struct login_switch again = {LOGIN_MODE_OFF, 7, "x"};
		size_t len = login_switch_format(&rows[i], text);

		assert_int_equal(login_switch_parse(span_of(text, len), &again),
				 0);
		assert_int_equal(again.mode, rows[i].mode);
		assert_true(again.trial_until_boot_ns ==
			    rows[i].trial_until_boot_ns);
		assert_string_equal(again.trial_boot_id, rows[i].trial_boot_id);
	}
}

static void what_is_not_understood_changes_nothing(void **state)
{
	static const char *const rows[] = {
		"",
		"mode=off\n",
		"mode=\n",
		"mode=report\nmode=report\n",
		"mode=report\nx=1\n",
		"trial_until_boot_ns=1\n",
		"mode=enforce\ntrial_until_boot_ns=-1\n",
		"mode=enforce\ntrial_until_boot_ns=99999999999999999999\n",
		"mode=enforce\ntrial_until_boot_ns=\n",
		"mode=enforce\ntrial_boot_id=" BOOT "0\n",
		"mode=enforce\ntrial_boot_id=../../x\n",
		"mode=report\n\n",
	};
	(void)state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct login_switch sw = {LOGIN_MODE_OFF, 7, "x"};

		if (login_switch_parse(span_str(rows[i]), &sw) != -EINVAL)
			fail_msg("'%s' was taken", rows[i]);
		assert_int_equal(sw.mode, LOGIN_MODE_OFF);
		assert_true(sw.trial_until_boot_ns == 7);
	}
}

static void it_can_only_weaken(void **state)
{
	const struct {
		enum login_mode sw, policy, mode;
	} rows[] = {
		{LOGIN_MODE_REPORT, LOGIN_MODE_ENFORCE, LOGIN_MODE_REPORT},
		{LOGIN_MODE_ENFORCE, LOGIN_MODE_ENFORCE, LOGIN_MODE_ENFORCE},
		{LOGIN_MODE_ENFORCE, LOGIN_MODE_REPORT, LOGIN_MODE_REPORT},
		{LOGIN_MODE_REPORT, LOGIN_MODE_OFF, LOGIN_MODE_OFF},
	};
	(void)state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct login_switch sw = {.mode = rows[i].sw};
		struct login_policy policy;

		login_policy_default(&policy);
		policy.mode = rows[i].policy;
		login_switch_apply(&sw, &policy);
		assert_int_equal(login_policy_mode(&policy, BOOT, 1),
				 rows[i].mode);
	}
}

static void a_trial_ends_with_its_time_and_with_its_boot(void **state)
{
	struct login_switch sw = {LOGIN_MODE_ENFORCE, 1000, BOOT};
	struct login_policy policy;
	(void)state;

	login_policy_default(&policy);
	login_switch_apply(&sw, &policy);
	assert_int_equal(login_policy_mode(&policy, BOOT, 999),
			 LOGIN_MODE_ENFORCE);
	assert_int_equal(login_policy_mode(&policy, BOOT, 1000),
			 LOGIN_MODE_REPORT);
	assert_int_equal(login_policy_mode(&policy, "other", 1),
			 LOGIN_MODE_REPORT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_is_read_the_same),
		cmocka_unit_test(what_is_not_understood_changes_nothing),
		cmocka_unit_test(it_can_only_weaken),
		cmocka_unit_test(a_trial_ends_with_its_time_and_with_its_boot),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
