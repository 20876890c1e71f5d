/* SPDX-License-Identifier: Apache-2.0 */
/* Nobody loses the last keyboard, pointer or reader; nor gains a back door. */
#include "tests/unit/policy/rules_fixture.h"

#include "policy/lifeline.h"

#define ALL (LIFELINE_KEYBOARD | LIFELINE_POINTER | LIFELINE_READER)

static void roles_come_from_what_a_device_is_alone(void **state)
{
	static const struct {
		const char *device;
		unsigned roles;
	} rows[] = {
		{"device with-interface 03:01:01", LIFELINE_KEYBOARD},
		{"device with-interface { 03:01:01 03:00:00 }",
		 LIFELINE_KEYBOARD},
		{"device with-interface 03:01:02", LIFELINE_POINTER},
		{"device with-interface 03:00:00", LIFELINE_POINTER},
		{"device with-interface { 03:01:01 03:01:02 }",
		 LIFELINE_KEYBOARD | LIFELINE_POINTER},
		{"device with-interface 0b:00:00", LIFELINE_READER},
		{"device id 054c:06c1 with-interface ff:ff:ff",
		 LIFELINE_READER},
		{"device id 1050:0407 with-interface { 03:01:01 03:00:00 "
		 "0b:00:00 }",
		 LIFELINE_READER},
		{"device id 1050:0120 with-interface 03:00:00",
		 LIFELINE_READER},
		/* not alone */
		{"device with-interface { 03:01:01 08:06:50 }", 0},
		{"device with-interface { 03:01:01 02:06:00 0a:00:00 }", 0},
		{"device with-interface { 0b:00:00 08:06:50 }", 0},
		{"device with-interface { 03:01:01 ff:00:00 }", 0},
		{"device with-interface 09:00:00", 0},
		{"device", 0},
	};
	(void)state;

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct usb_fact fact = device(rows[i].device);

		if (lifeline_roles(&fact) != rows[i].roles)
			fail_msg("%s: %x", rows[i].device,
				 lifeline_roles(&fact));
	}
}

static void the_last_one_is_kept(void **state)
{
	struct usb_fact keyboard = device("device with-interface 03:01:01");
	struct usb_fact mouse = device("device with-interface 03:01:02");
	struct lifeline_device list[] = {
		{&keyboard, true, true},
		{&mouse, true, true},
		{&keyboard, true, true},
	};
	struct verdict block = {.target = USB_TARGET_BLOCK};
	struct verdict allow = {.target = USB_TARGET_ALLOW};
	struct verdict monitor = {.target = USB_TARGET_BLOCK,
				  .is_monitor = true};
	(void)state;

	assert_int_equal(lifeline_loses(list, 3, 0, &block, ALL), 0);
	assert_int_equal(lifeline_loses(list, 2, 0, &block, ALL),
			 LIFELINE_KEYBOARD);
	assert_int_equal(lifeline_loses(list, 3, 1, &block, ALL),
			 LIFELINE_POINTER);
	assert_int_equal(lifeline_loses(list, 3, 1, &block, LIFELINE_KEYBOARD),
			 0);
	assert_int_equal(lifeline_loses(list, 2, 0, &allow, ALL), 0);
	assert_int_equal(lifeline_loses(list, 2, 0, &monitor, ALL), 0);

	/* The other keyboard does not count: not usable, or not learned. */
	list[2].is_usable = false;
	assert_int_equal(lifeline_loses(list, 3, 0, &block, ALL),
			 LIFELINE_KEYBOARD);
	list[2].is_usable = true;
	list[2].is_learned = false;
	assert_int_equal(lifeline_loses(list, 3, 0, &block, ALL),
			 LIFELINE_KEYBOARD);
	/* What came later is not protected. */
	assert_int_equal(lifeline_loses(list, 3, 2, &block, ALL), 0);
}

static void a_rule_set_is_proven_against_what_is_present(void **state)
{
	struct usb_fact keyboard =
		device("device id 046d:c31c with-interface 03:01:01");
	struct usb_fact other =
		device("device id 046d:c31d with-interface 03:01:01");
	struct usb_fact reader =
		device("device id 054c:0dc8 with-interface 0b:00:00");
	struct lifeline_device list[] = {
		{&keyboard, true, true},
		{&other, true, true},
		{&reader, true, true},
	};
	static const struct {
		const char *text;
		unsigned lost;
	} rows[] = {
		{"allow", 0},
		{"block", LIFELINE_KEYBOARD | LIFELINE_READER},
		{"allow id 046d:c31c\nallow id 054c:*", 0},
		{"allow id 046d:c31c", LIFELINE_READER},
		{"allow id 054c:*", LIFELINE_KEYBOARD},
		{"policy \"m\" mode monitor\nblock", 0},
		{"block monitor", 0},
		/* the proof leaves no trace and finds none */
		{"allow if !rule-applied", 0},
	};
	struct decide_history_slot slot = {0};
	struct decide_context context = {.history = &slot, .history_count = 1};
	(void)state;

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct ruleset *ruleset = compile(rows[i].text);

		if (lifeline_prove(ruleset, list, 3, &context, ALL) !=
		    rows[i].lost)
			fail_msg("%s", rows[i].text);
		ruleset_unref(ruleset);
	}
	assert_int_equal(slot.applied, 0);
	assert_int_equal(slot.evaluated, 0);
	/* No rule set at all takes everything. */
	assert_int_equal(lifeline_prove(NULL, list, 3, &context, ALL),
			 LIFELINE_KEYBOARD | LIFELINE_READER);
}

static void only_a_bare_keyboard_is_admitted_when_none_is_left(void **state)
{
	struct ruleset *ruleset = compile("block");
	struct ruleset *strict =
		compile("policy \"x\" new-keyboard deny\nblock");
	struct usb_fact keyboard =
		device("device with-interface { 03:01:01 03:00:00 }");
	struct usb_fact mouse = device("device with-interface 03:01:02");
	struct usb_fact bad =
		device("device with-interface { 03:01:01 08:06:50 }");
	struct usb_fact key =
		device("device id 1050:0407 with-interface 03:01:01");
	struct lifeline_device list[] = {{&keyboard, true, false}};
	(void)state;

	assert_true(lifeline_admits(ruleset, list, 0, &keyboard, 0));
	assert_true(lifeline_admits(NULL, list, 0, &keyboard, 0));
	assert_false(lifeline_admits(strict, list, 0, &keyboard, 0));
	assert_false(lifeline_admits(ruleset, list, 0, &mouse, 0));
	assert_false(lifeline_admits(ruleset, list, 0, &bad, 0));
	assert_false(lifeline_admits(ruleset, list, 0, &key, 0));
	assert_false(lifeline_admits(ruleset, list, 1, &keyboard, 0));
	assert_false(lifeline_admits(ruleset, list, 0, &keyboard,
				     LIFELINE_KEYBOARD));
	list[0].is_usable = false;
	assert_true(lifeline_admits(ruleset, list, 1, &keyboard, 0));
	ruleset_unref(ruleset);
	ruleset_unref(strict);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(roles_come_from_what_a_device_is_alone),
		cmocka_unit_test(the_last_one_is_kept),
		cmocka_unit_test(a_rule_set_is_proven_against_what_is_present),
		cmocka_unit_test(
			only_a_bare_keyboard_is_admitted_when_none_is_left),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
