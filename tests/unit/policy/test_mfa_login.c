/* SPDX-License-Identifier: Apache-2.0 */
/* The decision at a gate, without PAM around it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "policy/mfa_login.h"

#define K   MFA_KNOWLEDGE
#define P   MFA_POSSESSION
#define NOW UINT64_C(5000000000000)

struct row {
	const char *name;
	struct login_fact fact;
	unsigned kinds; /* proven now */
	enum login_outcome outcome;
};

/* A fact: service, uid, tty, rhost. */
#define FACT(s, u, t, r)                                                       \
	{                                                                      \
		.service = SPAN(s), .tty = SPAN(t), .rhost = SPAN(r),          \
		.has_uid = true, .uid = u, .boot_id = ""                       \
	}

static void check(const struct login_policy *policy, const struct row *rows,
		  size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct login_fact fact = rows[i].fact;
		struct mfa_proof proof = {rows[i].kinds, rows[i].kinds,
					  MFA_QUALITY_ROOT, NOW, "m"};
		struct login_verdict verdict;

		fact.proofs = &proof;
		fact.proof_count = rows[i].kinds ? 1 : 0;
		login_decide(policy, &fact, NOW, &verdict);
		if (verdict.outcome != rows[i].outcome)
			fail_msg("%s: %s", rows[i].name,
				 login_outcome_to_str(verdict.outcome));
	}
}

static void the_default_asks_two_and_lets_services_go(void **state)
{
	static const struct row rows[] = {
		{"two", FACT("login", 1001, "", ""), K | P,
		 LOGIN_ALLOW_FACTORS},
		{"one", FACT("login", 1001, "", ""), K, LOGIN_DENY_FACTORS},
		{"two, remote", FACT("sshd", 1001, "ssh", "h"), K | P,
		 LOGIN_ALLOW_FACTORS},
		{"root, console", FACT("login", 0, "tty1", ""), K,
		 LOGIN_ALLOW_BREAKGLASS},
		{"root, console, two", FACT("login", 0, "tty1", ""), K | P,
		 LOGIN_ALLOW_FACTORS},
		{"root, tty10", FACT("login", 0, "tty10", ""), K,
		 LOGIN_DENY_FACTORS},
		{"root, tty0", FACT("login", 0, "tty0", ""), K,
		 LOGIN_DENY_FACTORS},
		{"root, pts", FACT("login", 0, "pts/1", ""), K,
		 LOGIN_DENY_FACTORS},
		{"root, no tty", FACT("login", 0, "", ""), K,
		 LOGIN_DENY_FACTORS},
		{"cron", FACT("cron", 1001, "", ""), 0, LOGIN_ALLOW_EXEMPT},
		{"crony", FACT("crony", 1001, "", ""), 0, LOGIN_DENY_FACTORS},
		{"greeter", FACT("sddm-greeter", 999, "", ""), 0,
		 LOGIN_ALLOW_EXEMPT},
		{"greeter by a person", FACT("sddm-greeter", 1000, "", ""), 0,
		 LOGIN_DENY_FACTORS},
		{"empty service", FACT("", 1001, "", ""), 0,
		 LOGIN_DENY_FACTORS},
		{"nobody",
		 {.service = SPAN("cron"), .boot_id = ""},
		 K | P,
		 LOGIN_DENY_USER},
	};
	struct login_policy policy;
	(void)state;

	login_policy_default(&policy);
	check(&policy, rows, sizeof(rows) / sizeof(*rows));
}

static void zeroed_policy_lets_nobody_in(void **state)
{
	static const struct row rows[] = {
		{"two", FACT("login", 1001, "", ""), K | P, LOGIN_DENY_FACTORS},
		{"root", FACT("login", 0, "tty1", ""), K, LOGIN_DENY_FACTORS},
		{"cron", FACT("cron", 0, "", ""), 0, LOGIN_DENY_FACTORS},
	};
	static const struct login_policy policy;
	(void)state;

	check(&policy, rows, sizeof(rows) / sizeof(*rows));
}

