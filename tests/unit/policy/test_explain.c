/* SPDX-License-Identifier: Apache-2.0 */
/* Why a device was stopped, and what was missing for it to pass. */
#include "tests/unit/policy/rules_fixture.h"

#include "policy/explain.h"

static struct explanation ask(const struct ruleset *ruleset,
			      const char *description)
{
	struct usb_fact fact = device(description);
	struct decide_context context = {0};
	struct explanation e;

	explain_usb(ruleset, &fact, &context, &e);
	return e;
}

static void the_nearest_rule_and_what_it_lacks(void **state)
{
	static const struct {
		const char *text;
		unsigned nearest; /* VERDICT_NO_RULE: none */
		const char *missing;
		unsigned matched, total;
	} rows[] = {
		{"allow id 0411:01e8 serial \"B\" via-port \"1-2\"", 0,
		 "serial", 2, 3},
		{"allow id 0411:01e8 serial \"B\" via-port \"9\"\n"
		 "allow id 0411:01e8 serial \"B\"",
		 1, "serial", 1, 2},
		{"allow id 0411:01e8 if mfa", 0, "if mfa", 1, 2},
		{"allow id 0411:01e8 if { true !true }", 0, "if !true", 1, 2},
		{"block\nallow id 0411:*", 1, "an earlier rule decided", 1, 1},
		{"allow id 0412:*", VERDICT_NO_RULE, "", 0, 0},
		{"block id 0411:*", VERDICT_NO_RULE, "", 0, 0},
		{"media read-only id 0411:01e8", VERDICT_NO_RULE, "", 0, 0},
		{"allow", VERDICT_NO_RULE, "", 0, 0},
	};
	(void)state;

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct ruleset *ruleset = compile(rows[i].text);
		struct explanation e = ask(ruleset,
					   "device id 0411:01e8 serial \"A\" "
					   "via-port \"1-2\"");

		assert_int_equal(e.has_nearest,
				 rows[i].nearest != VERDICT_NO_RULE);
		assert_string_equal(e.nearest_missing, rows[i].missing);
		if (e.has_nearest) {
			assert_int_equal(e.nearest, rows[i].nearest);
			assert_int_equal(e.nearest_matched, rows[i].matched);
			assert_int_equal(e.nearest_total, rows[i].total);
		}
		ruleset_unref(ruleset);
	}
}

static void media_are_explained_too(void **state)
{
	struct ruleset *ruleset = compile(
		"media deny bus sd\n"
		"media read-only serial \"A\" until 2026-03-31\n");
	struct media_fact medium = {.bus = MEDIA_BUS_SD, .serial = "A"};
	struct decide_context context = {
		.now = {.year = 2026, .month = 4, .day = 1},
	};
	struct explanation e;
	(void)state;

	explain_media(ruleset, &medium, &context, &e);
	assert_int_equal(e.verdict.access, MEDIA_DENY);
	assert_int_equal(e.verdict.rule, 0);
	assert_true(e.has_nearest);
	assert_int_equal(e.nearest, 1);
	assert_string_equal(e.nearest_missing, "until");
	ruleset_unref(ruleset);
}

static void asking_leaves_no_trace(void **state)
{
	struct ruleset *ruleset = compile("allow if rule-evaluated\n");
	struct decide_history_slot slot = {0};
	struct decide_context context = {.history = &slot, .history_count = 1};
	struct usb_fact fact = device("device");
	struct explanation e;
	(void)state;

	explain_usb(ruleset, &fact, &context, &e);
	assert_int_equal(slot.evaluated, 0);
	explain_usb(NULL, &fact, &context, &e);
	assert_int_equal(e.verdict.reason, VERDICT_NO_RULESET);
	assert_false(e.has_nearest);
	ruleset_unref(ruleset);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_nearest_rule_and_what_it_lacks),
		cmocka_unit_test(media_are_explained_too),
		cmocka_unit_test(asking_leaves_no_trace),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
