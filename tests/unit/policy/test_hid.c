/* SPDX-License-Identifier: Apache-2.0 */
/* Which keyboards wait: those that nobody named, learned or confirmed. */
#include "tests/unit/policy/rules_fixture.h"

#include "policy/hid.h"

#define KEYBOARD "device id 046d:c31c serial \"K1\" with-interface 03:01:01"

enum wanted { LEFT, HELD, TYPING, CONFIRMED, KEYS_OUT };

static enum wanted outcome(const struct verdict *before,
			   const struct verdict *after)
{
	if (after->is_keyboard_held)
		return KEYS_OUT;
	if (after->reason == VERDICT_CONFIRMED)
		return CONFIRMED;
	if (after->target == before->target)
		return LEFT;
	return after->reason == VERDICT_TYPING ? TYPING : HELD;
}

static enum wanted hold(const char *rules, const char *description,
			struct hid_standing standing)
{
	struct ruleset *ruleset = compile(rules);
	struct usb_fact fact = device(description);
	struct verdict before = judge(ruleset, &fact), after = before;

	hid_judge(ruleset, &fact, &standing, &after);
	assert_int_equal(after.rule, before.rule);
	ruleset_unref(ruleset);
	return outcome(&before, &after);
}

static void only_a_rule_that_names_it_lets_a_keyboard_in(void **state)
{
	static const struct {
		const char *rules;
		enum wanted wanted;
	} rows[] = {
		{"allow with-interface 03:*:*", HELD},
		{"allow channel hid", HELD},
		{"allow", HELD},
		{"policy \"p\" implicit allow", HELD},
		{"policy \"p\" unnamed-keyboard hold\nallow", HELD},
		{"policy \"p\" unnamed-keyboard allow\nallow", LEFT},
		{"policy \"p\" implicit allow unnamed-keyboard allow", LEFT},
		{"block", LEFT},
		{"reject", LEFT},
		{"", LEFT},
		/* names */
		{"allow id 046d:c31c", LEFT},
		{"allow 046d:c31c with-interface 03:*:*", LEFT},
		{"allow id one-of { 046d:c31c 046d:c31d }", LEFT},
		{"allow serial \"K1\"", LEFT},
		{"allow serial one-of { \"K1\" \"K2\" }", LEFT},
		/* do not */
		{"allow id 046d:*", HELD},
		{"allow id *:*", HELD},
		{"allow id one-of { 046d:c31c 046d:* }", HELD},
		{"allow id none-of { 0411:01e8 }", HELD},
		{"allow id match-all { 046d:c31c }", HELD},
		{"allow serial none-of { \"K2\" }", HELD},
		{"allow serial one-of { \"K1\" \"\" }", HELD},
		{"allow via-port none-of { \"9-9\" }", HELD},
	};
	(void)state;

	for (size_t i = 0; i < COUNT(rows); i++) {
		enum wanted got = hold(rows[i].rules, KEYBOARD,
				       (struct hid_standing){0});
		if (got != rows[i].wanted)
			fail_msg("'%s': %d", rows[i].rules, got);
	}
}

static void what_can_be_a_keyboard_is_one(void **state)
{
	static const struct {
		const char *rules;
		const char *device;
		enum wanted wanted;
	} rows[] = {
		{"allow", "device with-interface 03:01:01", HELD},
		{"allow", "device with-interface 03:00:01", HELD},
		{"allow", "device with-interface { 08:06:50 03:01:01 }", HELD},
		{"allow", "device with-interface 03:01:02", LEFT},
		{"allow", "device with-interface { 01:01:00 03:00:00 }", LEFT},
		{"allow", "device with-interface 08:06:50", LEFT},
		{"allow", "device", LEFT},
		/* The rule leaves its keyboard out by itself */
		{"allow interfaces { 08:*:* }",
		 "device with-interface { 08:06:50 03:01:01 }", LEFT},
		{"allow interfaces { 08:*:* 03:01:* }",
		 "device with-interface { 08:06:50 03:01:01 }", HELD},
		/* Login needs these */
		{"allow", "device with-interface { 03:01:01 0b:00:00 }",
		 KEYS_OUT},
		{"allow",
		 "device id 1050:0407 with-interface { 03:01:01 03:00:00 }",
		 KEYS_OUT},
		{"allow id 1050:0407",
		 "device id 1050:0407 with-interface { 03:01:01 03:00:00 }",
		 LEFT},
		{"allow", "device id 1050:0120 with-interface 03:00:00", LEFT},
	};
	(void)state;

	for (size_t i = 0; i < COUNT(rows); i++) {
		enum wanted got = hold(rows[i].rules, rows[i].device,
				       (struct hid_standing){0});
		if (got != rows[i].wanted)
			fail_msg("'%s' '%s': %d", rows[i].rules, rows[i].device,
				 got);
	}
}

