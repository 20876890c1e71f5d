/* SPDX-License-Identifier: Apache-2.0 */
/* What a module's success proves, and how proofs add up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "policy/mfa.h"

#define K MFA_KNOWLEDGE
#define P MFA_POSSESSION
#define I MFA_INHERENCE
#define S UINT64_C(1000000000)

static void factor_words_go_there_and_back(void **state)
{
	static const struct {
		const char *text;
		unsigned factors;
		const char *canonical;
	} rows[] = {
		{"knowledge", K, "knowledge"},
		{"possession+knowledge", P | K, "knowledge+possession"},
		{"inherence+possession+knowledge", K | P | I,
		 "knowledge+possession+inherence"},
		{"", 0, NULL},
		{"+", 0, NULL},
		{"knowledge+", 0, NULL},
		{"+knowledge", 0, NULL},
		{"knowledge+knowledge", 0, NULL},
		{"Knowledge", 0, NULL},
		{"none", 0, NULL},
	};
	(void)state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		unsigned factors = 77;
		char text[MFA_FACTORS_STR_SIZE];

		bool ok = mfa_factors_from_str(span_str(rows[i].text),
					       &factors);
		assert_int_equal(ok, rows[i].canonical != NULL);
		assert_int_equal(factors, ok ? rows[i].factors : 77);
		if (!ok)
			continue;
		mfa_factors_to_str(factors, text);
		assert_string_equal(text, rows[i].canonical);
	}
}

struct claim_row {
	const char *module;
	unsigned claimed;
	const char *arguments[4];
	unsigned factors;
	enum mfa_quality quality;
	bool is_overclaimed;
	bool is_remote;
};

static void a_line_is_worth_what_its_module_proves(void **state)
{
	static const struct claim_row rows[] = {
		{"pam_unix.so", K, {NULL}, K, MFA_QUALITY_ROOT, false, false},
		{"pam_unix", K, {NULL}, K, MFA_QUALITY_ROOT, false, false},
		{"pam_unix.so", P, {NULL}, 0, MFA_QUALITY_NONE, true, false},
		{"pam_unix.so",
		 K | P,
		 {NULL},
		 K,
		 MFA_QUALITY_ROOT,
		 true,
		 false},
		{"pam_unix.so",
		 K,
		 {"nullok"},
		 K,
		 MFA_QUALITY_WEAK,
		 false,
		 false},
		{"pam_unix.so",
		 K,
		 {"nullok_secure"},
		 K,
		 MFA_QUALITY_WEAK,
		 false,
		 false},
		{"pam_unix.so",
		 K,
		 {"nullokay"},
		 K,
		 MFA_QUALITY_ROOT,
		 false,
		 false},
		{"pam_u2f.so", P, {NULL}, P, MFA_QUALITY_SELF, false, false},
		{"pam_u2f.so",
		 P,
		 {"authfile=/etc/k"},
		 P,
		 MFA_QUALITY_ROOT,
		 false,
		 false},
		{"pam_u2f.so",
		 P | K,
		 {"authfile=/etc/k", "pinverification"},
		 P | K,
		 MFA_QUALITY_ROOT,
		 false,
		 false},
		{"pam_u2f.so",
		 P | I,
		 {"authfile=/etc/k", "userverification=0"},
		 P,
		 MFA_QUALITY_ROOT,
		 true,
		 false},
		{"pam_sss.so", K | P, {NULL}, K, MFA_QUALITY_ROOT, true, false},
		{"pam_sss.so",
		 K | P,
		 {"require_cert_auth"},
		 K | P,
		 MFA_QUALITY_ROOT,
		 false,
		 false},
		{"pam_p11.so",
		 P | K,
		 {NULL},
		 P | K,
		 MFA_QUALITY_SELF,
		 false,
		 false},
		{"pam_oath.so", P, {NULL}, P, MFA_QUALITY_ROOT, false, false},
		{"pam_oath.so",
		 P,
		 {"usersfile=${HOME}/.oath"},
		 P,
		 MFA_QUALITY_SELF,
		 false,
		 false},
		{"pam_google_authenticator.so",
		 P,
		 {NULL},
		 P,
		 MFA_QUALITY_SELF,
		 false,
		 false},
		{"pam_fprintd.so",
		 I,
		 {NULL},
		 I,
		 MFA_QUALITY_ROOT,
		 false,
		 false},
		{"pam_fprintd.so", I, {NULL}, 0, MFA_QUALITY_NONE, true, true},
		{"pam_permit.so", K, {NULL}, 0, MFA_QUALITY_NONE, true, false},
		{"pam_howdy.so", I, {NULL}, 0, MFA_QUALITY_NONE, true, false},
		{"pam_sss_gss.so", P, {NULL}, 0, MFA_QUALITY_NONE, true, false},
		{"pam_unix.so.bak",
		 K,
		 {NULL},
		 0,
		 MFA_QUALITY_NONE,
		 true,
		 false},
		{".so", K, {NULL}, 0, MFA_QUALITY_NONE, true, false},
	};
	struct mfa_rules rules;
	(void)state;

	mfa_rules_default(&rules);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const struct claim_row *row = &rows[i];
		struct mfa_line line = {
			.module = span_str(row->module),
			.claimed = row->claimed,
			.is_remote = row->is_remote,
			.arguments = row->arguments,
		};
		struct mfa_claim claim;

		while (line.argument_count < 4 &&
		       row->arguments[line.argument_count])
			line.argument_count++;
		mfa_assess(&rules, &line, &claim);
		if (claim.factors != row->factors ||
		    claim.quality != row->quality ||
		    claim.is_overclaimed != row->is_overclaimed)
			fail_msg("row %zu %s: factors %u quality %s over %d", i,
				 row->module, claim.factors,
				 mfa_quality_to_str(claim.quality),
				 claim.is_overclaimed);
	}
}

static void the_enrolment_to_look_at_is_named(void **state)
{
	static const char *const arguments[] = {"authfile=/etc/keys/%u"};
	struct mfa_line line = {.module = SPAN("pam_u2f.so"),
				.claimed = P,
				.arguments = arguments,
				.argument_count = 1};
	struct mfa_rules rules;
	struct mfa_claim claim;
	(void)state;

	mfa_rules_default(&rules);
	mfa_assess(&rules, &line, &claim);
	assert_true(span_equals_str(claim.enrolment_path, "/etc/keys/%u"));
}

static void policy_may_add_a_module_and_deny_an_argument(void **state)
{
	static const char *const arguments[] = {"fast"};
	struct mfa_line line = {.module = SPAN("pam_vein.so"),
				.claimed = I,
				.arguments = arguments,
				.argument_count = 1};
	struct mfa_rules rules;
	struct mfa_claim claim;
	(void)state;

	mfa_rules_default(&rules);
	mfa_assess(&rules, &line, &claim);
	assert_int_equal(claim.quality, MFA_QUALITY_NONE);
	rules.overrides[0] = (struct mfa_module){
		.name = "pam_vein",
		.factors = I,
		.primary = I,
		.enrolment = MFA_ENROLMENT_ROOT,
	};
	rules.override_count = 1;
	mfa_assess(&rules, &line, &claim);
	assert_int_equal(claim.quality, MFA_QUALITY_ROOT);
	memcpy(rules.denied[0], "fast", sizeof("fast"));
	rules.denied_count = 1;
	mfa_assess(&rules, &line, &claim);
	assert_int_equal(claim.quality, MFA_QUALITY_WEAK);
	assert_true(span_equals_str(claim.denied_argument, "fast"));
}

#define ROOT(f, at)                                                            \
	{                                                                      \
		f, f, MFA_QUALITY_ROOT, at, "m"                                \
	}
#define CARD(at)                                                               \
	{                                                                      \
		P | K, P, MFA_QUALITY_ROOT, at, "m"                            \
	}
#define OTHER(f, q)                                                            \
	{                                                                      \
		f, f, q, 1000 * S, "m"                                         \
	}
#define NOW (1000 * S)

static void kinds_are_counted_not_methods(void **state)
{
	static const struct {
		struct mfa_proof proofs[3];
		size_t count;
		unsigned factors;
		bool is_enough;
		uint64_t boot_ns;
	} rows[] = {
		{{ROOT(K, NOW), ROOT(P, NOW - S)}, 2, K | P, true, NOW - S},
		{{ROOT(P, NOW), ROOT(I, NOW)}, 2, P | I, true, NOW},
		{{CARD(NOW)}, 1, P | K, true, NOW},
		{{ROOT(K, NOW), ROOT(K, NOW)}, 2, K, false, NOW},
		{{ROOT(P, NOW)}, 1, P, false, NOW},
		{{ROOT(K, NOW)}, 0, 0, false, 0},
		{{ROOT(K, NOW), OTHER(P, MFA_QUALITY_SELF)}, 2, K, false, NOW},
		{{ROOT(K, NOW), OTHER(P, MFA_QUALITY_WEAK)}, 2, K, false, NOW},
		{{ROOT(K, NOW), OTHER(P, MFA_QUALITY_NONE)}, 2, K, false, NOW},
		/* 180 s to live; a second more, and from the future. */
		{{ROOT(K, NOW - 180 * S), ROOT(P, NOW)},
		 2,
		 K | P,
		 true,
		 NOW - 180 * S},
		{{ROOT(K, NOW - 181 * S), ROOT(P, NOW)}, 2, P, false, NOW},
		{{ROOT(K, NOW + 1), ROOT(P, NOW)}, 2, P, false, NOW},
	};
	struct mfa_rules rules;
	(void)state;

	mfa_rules_default(&rules);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct mfa_count count;

		mfa_count(&rules, rows[i].proofs, rows[i].count, NOW, &count);
		if (count.factors != rows[i].factors ||
		    count.is_enough != rows[i].is_enough ||
		    count.boot_ns != rows[i].boot_ns)
			fail_msg("row %zu: factors %u enough %d", i,
				 count.factors, count.is_enough);
	}
}

