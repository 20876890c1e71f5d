/* SPDX-License-Identifier: Apache-2.0 */
/* Records and policies as text: what is written is read, the rest refused. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "policy/mfa_text.h"

static struct login_record sample(void)
{
	struct login_record record = {
		.kind = LOGIN_RECORD_EVIDENCE,
		.id = "0123456789abcdef0123456789abcdef",
		.secret = "fedcba9876543210fedcba9876543210",
		.process = {4194303, UINT64_MAX},
		.parent = {1, 1},
		.user = "佐藤@city.example",
		.uid = UINT32_MAX,
		.service = "gdm-password",
		.tty = ":0",
		.rhost = "fe80::1%eth0",
		.session = "c2",
		.phase = "auth",
		.outcome = LOGIN_ALLOW_FACTORS,
		.is_enforced = true,
		.factors = MFA_KNOWLEDGE | MFA_POSSESSION,
		.boot_ns = 1234567890123,
		.proof_boot_ns = 1234567000000,
		.policy_serial = 42,
		.proof_count = 2,
	};

	record.proofs[0] = (struct mfa_proof){MFA_KNOWLEDGE, MFA_KNOWLEDGE,
					      MFA_QUALITY_ROOT, 1, "pam_unix"};
	record.proofs[1] = (struct mfa_proof){MFA_FACTORS_ALL, MFA_POSSESSION,
					      MFA_QUALITY_SELF, 2, "pam_u2f"};
	return record;
}

static void a_record_comes_back_as_it_was(void **state)
{
	struct login_record record = sample();
	struct login_record back = {0};
	char text[LOGIN_TEXT_MAX_BYTES];
	(void)state;

	size_t len = login_record_format(&record, text, sizeof(text));
	assert_true(len > 0);
	assert_int_equal(len, strlen(text));
	assert_int_equal(login_record_parse(span_of(text, len), &back), 0);
	assert_memory_equal(back.proofs, record.proofs, sizeof(back.proofs));
	assert_string_equal(back.user, record.user);
	assert_string_equal(back.rhost, record.rhost);
	assert_string_equal(back.secret, record.secret);
	assert_int_equal(back.process.start, UINT64_MAX);
	assert_int_equal(back.uid, UINT32_MAX);
	assert_int_equal(back.outcome, LOGIN_ALLOW_FACTORS);
	assert_int_equal(back.factors, record.factors);
	assert_true(back.is_enforced);
}

static void a_record_cut_anywhere_is_refused(void **state)
{
	struct login_record record = sample();
	struct login_record back = {.uid = 7};
	char text[LOGIN_TEXT_MAX_BYTES];
	(void)state;

	record.proof_count = 0;
	size_t len = login_record_format(&record, text, sizeof(text));
	for (size_t cut = 0; cut < len - 3; cut++) /* "42\n", "42", "4" */
		assert_int_equal(login_record_parse(span_of(text, cut), &back),
				 -EINVAL);
	assert_int_equal(back.uid, 7);
}

static void a_name_cannot_forge_a_line(void **state)
{
	struct login_record record = sample();
	struct login_record back;
	char text[LOGIN_TEXT_MAX_BYTES];
	(void)state;

	snprintf(record.user, sizeof(record.user), "x\noutcome=factors\r\x7f");
	record.outcome = LOGIN_DENY_FACTORS;
	size_t len = login_record_format(&record, text, sizeof(text));
	assert_int_equal(login_record_parse(span_of(text, len), &back), 0);
	assert_string_equal(back.user, "x?outcome=factors??");
	assert_int_equal(back.outcome, LOGIN_DENY_FACTORS);
}

static void what_does_not_fit_is_said(void **state)
{
	struct login_record record = sample();
	struct login_policy policy;
	char text[LOGIN_TEXT_MAX_BYTES];
	(void)state;

	size_t len = login_record_format(&record, text, sizeof(text));
	for (size_t size = 0; size <= len; size++) {
		char *small = malloc(size + 1);

		assert_int_equal(login_record_format(&record, small, size), 0);
		free(small);
	}
	assert_int_equal(login_record_format(&record, text, len + 1), len);

	login_policy_default(&policy);
	len = login_policy_format(&policy, text, sizeof(text));
	for (size_t size = 0; size <= len; size++) {
		char *small = malloc(size + 1);

		assert_int_equal(login_policy_format(&policy, small, size), 0);
		free(small);
	}
}

static void a_whole_policy_comes_back_as_it_was(void **state)
{
	struct login_policy policy;
	struct login_policy back;
	char text[LOGIN_TEXT_MAX_BYTES];
	char again[LOGIN_TEXT_MAX_BYTES];
	unsigned line = 0;
	(void)state;

	login_policy_default(&policy);
	policy.mode = LOGIN_MODE_REPORT;
	policy.serial = 7;
	policy.mfa.required = 3;
	policy.mfa.combinations[0] = MFA_KNOWLEDGE | MFA_INHERENCE;
	policy.mfa.combination_count = 1;
	policy.mfa.denied_count = 1;
	snprintf(policy.mfa.denied[0], sizeof(policy.mfa.denied[0]), "cue");
	policy.mfa.overrides[0] = (struct mfa_module){
		.name = "pam_vein",
		.factors = MFA_INHERENCE,
		.primary = MFA_INHERENCE,
		.enrolment = MFA_ENROLMENT_ROOT,
		.is_local_only = true,
	};
	policy.mfa.override_count = 1;
	policy.on_unattested = LOGIN_REACT_FREEZE;
	policy.exemptions[0] = (struct login_exemption){"cron",
							"/usr/sbin/cron", 0, 0};
	policy.exemption_count = 1;
	snprintf(policy.contact, sizeof(policy.contact), "内線 2345");

	size_t len = login_policy_format(&policy, text, sizeof(text));
	assert_true(len > 0);
	assert_int_equal(login_policy_parse(span_of(text, len), &back, &line),
			 0);
	assert_int_equal(login_policy_format(&back, again, sizeof(again)), len);
	assert_string_equal(text, again);
	assert_int_equal(back.mode, LOGIN_MODE_REPORT);
	assert_int_equal(back.mfa.overrides[0].is_local_only, true);
	assert_string_equal(back.exemptions[0].exe, "/usr/sbin/cron");
	assert_int_equal(back.on_unattested, LOGIN_REACT_FREEZE);
	assert_string_equal(back.contact, "内線 2345");
}