static void remote_and_program_are_looked_at(void **state)
{
	static struct row rows[] = {
		{"remote", FACT("sshd", 1001, "ssh", "h"), K | P,
		 LOGIN_DENY_REMOTE},
		{"local", FACT("login", 1001, "", ""), K | P,
		 LOGIN_ALLOW_FACTORS},
		{"exempt goes first", FACT("backup", 30, "", "h"), 0,
		 LOGIN_ALLOW_EXEMPT},
		{"another program", FACT("backup", 30, "", "h"), 0,
		 LOGIN_DENY_REMOTE},
		{"sealed", FACT("gdm-password", 1900, ":0", ""), K,
		 LOGIN_ALLOW_BREAKGLASS},
		{"sealed, nothing proven", FACT("gdm-password", 1900, ":0", ""),
		 0, LOGIN_DENY_FACTORS},
	};
	struct login_policy policy;
	(void)state;

	login_policy_default(&policy);
	policy.is_remote_refused = true;
	policy.exemptions[0] =
		(struct login_exemption){"backup", "/usr/sbin/backup", 30, 30};
	policy.exemption_count = 1;
	rows[2].fact.exe = SPAN("/usr/sbin/backup");
	rows[3].fact.exe = SPAN("/tmp/backup");
	rows[4].fact.is_breakglass_member = true;
	rows[5].fact.is_breakglass_member = true;
	check(&policy, rows, sizeof(rows) / sizeof(*rows));
}

static void the_glass_may_be_on_named_consoles_alone(void **state)
{
	static struct row rows[] = {
		{"root, tty2", FACT("login", 0, "tty2", ""), K,
		 LOGIN_ALLOW_BREAKGLASS},
		{"root, tty1", FACT("login", 0, "tty1", ""), K,
		 LOGIN_DENY_FACTORS},
		{"sealed, tty2", FACT("login", 1900, "tty2", ""), K,
		 LOGIN_ALLOW_BREAKGLASS},
		{"sealed, desktop", FACT("login", 1900, ":0", ""), K,
		 LOGIN_DENY_FACTORS},
		{"root, no console", FACT("login", 0, "", ""), K,
		 LOGIN_DENY_FACTORS},
	};
	struct login_policy policy;
	(void)state;

	login_policy_default(&policy);
	policy.breakglass_ttys = 1u << 2 | 1u; /* bit 0 is no console */
	rows[2].fact.is_breakglass_member = true;
	rows[3].fact.is_breakglass_member = true;
	check(&policy, rows, sizeof(rows) / sizeof(*rows));
}

static void a_trial_ends_by_itself(void **state)
{
	struct login_policy policy;
	(void)state;

	login_policy_default(&policy);
	assert_int_equal(login_policy_mode(&policy, "a", NOW),
			 LOGIN_MODE_ENFORCE);
	policy.trial_until_boot_ns = NOW;
	snprintf(policy.trial_boot_id, sizeof(policy.trial_boot_id), "a");
	assert_int_equal(login_policy_mode(&policy, "a", NOW - 1),
			 LOGIN_MODE_ENFORCE);
	assert_int_equal(login_policy_mode(&policy, "a", NOW),
			 LOGIN_MODE_REPORT);
	assert_int_equal(login_policy_mode(&policy, "b", NOW - 1),
			 LOGIN_MODE_REPORT);
	assert_int_equal(login_policy_mode(&policy, "", NOW - 1),
			 LOGIN_MODE_REPORT);
	policy.mode = LOGIN_MODE_OFF;
	assert_int_equal(login_policy_mode(&policy, "a", NOW), LOGIN_MODE_OFF);
}

static void every_name_comes_back(void **state)
{
	(void)state;
	for (unsigned i = 0; i < LOGIN_OUTCOME_COUNT; i++) {
		enum login_outcome outcome = LOGIN_OUTCOME_COUNT;

		assert_true(login_outcome_from_str(
			span_str(login_outcome_to_str((enum login_outcome)i)),
			&outcome));
		assert_int_equal(outcome, i);
	}
	for (unsigned i = 0; i < LOGIN_REACT_COUNT; i++) {
		enum login_reaction reaction = LOGIN_REACT_COUNT;

		assert_true(login_reaction_from_str(
			span_str(login_reaction_to_str((enum login_reaction)i)),
			&reaction));
		assert_int_equal(reaction, i);
	}
	/* Outside the enumeration: the strictest. */
	assert_string_equal(login_mode_to_str((enum login_mode)9), "enforce");
	assert_string_equal(login_outcome_to_str((enum login_outcome)99),
			    "deny-factors");
	assert_false(login_outcome_is_allow((enum login_outcome)99));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_default_asks_two_and_lets_services_go),
		cmocka_unit_test(zeroed_policy_lets_nobody_in),
		cmocka_unit_test(remote_and_program_are_looked_at),
		cmocka_unit_test(the_glass_may_be_on_named_consoles_alone),
		cmocka_unit_test(a_trial_ends_by_itself),
		cmocka_unit_test(every_name_comes_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
