/* SPDX-License-Identifier: Apache-2.0 */
/* What the module is given to read, by the rules and by the switch. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "agent/daemon/login_policy.h"
#include "policy/mfa_text.h"
#include "tests/fakes/machine.h"

#define HEAD	  "policy \"t\" serial 7 mode enforce\n"
#define FILE_NAME LOGIN_STATE_DIR "/" LOGIN_POLICY_NAME

static int setup(void **state)
{
	static struct machine machine;

	machine_init(&machine);
	*state = &machine;
	return 0;
}

static int teardown(void **state)
{
	machine_fini(*state);
	return 0;
}

static int make(struct machine *machine, const char *rules,
		struct login_policy *policy, char *error)
{
	machine_rules(machine, rules);
	assert_int_equal(machine_load(machine), BUNDLE_OK);
	return login_policy_make(machine->pipeline.bundle.ruleset, policy,
				 error);
}

static void without_login_rules_nothing_is_asked(void **state)
{
	struct login_policy policy;
	char error[LOGIN_ERROR_MAX];

	assert_int_equal(
		make(*state, HEAD "allow channel hid\n", &policy, error), 0);
	assert_int_equal(policy.mode, LOGIN_MODE_OFF);
}

static void login_rules_are_compiled(void **state)
{
	struct login_policy policy;
	char error[LOGIN_ERROR_MAX];

	assert_int_equal(make(*state,
			      HEAD "login require 2 max-age 1h\n"
				   "login break-glass group \"glass\"\n",
			      &policy, error),
			 0);
	assert_int_equal(policy.mode, LOGIN_MODE_ENFORCE);
	assert_int_equal(policy.serial, 7);
	assert_int_equal(policy.max_age_ns, UINT64_C(3600000000000));
	assert_true(login_policy_has_breakglass(&policy));
	assert_int_equal(make(*state, HEAD "login require 2\n", &policy, error),
			 0);
	assert_false(login_policy_has_breakglass(&policy));
}

static void a_rule_that_cannot_be_held_is_named(void **state)
{
	struct login_policy policy = {.serial = 99};
	char error[LOGIN_ERROR_MAX] = "";

	assert_int_equal(make(*state, HEAD "login require 2\nlogin require 1\n",
			      &policy, error),
			 -EINVAL);
	assert_string_equal(error, "10-test.rules:3: a second 'login require'");
	assert_int_equal(policy.serial, 99);
}

static void what_is_written_reads_back_for_root_alone(void **state)
{
	struct machine *machine = *state;
	struct login_policy policy, back;
	char error[LOGIN_ERROR_MAX];
	struct stat first, second;

	assert_int_equal(
		make(machine, HEAD "login require 2\n", &policy, error), 0);
	assert_false(login_policy_has_place(machine->tree.fd));
	assert_int_equal(login_policy_write(machine->tree.fd, &policy),
			 -ENOENT);
	fake_dir(&machine->tree, LOGIN_STATE_DIR);
	assert_true(login_policy_has_place(machine->tree.fd));
	assert_int_equal(login_policy_read(machine->tree.fd, &back), -ENOENT);
	assert_int_equal(login_policy_write(machine->tree.fd, &policy), 0);
	assert_int_equal(login_policy_read(machine->tree.fd, &back), 0);
	assert_int_equal(back.serial, 7);
	assert_int_equal(back.mode, LOGIN_MODE_ENFORCE);
	assert_int_equal(fstatat(machine->tree.fd, FILE_NAME, &first, 0), 0);
	assert_int_equal(first.st_mode & 0777, 0600);
	/* The same again does not touch the disk */
	assert_int_equal(login_policy_write(machine->tree.fd, &policy), 0);
	assert_int_equal(fstatat(machine->tree.fd, FILE_NAME, &second, 0), 0);
	assert_int_equal(first.st_ino, second.st_ino);
	policy.serial = 8;
	assert_int_equal(login_policy_write(machine->tree.fd, &policy), 0);
	assert_int_equal(fstatat(machine->tree.fd, FILE_NAME, &second, 0), 0);
	assert_int_not_equal(first.st_ino, second.st_ino);
}

static void the_switch_reads_back(void **state)
{
	struct machine *machine = *state;
	struct login_switch wanted = {.mode = LOGIN_MODE_ENFORCE,
				      .trial_until_boot_ns = 12,
				      .trial_boot_id = "b2c1"};
	struct login_switch back = {0};

	assert_int_equal(login_switch_load(machine->tree.fd, &back), -ENOENT);
	fake_dir(&machine->tree, LOGIN_STATE_DIR);
	assert_int_equal(login_switch_save(machine->tree.fd, &wanted), 0);
	assert_int_equal(login_switch_load(machine->tree.fd, &back), 0);
	assert_int_equal(back.mode, LOGIN_MODE_ENFORCE);
	assert_int_equal(back.trial_until_boot_ns, 12);
	assert_string_equal(back.trial_boot_id, "b2c1");
	fake_text(&machine->tree, LOGIN_STATE_DIR "/" LOGIN_SWITCH_NAME,
		  "mode=off\n");
	assert_int_equal(login_switch_load(machine->tree.fd, &back), -EINVAL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(without_login_rules_nothing_is_asked),
		TEST(login_rules_are_compiled),
		TEST(a_rule_that_cannot_be_held_is_named),
		TEST(what_is_written_reads_back_for_root_alone),
		TEST(the_switch_reads_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