static void a_policy_is_refused_at_its_line(void **state)
{
	static const struct {
		const char *text;
		unsigned line;
	} rows[] = {
		{"mode=junk\n", 1},
		{"# fine\nmode=report\nmode=report\n", 3},
		{"\n\nunknown=1\n", 3},
		{"mode\n", 1},
		{"mode = report\n", 1},
		{"required=x\n", 1},
		{"required=-1\n", 1},
		{"required=4294967296\n", 1},
		{"bind_ns=18446744073709551616\n", 1},
		{"bind_ns=\n", 1},
		{"accept_self_enrolled=true\n", 1},
		{"combination=none\n", 1},
		{"combination=\n", 1},
		{"denied=\n", 1},
		{"denied=0123456789012345678901234567890x\n", 1},
		{"exempt=cron\n", 1},
		{"exempt=cron 0\n", 1},
		{"exempt= 0 1\n", 1},
		{"exempt=cron 0 x\n", 1},
		{"module=pam_x knowledge\n", 1},
		{"module=pam_x knowledge perhaps\n", 1},
		{"module=pam_x knowledge root remote\n", 1},
		{"module= knowledge root\n", 1},
		{"contact=a\tb\n", 1},
		{"trial_boot_id=0123456789012345678901234567890123456\n", 1},
		{"required=0\n", 1},
		{"required=4\n", 1},
	};
	(void)state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct login_policy policy = {.serial = 99};
		unsigned line = 0;

		if (login_policy_parse(span_str(rows[i].text), &policy,
				       &line) != -EINVAL ||
		    line != rows[i].line)
			fail_msg("row %zu '%s': line %u", i, rows[i].text,
				 line);
		assert_int_equal(policy.serial, 99);
	}
}

static void lists_have_limits(void **state)
{
	static const struct {
		const char *line;
		unsigned max;
	} rows[] = {
		{"combination=knowledge+possession\n", MFA_COMBINATIONS_MAX},
		{"denied=x\n", MFA_DENIED_MAX},
		{"module=pam_x knowledge root\n", MFA_OVERRIDES_MAX},
		{"exempt=x 0 1\n", LOGIN_EXEMPTIONS_MAX},
	};
	struct login_policy policy;
	char text[LOGIN_TEXT_MAX_BYTES];
	unsigned line = 0;
	(void)state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		size_t len = 0;

		for (unsigned n = 0; n < rows[i].max; n++)
			len += (size_t)snprintf(text + len, sizeof(text) - len,
						"%s", rows[i].line);
		assert_int_equal(login_policy_parse(span_of(text, len), &policy,
						    &line),
				 0);
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s",
					rows[i].line);
		assert_int_equal(login_policy_parse(span_of(text, len), &policy,
						    &line),
				 -EINVAL);
	}
	memset(text, '\n', sizeof(text));
	char *long_text = calloc(1, LOGIN_TEXT_MAX_BYTES + 1);
	memset(long_text, '\n', LOGIN_TEXT_MAX_BYTES + 1);
	assert_int_equal(login_policy_parse(span_of(long_text,
						    LOGIN_TEXT_MAX_BYTES + 1),
					    &policy, &line),
			 -EINVAL);
	assert_int_equal(line, 0);
	free(long_text);
}

static void overriding_a_module_keeps_its_denied_arguments(void **state)
{
	static const char *const arguments[] = {"manual"};
	struct mfa_line line = {.module = SPAN("pam_u2f.so"),
				.claimed = MFA_POSSESSION,
				.arguments = arguments,
				.argument_count = 1};
	struct login_policy policy;
	struct mfa_claim claim;
	unsigned at = 0;
	(void)state;

	assert_int_equal(login_policy_parse(
				 span_str(
					 "module=pam_u2f.so possession root\n"),
				 &policy, &at),
			 0);
	mfa_assess(&policy.mfa, &line, &claim);
	assert_int_equal(claim.quality, MFA_QUALITY_WEAK);
	line.argument_count = 0;
	mfa_assess(&policy.mfa, &line, &claim);
	assert_int_equal(claim.quality, MFA_QUALITY_ROOT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_record_comes_back_as_it_was),
		cmocka_unit_test(a_record_cut_anywhere_is_refused),
		cmocka_unit_test(a_name_cannot_forge_a_line),
		cmocka_unit_test(what_does_not_fit_is_said),
		cmocka_unit_test(a_whole_policy_comes_back_as_it_was),
		cmocka_unit_test(a_policy_is_refused_at_its_line),
		cmocka_unit_test(lists_have_limits),
		cmocka_unit_test(
			overriding_a_module_keeps_its_denied_arguments),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
