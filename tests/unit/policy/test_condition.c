/* SPDX-License-Identifier: Apache-2.0 */
/* Conditions: each true, each false, negated, combined, and unknown. */
#include "tests/unit/policy/rules_fixture.h"

/* 2026-11-20 is a Friday. */
#define FRIDAY(h, m, s)                                                        \
	{                                                                      \
		.year = 2026, .month = 11, .day = 20, .weekday = 5,            \
		.second = (h)*3600 + (m)*60 + (s)                              \
	}

static bool met(const char *condition, const struct decide_context *context)
{
	char text[4096];
	struct usb_fact fact = device("device id 0411:01e8");
	struct ruleset *ruleset;
	struct verdict verdict;

	(void)snprintf(text, sizeof(text), "allow if %s\n", condition);
	ruleset = compile(text);
	decide_usb(ruleset, &fact, context, &verdict);
	ruleset_unref(ruleset);
	return verdict.target == USB_TARGET_ALLOW;
}

static void constants_and_operators_combine(void **state)
{
	static const struct {
		const char *text;
		bool met;
	} rows[] = {
		{"true", true},
		{"false", false},
		{"!true", false},
		{"!false", true},
		{"{ true true }", true},
		{"{ true false }", false},
		{"all-of { true !false }", true},
		{"all-of { true false }", false},
		{"one-of { false true }", true},
		{"one-of { false false }", false},
		{"none-of { false false }", true},
		{"none-of { false true }", false},
		{"equals { true true }", true},
		{"equals { true false }", false},
		{"equals-ordered { true !false }", true},
		{"equals-ordered { !true }", false},
		{"match-all { true true }", true},
		{"match-all { true false }", false},
		{"random(1)", true},
		{"random(0)", false},
		{"!random(0.0)", true},
	};
	struct decide_context context = {0};
	(void)state;

	for (size_t i = 0; i < COUNT(rows); i++)
		if (met(rows[i].text, &context) != rows[i].met)
			fail_msg("if %s", rows[i].text);
}

static void sixty_four_conditions_and_more_count(void **state)
{
	struct decide_context context = {0};
	char text[2000];
	(void)state;

	for (int last = 0; last < 2; last++) {
		size_t len = (size_t)snprintf(text, sizeof(text), "{");

		for (int i = 0; i < 99; i++)
			len += (size_t)snprintf(text + len, sizeof(text) - len,
						" true");
		(void)snprintf(text + len, sizeof(text) - len, " %s }",
			       last ? "true" : "false");
		assert_int_equal(met(text, &context), last);
	}
}

static void time_is_local_and_wraps_midnight(void **state)
{
	static const struct {
		const char *text;
		struct wall_local now;
		bool met;
	} rows[] = {
		{"localtime(08:30-17:15)", FRIDAY(8, 30, 0), true},
		{"localtime(08:30-17:15)", FRIDAY(8, 29, 59), false},
		{"localtime(08:30-17:15)", FRIDAY(17, 15, 0), true},
		{"localtime(08:30-17:15)", FRIDAY(17, 15, 1), false},
		{"localtime(08:30:00-17:15:30)", FRIDAY(17, 15, 30), true},
		{"localtime(22:00-06:00)", FRIDAY(23, 0, 0), true},
		{"localtime(22:00-06:00)", FRIDAY(6, 0, 0), true},
		{"localtime(22:00-06:00)", FRIDAY(6, 0, 1), false},
		{"localtime(22:00-06:00)", FRIDAY(12, 0, 0), false},
		{"localtime(12:00)", FRIDAY(12, 0, 0), true},
		{"localtime(12:00)", FRIDAY(12, 0, 1), false},
		{"!localtime(12:00)", FRIDAY(12, 0, 1), true},
		{"weekday(fri)", FRIDAY(0, 0, 0), true},
		{"weekday(mon-fri)", FRIDAY(0, 0, 0), true},
		{"weekday(sat-thu)", FRIDAY(0, 0, 0), false},
		{"weekday(thu-mon)", FRIDAY(0, 0, 0), true},
		{"weekday(sun,sat)", FRIDAY(0, 0, 0), false},
		{"!weekday(sun,sat)", FRIDAY(0, 0, 0), true},
		{"date(2026-11-20)", FRIDAY(0, 0, 0), true},
		{"date(2026-11-21)", FRIDAY(0, 0, 0), false},
		{"date(2026-11-20..2027-03-31)", FRIDAY(0, 0, 0), true},
		{"date(2026-11-21..2027-03-31)", FRIDAY(0, 0, 0), false},
		{"date(..2026-11-20)", FRIDAY(0, 0, 0), true},
		{"date(..2026-11-19)", FRIDAY(0, 0, 0), false},
		{"date(2026-11-21..)", FRIDAY(0, 0, 0), false},
		{"date(2026-04-01..)", FRIDAY(0, 0, 0), true},
	};
	(void)state;

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct decide_context context = {.now = rows[i].now};

		if (met(rows[i].text, &context) != rows[i].met)
			fail_msg("if %s at %u", rows[i].text,
				 rows[i].now.second);
	}
}