static void policy_says_how_many_and_which(void **state)
{
	static const struct mfa_proof both[] = {ROOT(K, NOW), ROOT(P, NOW)};
	static const struct mfa_proof card[] = {CARD(NOW)};
	static const struct mfa_proof self[] = {ROOT(K, NOW),
						OTHER(P, MFA_QUALITY_SELF)};
	struct mfa_rules rules;
	struct mfa_count count;
	(void)state;

	mfa_rules_default(&rules);
	rules.required = 3;
	mfa_count(&rules, both, 2, NOW, &count);
	assert_false(count.is_enough);

	/* A policy of zero bytes lets nobody in. */
	rules.required = 0;
	mfa_count(&rules, both, 2, NOW, &count);
	assert_false(count.is_enough);

	mfa_rules_default(&rules);
	rules.combinations[0] = K | I;
	rules.combination_count = 1;
	mfa_count(&rules, both, 2, NOW, &count);
	assert_false(count.is_enough);
	rules.combinations[1] = K | P;
	rules.combination_count = 2;
	mfa_count(&rules, both, 2, NOW, &count);
	assert_true(count.is_enough);

	mfa_rules_default(&rules);
	rules.refuses_forced_second = true;
	mfa_count(&rules, card, 1, NOW, &count);
	assert_int_equal(count.factors, P);
	assert_false(count.is_enough);

	mfa_rules_default(&rules);
	rules.accepts_self_enrolled = true;
	mfa_count(&rules, self, 2, NOW, &count);
	assert_true(count.is_enough);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(factor_words_go_there_and_back),
		cmocka_unit_test(a_line_is_worth_what_its_module_proves),
		cmocka_unit_test(the_enrolment_to_look_at_is_named),
		cmocka_unit_test(policy_may_add_a_module_and_deny_an_argument),
		cmocka_unit_test(kinds_are_counted_not_methods),
		cmocka_unit_test(policy_says_how_many_and_which),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
