/* SPDX-License-Identifier: Apache-2.0 */
/* Login lines of rule sets, as the module gets them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "policy/mfa_compile.h"
#include "policy/mfa_text.h"

#define S UINT64_C(1000000000)

static enum login_compile_outcome compile(const char *text,
					  struct login_policy *policy,
					  uint32_t *rule)
{
	struct rules_text source = {"test", span_str(text)};
	_cleanup_ruleset_ struct ruleset *ruleset = NULL;
	struct rules_message message;
	struct rules_report report = {.messages = &message, .capacity = 1};

	if (ruleset_parse(&source, 1, 0, &report, &ruleset) != 0)
		fail_msg("'%s': %s", text, message.what);
	return login_policy_compile(ruleset, policy, rule);
}

static void the_shipped_line_is_obeyed(void **state)
{
	struct login_policy p;
	uint32_t rule = 0;
	(void)state;

	assert_int_equal(
		compile("policy \"standard\" serial 7 mode monitor\n"
			"contact \"内線 2345\"\n"
			"login require 2 combination { knowledge+possession "
			"possession+inherence } service { \"login\" } "
			"max-age 10h step-up-age 15m idle 10m remote deny "
			"on-token-removed lock on-unattested lock "
			"on-lock-ineffective terminate unlock 1 lockers any "
			"user-verification no denied-arguments { \"cue\" }\n"
			"login break-glass group \"sealed\" "
			"tty { \"tty1\" \"tty2\" } expires 30m\n",
			&p, &rule),
		LOGIN_COMPILED);
	assert_int_equal(p.mode, LOGIN_MODE_REPORT);
	assert_int_equal(p.serial, 7);
	assert_string_equal(p.contact, "内線 2345");
	assert_int_equal(p.mfa.required, 2);
	assert_int_equal(p.mfa.combination_count, 2);
	assert_int_equal(p.mfa.combinations[1], MFA_POSSESSION | MFA_INHERENCE);
	assert_true(p.mfa.refuses_forced_second);
	assert_string_equal(p.mfa.denied[0], "cue");
	assert_int_equal(p.max_age_ns, 36000 * S);
	assert_int_equal(p.step_up_ns, 900 * S);
	assert_int_equal(p.idle_ns, 600 * S);
	assert_true(p.is_remote_refused);
	assert_true(p.accepts_any_locker);
	assert_int_equal(p.unlock_required, 1);
	assert_int_equal(p.on_token_removed, LOGIN_REACT_LOCK);
	assert_int_equal(p.on_unattested, LOGIN_REACT_LOCK);
	assert_int_equal(p.on_lock_ineffective, LOGIN_REACT_TERMINATE);
	assert_string_equal(p.breakglass_group, "sealed");
	assert_false(p.is_root_console_breakglass);
	assert_int_equal(p.breakglass_ttys, 1u << 1 | 1u << 2);
	assert_int_equal(p.breakglass_ns, 1800 * S);
}

static void a_session_may_be_frozen_instead(void **state)
{
	struct login_policy p;
	uint32_t rule = 0;
	(void)state;

	assert_int_equal(compile("login require 2 on-token-removed none "
				 "on-unattested report "
				 "on-lock-ineffective freeze\n",
				 &p, &rule),
			 LOGIN_COMPILED);
	assert_int_equal(p.on_lock_ineffective, LOGIN_REACT_FREEZE);
	assert_int_equal(p.on_unattested, LOGIN_REACT_REPORT);
	assert_int_equal(p.on_token_removed, LOGIN_REACT_REPORT);
}

static void the_shipped_rule_sets_compile(void **state)
{
	static const char *const files[] = {
		"policy/rules.d/standard/90-login.rules",
		"policy/rules.d/absolute/90-login.rules",
	};
	(void)state;

	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
		char text[16384] = "";
		struct login_policy p;
		uint32_t rule = 0;
		FILE *file = fopen(files[i], "re");

		assert_non_null(file);
		size_t n = fread(text, 1, sizeof(text) - 1, file);
		assert_int_equal(fclose(file), 0);
		assert_true(n > 0 && n < sizeof(text) - 1);
		enum login_compile_outcome outcome = compile(text, &p, &rule);
		if (outcome != LOGIN_COMPILED)
			fail_msg("%s: %s", files[i],
				 login_compile_to_str(outcome));
		assert_int_equal(p.mfa.required, 2);
		assert_true(p.is_remote_refused);
	}
}

static void without_login_lines_the_defaults_hold(void **state)
{
	struct login_policy p;
	struct login_policy d;
	char text[LOGIN_TEXT_MAX_BYTES];
	char want[LOGIN_TEXT_MAX_BYTES];
	uint32_t rule = 0;
	(void)state;

	assert_int_equal(compile("allow id 1234:5678\n", &p, &rule),
			 LOGIN_COMPILED);
	login_policy_default(&d);
	assert_true(login_policy_format(&p, text, sizeof(text)) > 0);
	assert_true(login_policy_format(&d, want, sizeof(want)) > 0);
	assert_string_equal(text, want);
}

static void the_glass_is_only_where_a_line_puts_it(void **state)
{
	struct login_policy p;
	uint32_t rule = 0;
	(void)state;

	assert_int_equal(compile("login require 2\n", &p, &rule),
			 LOGIN_COMPILED);
	assert_false(p.is_root_console_breakglass);
	assert_string_equal(p.breakglass_group, "");
	assert_int_equal(compile("login break-glass user \"root\"\n"
				 "login break-glass group \"g\"\n",
				 &p, &rule),
			 LOGIN_COMPILED);
	assert_true(p.is_root_console_breakglass);
	assert_string_equal(p.breakglass_group, "g");
	assert_int_equal(compile("login break-glass uid 0\n", &p, &rule),
			 LOGIN_COMPILED);
	assert_true(p.is_root_console_breakglass);
}

static void exemptions_join_those_that_keep_the_machine_going(void **state)
{
	struct login_policy p;
	struct login_policy d;
	uint32_t rule = 0;
	(void)state;

	login_policy_default(&d);
	assert_int_equal(compile("login exempt service { \"a\" \"b\" } "
				 "uid { 30 31 }\nlogin exempt service \"c\"\n"
				 "login exempt uid 33\n",
				 &p, &rule),
			 LOGIN_COMPILED);
	assert_int_equal(p.exemption_count, d.exemption_count + 6);
	const struct login_exemption *e = &p.exemptions[d.exemption_count];
	assert_string_equal(e[1].service, "a");
	assert_int_equal(e[1].uid_min, 31);
	assert_int_equal(e[1].uid_max, 31);
	assert_int_equal(e[4].uid_max, UINT32_MAX);
	assert_string_equal(e[5].service, "*");

	const struct login_fact fact = {.service = SPAN("anything"),
					.has_uid = true,
					.uid = 33,
					.boot_id = ""};
	struct login_verdict verdict;
	login_decide(&p, &fact, 1, &verdict);
	assert_int_equal(verdict.outcome, LOGIN_ALLOW_EXEMPT);
}

static void what_cannot_be_held_is_refused_by_name(void **state)
{
	static const struct {
		const char *text;
		uint32_t rule;
		enum login_compile_outcome outcome;
	} rows[] = {
		{"login require 2\nlogin require 3\n", 1,
		 LOGIN_COMPILE_SECOND_REQUIRE},
		{"allow\nlogin require 2 group \"staff\"\n", 1,
		 LOGIN_COMPILE_BY_USER},
		{"login require 2 user \"sato\"\n", 0, LOGIN_COMPILE_BY_USER},
		{"login exempt user \"sato\"\n", 0, LOGIN_COMPILE_BY_USER},
		{"login exempt service \"x\" tty \"tty1\"\n", 0,
		 LOGIN_COMPILE_TTY},
		{"login break-glass group { \"a\" \"b\" }\n", 0,
		 LOGIN_COMPILE_GROUPS},
		{"login break-glass group \"a\"\n"
		 "login break-glass group \"b\"\n",
		 1, LOGIN_COMPILE_GROUPS},
		{"login break-glass user \"sato\"\n", 0, LOGIN_COMPILE_GROUPS},
		{"login break-glass group \"a\" user \"root\"\n", 0,
		 LOGIN_COMPILE_GROUPS},
		{"login break-glass group \"a\" tty \"ttyS0\"\n", 0,
		 LOGIN_COMPILE_TTY},
		{"login break-glass group \"a\" tty \"tty7\"\n", 0,
		 LOGIN_COMPILE_TTY},
		{"login require 2 denied-arguments "
		 "\"0123456789012345678901234567890123\"\n",
		 0, LOGIN_COMPILE_TOO_LONG},
	};
	(void)state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct login_policy p = {.serial = 99};
		uint32_t rule = 77;

		enum login_compile_outcome outcome = compile(rows[i].text, &p,
							     &rule);
		if (outcome != rows[i].outcome || rule != rows[i].rule ||
		    p.serial != 99)
			fail_msg("'%s': %s at %u", rows[i].text,
				 login_compile_to_str(outcome), rule);
	}
}

static void too_many_are_refused(void **state)
{
	char text[4096];
	size_t len = 0;
	struct login_policy p;
	uint32_t rule = 0;
	(void)state;

	len = (size_t)snprintf(text, sizeof(text), "login exempt service {");
	for (unsigned i = 0; i <= LOGIN_EXEMPTIONS_MAX; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len,
					" \"s%u\"", i);
	snprintf(text + len, sizeof(text) - len, " }\n");
	assert_int_equal(compile(text, &p, &rule), LOGIN_COMPILE_TOO_MANY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_shipped_line_is_obeyed),
		cmocka_unit_test(a_session_may_be_frozen_instead),
		cmocka_unit_test(the_shipped_rule_sets_compile),
		cmocka_unit_test(without_login_lines_the_defaults_hold),
		cmocka_unit_test(the_glass_is_only_where_a_line_puts_it),
		cmocka_unit_test(
			exemptions_join_those_that_keep_the_machine_going),
		cmocka_unit_test(what_cannot_be_held_is_refused_by_name),
		cmocka_unit_test(too_many_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