static void an_unknown_clock_counts_against_access(void **state)
{
	static const struct {
		const char *text;
		enum usb_target target;
	} rows[] = {
		{"allow if localtime(00:00-23:59:59)", USB_TARGET_BLOCK},
		{"allow if !localtime(08:00-17:00)", USB_TARGET_BLOCK},
		{"allow if none-of { weekday(mon) }", USB_TARGET_BLOCK},
		{"reject if localtime(08:00-17:00)\nallow", USB_TARGET_REJECT},
		{"reject if !localtime(08:00-17:00)\nallow", USB_TARGET_REJECT},
		/* what is decided all the same */
		{"allow if one-of { date(2026-01-01) true }", USB_TARGET_ALLOW},
		{"reject if { date(2026-01-01) false }\nallow",
		 USB_TARGET_ALLOW},
		{"reject if none-of { date(2026-01-01) true }\nallow",
		 USB_TARGET_ALLOW},
	};
	struct usb_fact fact = device("device");
	(void)state;

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct ruleset *ruleset = compile(rows[i].text);

		if (judge(ruleset, &fact).target != rows[i].target)
			fail_msg("%s", rows[i].text);
		ruleset_unref(ruleset);
	}
}

static void a_session_is_asked_for_its_state(void **state)
{
	static const char *const groups[] = {"users", "市民課"};
	const struct decide_context none = {0};
	const struct decide_context full = {
		.has_session = true,
		.is_mfa = true,
		.is_locked = true,
		.user = "sato",
		.groups = groups,
		.group_count = 2,
	};
	static const struct {
		const char *text;
		bool met_without;
		bool met_with;
	} rows[] = {
		{"mfa", false, true},
		{"!mfa", true, false},
		{"locked", false, true},
		{"!locked", true, false},
		{"user(sato)", false, true},
		{"user(suzuki,sato)", false, true},
		{"user(suzuki)", false, false},
		{"user(sat)", false, false},
		{"!user(suzuki)", true, true},
		{"group(市民課)", false, true},
		{"group(wheel,users)", false, true},
		{"group(wheel)", false, false},
	};
	struct decide_context stale = full;
	(void)state;

	for (size_t i = 0; i < COUNT(rows); i++) {
		if (met(rows[i].text, &none) != rows[i].met_without ||
		    met(rows[i].text, &full) != rows[i].met_with)
			fail_msg("if %s", rows[i].text);
	}
	/* Without a session nothing about one is true. */
	stale.has_session = false;
	assert_false(met("mfa", &stale));
	assert_false(met("user(sato)", &stale));
	assert_false(met("group(users)", &stale));
}

static void allowed_matches_sees_authorised_devices(void **state)
{
	struct usb_fact keyboard = device(
		"device id 046d:c31c with-interface { 03:01:01 03:00:00 }");
	struct usb_fact disk =
		device("device id 0411:01e8 with-interface 08:06:50");
	const struct usb_fact *both[] = {&disk, &keyboard};
	static const struct {
		const char *text;
		bool met;
	} rows[] = {
		{"allowed-matches(046d:c31c)", true},
		{"allowed-matches(id 046d:c31c)", true},
		{"allowed-matches( with-interface one-of { 03:01:01 } )", true},
		{"allowed-matches(with-interface one-of { 03:01:02 })", false},
		{"!allowed-matches(with-interface one-of { 03:01:01 })", false},
		{"allowed-matches(id 046d:c31c with-interface 08:*:*)", false},
		/* conditions of the query are ignored */
		{"allowed-matches(id 046d:c31c if false)", true},
		{"{ allowed-matches(id 046d:c31c if false) true }", true},
		{"allowed-matches", true},
	};
	struct decide_context context = {.authorized = both,
					 .authorized_count = 2};
	(void)state;

	for (size_t i = 0; i < COUNT(rows); i++)
		if (met(rows[i].text, &context) != rows[i].met)
			fail_msg("if %s", rows[i].text);
	context.authorized_count = 0;
	assert_false(met("allowed-matches", &context));
	assert_true(met("!allowed-matches(046d:c31c)", &context));
}