static void standing_counts_beyond_the_rule(void **state)
{
	static const char key[] =
		"device id 1050:0407 with-interface { 03:01:01 03:00:00 }";
	static const struct {
		const char *rules;
		const char *device;
		struct hid_standing standing;
		enum wanted wanted;
	} rows[] = {
		{"allow", KEYBOARD, {.is_learned = true}, LEFT},
		{"allow", KEYBOARD, {.is_confirmed = true}, CONFIRMED},
		{"allow id 046d:c31c", KEYBOARD, {.is_confirmed = true}, LEFT},
		{"block", KEYBOARD, {.is_confirmed = true}, LEFT},
		/* It typed: names help no more, a person does */
		{"allow id 046d:c31c", KEYBOARD, {.is_fast = true}, TYPING},
		{"policy \"p\" unnamed-keyboard allow\nallow",
		 KEYBOARD,
		 {.is_fast = true},
		 TYPING},
		{"allow id 046d:c31c",
		 KEYBOARD,
		 {.is_fast = true, .is_confirmed = true},
		 CONFIRMED},
		/* A mouse with letters on it */
		{"allow",
		 "device with-interface 03:01:02",
		 {.is_typist = true},
		 HELD},
		{"allow serial \"M\"",
		 "device serial \"M\" with-interface 03:01:02",
		 {.is_typist = true},
		 LEFT},
		{"allow", key, {.is_typist = true}, HELD},
		{"allow", key, {.is_confirmed = true}, CONFIRMED},
		{"allow", "device with-interface 08:06:50", {0}, LEFT},
	};
	(void)state;

	for (size_t i = 0; i < COUNT(rows); i++) {
		enum wanted got = hold(rows[i].rules, rows[i].device,
				       rows[i].standing);
		if (got != rows[i].wanted)
			fail_msg("row %zu: %d", i, got);
	}
}

static void of_a_held_key_only_the_keyboard_stays_out(void **state)
{
	static const char *const rules[] = {
		"allow",
		"policy \"p\" implicit allow",
		"allow interfaces { 03:*:* 0b:*:* }",
	};
	const struct usb_interface keys = {3, 1, 1, 0, 0, 1};
	const struct usb_interface reader = {0x0b, 0, 0, 1, 0, 1};
	const struct usb_interface storage = {8, 6, 80, 2, 0, 1};
	struct usb_fact fact =
		device("device with-interface { 03:01:01 0b:00:00 }");
	(void)state;

	for (size_t i = 0; i < COUNT(rules); i++) {
		struct ruleset *ruleset = compile(rules[i]);
		struct verdict verdict = judge(ruleset, &fact);
		const struct hid_standing standing = {0};

		assert_true(decide_interface(ruleset, &verdict, &keys));
		hid_judge(ruleset, &fact, &standing, &verdict);
		assert_int_equal(verdict.target, USB_TARGET_ALLOW);
		assert_true(verdict.is_per_interface);
		assert_false(decide_interface(ruleset, &verdict, &keys));
		assert_true(decide_interface(ruleset, &verdict, &reader));
		assert_int_equal(decide_interface(ruleset, &verdict, &storage),
				 i < 2);
		ruleset_unref(ruleset);
	}
}

static void a_reader_of_codes_is_said_to_be_one(void **state)
{
	struct ruleset *ruleset = compile("allow id 046d:c31c fast-typing");
	struct usb_fact fact = device(KEYBOARD);
	struct rules_message message = {0};
	struct ruleset *none = NULL;
	(void)state;

	assert_true(judge(ruleset, &fact).may_type_fast);
	ruleset_unref(ruleset);
	ruleset = compile("allow id 046d:c31c");
	assert_false(judge(ruleset, &fact).may_type_fast);
	ruleset_unref(ruleset);
	assert_int_equal(try_compile("block fast-typing", 0, &message, &none),
			 RULESET_INVALID);
	assert_non_null(strstr(message.what, "needs 'allow'"));
	assert_int_equal(try_compile("media deny fast-typing", 0, NULL, &none),
			 RULESET_INVALID);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_a_rule_that_names_it_lets_a_keyboard_in),
		cmocka_unit_test(what_can_be_a_keyboard_is_one),
		cmocka_unit_test(standing_counts_beyond_the_rule),
		cmocka_unit_test(of_a_held_key_only_the_keyboard_stays_out),
		cmocka_unit_test(a_reader_of_codes_is_said_to_be_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
