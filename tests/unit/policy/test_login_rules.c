/* SPDX-License-Identifier: Apache-2.0 */
/* Login lines are kept as they were meant. */
#include "tests/unit/policy/rules_fixture.h"

#include "policy/login.h"

static void every_attribute_is_read_back(void **state)
{
	struct ruleset *ruleset = compile(
		"block\n"
		"login require 2 combination { knowledge+possession "
		"possession+inherence } service { \"login\" \"gdm-password\" } "
		"user \"sato\" group { \"a\" \"b\" } uid { 1000 1001 } tty "
		"\"tty1\" max-age 10h step-up-age 15m idle 600 expires 2d "
		"unlock 1 remote mfa lockers any on-token-removed terminate "
		"on-unattested lock on-lock-ineffective report self-enrolled "
		"yes user-verification yes denied-arguments \"nullok\"\n"
		"login exempt service \"cron\" uid 0\n");
	static const struct {
		enum login_key key;
		uint16_t count;
		uint32_t last;
	} numbers[] = {
		{LOGIN_COMBINATION, 2, LOGIN_POSSESSION | LOGIN_INHERENCE},
		{LOGIN_UID, 2, 1001},
		{LOGIN_MAX_AGE, 1, 36000},
		{LOGIN_STEP_UP_AGE, 1, 900},
		{LOGIN_IDLE, 1, 600},
		{LOGIN_EXPIRES, 1, 172800},
		{LOGIN_UNLOCK, 1, 1},
		{LOGIN_REMOTE, 1, 1},
		{LOGIN_LOCKERS, 1, 1},
		{LOGIN_ON_TOKEN_REMOVED, 1, 1},
		{LOGIN_ON_UNATTESTED, 1, 1},
		{LOGIN_ON_LOCK_INEFFECTIVE, 1, 0},
		{LOGIN_SELF_ENROLLED, 1, 1},
		{LOGIN_USER_VERIFICATION, 1, 1},
	};
	(void)state;

	assert_int_equal(ruleset_rule(ruleset, 1).family, RULES_FAMILY_LOGIN);
	assert_int_equal(login_rule_kind(ruleset, 1), LOGIN_REQUIRE);
	assert_int_equal(login_rule_minimum(ruleset, 1), 2);
	for (size_t i = 0; i < COUNT(numbers); i++) {
		assert_int_equal(login_rule_count(ruleset, 1, numbers[i].key),
				 numbers[i].count);
		assert_int_equal(login_rule_number(ruleset, 1, numbers[i].key,
						   (uint16_t)(numbers[i].count -
							      1)),
				 numbers[i].last);
	}
	assert_int_equal(login_rule_count(ruleset, 1, LOGIN_SERVICE), 2);
	assert_true(span_is(login_rule_string(ruleset, 1, LOGIN_SERVICE, 1),
			    "gdm-password"));
	assert_true(
		span_is(login_rule_string(ruleset, 1, LOGIN_USER, 0), "sato"));
	assert_true(
		span_is(login_rule_string(ruleset, 1, LOGIN_GROUP, 1), "b"));
	assert_true(
		span_is(login_rule_string(ruleset, 1, LOGIN_TTY, 0), "tty1"));
	assert_true(span_is(login_rule_string(ruleset, 1,
					      LOGIN_DENIED_ARGUMENTS, 0),
			    "nullok"));

	assert_int_equal(login_rule_kind(ruleset, 2), LOGIN_EXEMPT);
	assert_int_equal(login_rule_minimum(ruleset, 2), 0);
	assert_int_equal(login_rule_count(ruleset, 2, LOGIN_MAX_AGE), 0);
	ruleset_unref(ruleset);
}

static void login_lines_are_printed_back(void **state)
{
	static const char text[] =
		"login require 2 combination { knowledge+possession "
		"possession+inherence } service \"login\" remote deny lockers "
		"trusted on-token-removed lock unlock 2\n";
	static const char canonical[] =
		"login require 2 combination { knowledge+possession "
		"possession+inherence } service \"login\" unlock 2 remote "
		"deny lockers trusted on-token-removed lock";
	struct ruleset *ruleset = compile(text);
	char out[300];
	(void)state;

	(void)ruleset_format(ruleset, 0, 0, out, sizeof(out));
	assert_string_equal(out, canonical);
	ruleset_unref(ruleset);
	ruleset = compile(canonical);
	(void)ruleset_format(ruleset, 0, 0, out, sizeof(out));
	assert_string_equal(out, canonical);
	ruleset_unref(ruleset);
}

static void keys_are_kept_with_their_limits(void **state)
{
	struct ruleset *ruleset = compile(
		"key \"desk-1\" role \"helpdesk\" public \"MFkw\" "
		"max-minutes 60\n"
		"key \"head\" role \"approver\" public \"MFkx\" access "
		"read-write approvals 2\n");
	char out[300];
	(void)state;

	(void)ruleset_format_header(ruleset, out, sizeof(out));
	assert_string_equal(
		out, "key \"desk-1\" role \"helpdesk\" public \"MFkw\" access "
		     "read-only max-minutes 60 approvals 1\n"
		     "key \"head\" role \"approver\" public \"MFkx\" access "
		     "read-write approvals 2\n");
	ruleset_unref(ruleset);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_attribute_is_read_back),
		cmocka_unit_test(login_lines_are_printed_back),
		cmocka_unit_test(keys_are_kept_with_their_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