static void history_remembers_rules_not_devices(void **state)
{
	struct ruleset *ruleset = compile(
		"allow id 0411:* if !rule-applied(60)\n"
		"reject id 0411:* if rule-evaluated\n"
		"block\n");
	struct decide_history_slot slots[2] = {0};
	struct decide_context context = {.history = slots,
					 .history_count = 2,
					 .boot_now_s = 0};
	struct usb_fact fact = device("device id 0411:01e8");
	struct usb_fact other = device("device id 0412:01e8");
	struct verdict verdict;
	(void)state;

	assert_int_equal(ruleset_history_count(ruleset), 2);
	decide_usb(ruleset, &other, &context, &verdict);
	assert_int_equal(verdict.rule, 2);
	assert_int_equal(slots[0].evaluated, 0); /* its id did not match */

	decide_usb(ruleset, &fact, &context, &verdict);
	assert_int_equal(verdict.rule, 0);
	context.boot_now_s = 60;
	decide_usb(ruleset, &fact, &context, &verdict);
	assert_int_equal(verdict.rule, 2); /* 1 was not evaluated before */
	decide_usb(ruleset, &fact, &context, &verdict);
	assert_int_equal(verdict.rule, 1);
	context.boot_now_s = 61;
	decide_usb(ruleset, &fact, &context, &verdict);
	assert_int_equal(verdict.rule, 0);
	ruleset_unref(ruleset);
}

static void without_history_nothing_was_applied(void **state)
{
	struct decide_context context = {0};
	(void)state;

	assert_false(met("rule-applied", &context));
	assert_false(met("rule-evaluated", &context));
	assert_true(met("!rule-applied(1:00)", &context));
}

static void random_follows_its_number(void **state)
{
	struct ruleset *ruleset = compile("allow if random(0.25)\n");
	struct usb_fact fact = device("device");
	unsigned hits = 0;
	(void)state;

	for (uint64_t n = 0; n < 10000; n++) {
		struct decide_context context = {.random = n * 0x10001};
		struct verdict verdict, again;

		decide_usb(ruleset, &fact, &context, &verdict);
		decide_usb(ruleset, &fact, &context, &again);
		assert_int_equal(verdict.target, again.target);
		hits += verdict.target == USB_TARGET_ALLOW;
	}
	assert_in_range(hits, 2300, 2700);
	ruleset_unref(ruleset);
}

static void a_rule_set_says_what_it_depends_on(void **state)
{
	static const struct {
		const char *text;
		unsigned uses;
	} rows[] = {
		{"allow id 0411:*", 0},
		{"allow if localtime(08:00)", RULES_USES_TIME},
		{"allow if weekday(mon)", RULES_USES_TIME},
		{"allow if date(2026-01-01)", RULES_USES_TIME},
		{"media deny until 2026-01-01", RULES_USES_TIME},
		{"allow if mfa", RULES_USES_SESSION},
		{"allow if locked", RULES_USES_SESSION},
		{"allow if user(a)", RULES_USES_SESSION},
		{"allow if group(a)", RULES_USES_SESSION},
		{"allow if allowed-matches(if mfa)", RULES_USES_AUTHORIZED},
		{"allow if rule-applied", RULES_USES_HISTORY},
		{"allow if random", RULES_USES_RANDOM},
	};
	(void)state;

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct ruleset *ruleset = compile(rows[i].text);

		if (ruleset_uses(ruleset) != rows[i].uses)
			fail_msg("%s", rows[i].text);
		ruleset_unref(ruleset);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(constants_and_operators_combine),
		cmocka_unit_test(sixty_four_conditions_and_more_count),
		cmocka_unit_test(time_is_local_and_wraps_midnight),
		cmocka_unit_test(an_unknown_clock_counts_against_access),
		cmocka_unit_test(a_session_is_asked_for_its_state),
		cmocka_unit_test(allowed_matches_sees_authorised_devices),
		cmocka_unit_test(history_remembers_rules_not_devices),
		cmocka_unit_test(without_history_nothing_was_applied),
		cmocka_unit_test(random_follows_its_number),
		cmocka_unit_test(a_rule_set_says_what_it_depends_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
