/* SPDX-License-Identifier: Apache-2.0 */
/* Every attribute with every operator, order, verdicts. */
#include "tests/unit/policy/rules_fixture.h"

#define STICK                                                                  \
	"device id 0411:01e8 serial \"A1\" name \"Disk\" manufacturer "        \
	"\"BUF\" "                                                             \
	"hash \"H=\" parent-hash \"P=\" identity \"I=\" via-port \"1-2\" "     \
	"with-interface 08:06:50 with-connect-type \"hotplug\""
#define COMBO                                                                  \
	"device id 046d:c52b serial \"\" with-interface { 03:01:01 "           \
	"03:01:02 03:00:00 08:06:50 }"
#define TWICE "device with-interface { 08:06:50 08:06:62 }"
#define BARE  "device"

struct row {
	const char *attributes;
	const char *device;
	bool allows;
};

static void check_rows(const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (allows(rows[i].attributes, rows[i].device) !=
		    rows[i].allows)
			fail_msg("allow %s / %s: %s", rows[i].attributes,
				 rows[i].device,
				 rows[i].allows ? "does not" : "does");
}

static void ids_compare_as_numbers(void **state)
{
	static const struct row rows[] = {
		{"id 0411:01e8", STICK, true},
		{"id 0411:01E8", STICK, true},
		{"id 0411:*", STICK, true},
		{"id *:*", STICK, true},
		{"id 0411:01e9", STICK, false},
		{"id 0412:*", STICK, false},
		{"id *:*", BARE, false},
		{"id { 0411:01e8 0411:* }", STICK, false},
		{"id all-of { 0411:01e8 0411:* }", STICK, true},
		{"id all-of { 0411:01e8 0412:* }", STICK, false},
		{"id one-of { 0412:* 0411:* }", STICK, true},
		{"id one-of { 0412:* 0413:* }", STICK, false},
		{"id none-of { 0412:* 0413:* }", STICK, true},
		{"id none-of { 0412:* 0411:* }", STICK, false},
		{"id none-of { *:* }", BARE, true},
		{"id equals-ordered { 0411:* }", STICK, true},
		{"id equals-ordered { 0411:* 0411:* }", STICK, false},
		{"id match-all { 0412:* 0411:* }", STICK, true},
		{"id match-all { 0412:* }", STICK, false},
		{"id match-all { 0412:* }", BARE, true},
	};
	(void)state;
	check_rows(rows, COUNT(rows));
}

/* The string attributes are the same code; each is asked for once more. */
static void every_string_attribute_takes_every_operator(void **state)
{
	static const struct {
		const char *word;
		const char *value;
	} attributes[] = {
		{"serial", "A1"},	 {"name", "Disk"},
		{"manufacturer", "BUF"}, {"hash", "H="},
		{"parent-hash", "P="},	 {"identity", "I="},
		{"via-port", "1-2"},	 {"with-connect-type", "hotplug"},
	};
	static const struct {
		const char *format; /* %1$s word, %2$s value */
		bool allows;
		bool allows_bare;
	} rows[] = {
		{"%1$s \"%2$s\"", true, false},
		{"%1$s \"%2$s \"", false, false},
		{"%1$s \"\"", false, false},
		{"%1$s { \"%2$s\" \"%2$s\" }", false, false},
		{"%1$s all-of { \"%2$s\" \"%2$s\" }", true, false},
		{"%1$s all-of { \"%2$s\" \"x\" }", false, false},
		{"%1$s one-of { \"x\" \"%2$s\" }", true, false},
		{"%1$s one-of { \"x\" \"y\" }", false, false},
		{"%1$s none-of { \"x\" \"y\" }", true, true},
		{"%1$s none-of { \"x\" \"%2$s\" }", false, true},
		{"%1$s equals-ordered { \"%2$s\" }", true, false},
		{"%1$s equals-ordered { \"%2$s\" \"x\" }", false, false},
		{"%1$s match-all { \"x\" \"%2$s\" }", true, true},
		{"%1$s match-all { \"x\" }", false, true},
	};
	(void)state;

	for (size_t a = 0; a < COUNT(attributes); a++) {
		for (size_t i = 0; i < COUNT(rows); i++) {
			char text[200];
			struct row row = {.attributes = text,
					  .device = STICK,
					  .allows = rows[i].allows};

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
			(void)snprintf(text, sizeof(text), rows[i].format,
				       attributes[a].word, attributes[a].value);
#pragma GCC diagnostic pop
			check_rows(&row, 1);
			row.device = BARE;
			row.allows = rows[i].allows_bare;
			check_rows(&row, 1);
		}
	}
}

static void an_empty_string_is_a_value(void **state)
{
	static const struct row rows[] = {
		{"serial \"\"", COMBO, true},
		{"serial \"\"", STICK, false},
		{"serial \"\"", BARE, false},
		{"serial none-of { \"\" }", COMBO, false},
		{"serial none-of { \"\" }", BARE, true},
		{"name \"a\\x5cb\"", "device name \"a\\\\b\"", true},
		{"name \"日本\"", "device name \"\\xe6\\x97\\xa5本\"", true},
	};
	(void)state;
	check_rows(rows, COUNT(rows));
}

static void interfaces_take_every_operator(void **state)
{
	static const struct row rows[] = {
		{"with-interface 08:06:50", STICK, true},
		{"with-interface 08:06:*", STICK, true},
		{"with-interface 08:*:*", STICK, true},
		{"with-interface 08:06:62", STICK, false},
		{"with-interface 08:05:*", STICK, false},
		{"with-interface 08:*:*", COMBO, false},
		{"with-interface 08:*:*", BARE, false},
		{"with-interface all-of { 03:*:* 08:*:* }", COMBO, true},
		{"with-interface all-of { 03:*:* 09:*:* }", COMBO, false},
		{"with-interface all-of { 08:*:* 08:*:* }", STICK, true},
		{"with-interface one-of { 09:*:* 08:*:* }", COMBO, true},
		{"with-interface one-of { 09:*:* 0a:*:* }", COMBO, false},
		{"with-interface one-of { 09:*:* }", BARE, false},
		{"with-interface none-of { 09:*:* 0a:*:* }", COMBO, true},
		{"with-interface none-of { 09:*:* 08:*:* }", COMBO, false},
		{"with-interface none-of { 09:*:* }", BARE, true},
		{"with-interface match-all { 03:*:* 08:*:* }", COMBO, true},
		{"with-interface match-all { 03:*:* }", COMBO, false},
		{"with-interface match-all { 03:*:* }", BARE, true},
		{"with-interface equals-ordered { 03:*:* 03:01:02 03:00:* "
		 "08:06:50 }",
		 COMBO, true},
		{"with-interface equals-ordered { 08:06:50 03:*:* 03:01:02 "
		 "03:00:* }",
		 COMBO, false},
		{"with-interface equals-ordered { 03:*:* 03:01:02 03:00:* }",
		 COMBO, false},
	};
	(void)state;
	check_rows(rows, COUNT(rows));
}

static void equals_pairs_one_to_one(void **state)
{
	static const struct row rows[] = {
		{"with-interface { 08:06:50 08:06:62 }", TWICE, true},
		{"with-interface { 08:06:62 08:06:50 }", TWICE, true},
		{"with-interface { 08:*:* 08:*:* }", TWICE, true},
		{"with-interface { 08:*:* 08:06:50 }", TWICE, true},
		{"with-interface { 08:06:* 08:06:* }", TWICE, true},
		{"with-interface { 08:*:* 08:06:62 }", TWICE, true},
		{"with-interface { 08:06:50 08:06:50 }", TWICE, false},
		{"with-interface { 08:*:* }", TWICE, false},
		/* what USBGuard lets through */
		{"with-interface { 08:*:* 08:*:* }",
		 "device with-interface { 08:06:50 03:01:01 }", false},
		{"with-interface { 03:*:* 03:*:* }",
		 "device with-interface { 08:06:50 03:01:01 }", false},
		{"with-interface { 03:01:01 03:01:01 08:06:50 }",
		 "device with-interface { 03:01:01 08:06:50 08:06:50 }", false},
		/* the wide pattern must leave the narrow one its interface */
		{"with-interface { 08:*:* 08:06:* 08:06:50 }",
		 "device with-interface { 08:06:50 08:06:62 08:05:01 }", true},
		{"with-interface { 08:06:* 08:*:* 08:*:* }",
		 "device with-interface { 08:05:50 08:05:62 08:05:01 }", false},
	};
	(void)state;
	check_rows(rows, COUNT(rows));
}

static void channels_take_every_operator(void **state)
{
	static const struct row rows[] = {
		{"channel storage", STICK, true},
		{"channel hid", STICK, false},
		{"channel storage", COMBO, false},
		{"channel storage", BARE, false},
		{"channel { hid storage }", COMBO, true},
		{"channel { storage hid }", COMBO, true},
		{"channel { hid hid }", COMBO, false},
		{"channel all-of { hid }", COMBO, true},
		{"channel all-of { hid hub }", COMBO, false},
		{"channel one-of { hub storage }", COMBO, true},
		{"channel one-of { hub }", COMBO, false},
		{"channel none-of { hub }", COMBO, true},
		{"channel none-of { hub hid }", COMBO, false},
		{"channel none-of { hub }", BARE, true},
		{"channel match-all { hid storage hub }", COMBO, true},
		{"channel match-all { hid }", COMBO, false},
		{"channel match-all { hid }", BARE, true},
		{"channel equals-ordered { storage hid }", COMBO, true},
		{"channel equals-ordered { hid storage }", COMBO, false},
		{"channel one-of { mtp }", "device with-interface ff:ff:00",
		 true},
		{"channel one-of { security-key }",
		 "device id 1050:0407 with-interface { 03:01:01 03:00:00 }",
		 true},
	};
	(void)state;
	check_rows(rows, COUNT(rows));
}

static void all_attributes_of_a_rule_must_match(void **state)
{
	static const struct row rows[] = {
		{"", BARE, true},
		{"id 0411:01e8 serial \"A1\" with-interface 08:*:*", STICK,
		 true},
		{"id 0411:01e8 serial \"A2\" with-interface 08:*:*", STICK,
		 false},
		{"id 0411:01e8 serial \"A1\" with-interface 03:*:*", STICK,
		 false},
		{"label \"anything\"", BARE, true},
	};
	(void)state;
	check_rows(rows, COUNT(rows));
}

static void the_first_rule_that_matches_decides(void **state)
{
	struct ruleset *ruleset = compile(
		"# 0\n"
		"block id 0411:* serial \"A2\" rule-id \"two\"\n"
		"match\n"
		"device id 0411:01e8\n"
		"media deny\n"
		"allow id 0411:* label \"ours\" rule-id \"four\"\n"
		"reject\n");
	struct usb_fact fact = device(STICK);
	struct verdict verdict = judge(ruleset, &fact);
	(void)state;

	assert_int_equal(verdict.target, USB_TARGET_ALLOW);
	assert_int_equal(verdict.rule, 4);
	assert_int_equal(verdict.reason, VERDICT_RULE);
	assert_false(verdict.is_implicit);
	assert_true(span_is(verdict.rule_id, "four"));
	assert_true(span_is(verdict.label, "ours"));

	fact.vendor_id = 0x0412;
	verdict = judge(ruleset, &fact);
	assert_int_equal(verdict.target, USB_TARGET_REJECT);
	assert_int_equal(verdict.rule, 5);
	assert_int_equal(verdict.rule_id.len, 0);
	ruleset_unref(ruleset);
}

static void monitor_is_of_the_policy_or_of_the_rule(void **state)
{
	static const struct {
		const char *text;
		bool is_monitor;
	} rows[] = {
		{"block", false},
		{"block monitor", true},
		{"block id 1234:5678 monitor\nblock", false},
		{"policy \"x\" mode enforce\nblock", false},
		{"policy \"x\" mode monitor\nblock", true},
		{"policy \"x\" mode monitor", true},
		{"policy \"x\"", false},
	};
	struct usb_fact fact = device(STICK);
	(void)state;

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct ruleset *ruleset = compile(rows[i].text);
		struct verdict verdict = judge(ruleset, &fact);

		assert_int_equal(verdict.is_monitor, rows[i].is_monitor);
		assert_int_equal(verdict.target, USB_TARGET_BLOCK);
		ruleset_unref(ruleset);
	}
}

static void an_interface_list_restricts_what_is_authorised(void **state)
{
	struct ruleset *ruleset =
		compile("allow interfaces { 03:*:* 0b:00:00 }\n");
	struct usb_fact fact = device(COMBO);
	struct usb_interface reader = {.class_code = 0x0b};
	struct verdict verdict = judge(ruleset, &fact);
	(void)state;

	assert_true(verdict.is_per_interface);
	assert_true(decide_interface(ruleset, &verdict, &fact.interfaces[0]));
	assert_false(decide_interface(ruleset, &verdict, &fact.interfaces[3]));
	assert_true(decide_interface(ruleset, &verdict, &reader));
	reader.protocol = 1;
	assert_false(decide_interface(ruleset, &verdict, &reader));
	ruleset_unref(ruleset);

	ruleset = compile("allow\n");
	verdict = judge(ruleset, &fact);
	assert_false(verdict.is_per_interface);
	assert_true(decide_interface(ruleset, &verdict, &fact.interfaces[3]));
	ruleset_unref(ruleset);
}

static void without_a_rule_set_everything_is_denied(void **state)
{
	struct usb_fact fact = device(STICK);
	struct media_fact medium = {.bus = MEDIA_BUS_USB};
	struct decide_context context = {0};
	struct verdict verdict = judge(NULL, &fact);
	(void)state;

	assert_int_equal(verdict.target, USB_TARGET_BLOCK);
	assert_int_equal(verdict.reason, VERDICT_NO_RULESET);
	assert_false(verdict.is_monitor);
	decide_media(NULL, &medium, &context, &verdict);
	assert_int_equal(verdict.access, MEDIA_DENY);
	assert_int_equal(verdict.reason, VERDICT_NO_RULESET);
}

static void implicit_target_is_the_headers(void **state)
{
	struct ruleset *ruleset =
		compile("policy \"x\" implicit allow\nblock id 1234:5678\n");
	struct usb_fact fact = device(STICK);
	struct verdict verdict = judge(ruleset, &fact);
	(void)state;

	assert_int_equal(verdict.target, USB_TARGET_ALLOW);
	assert_int_equal(verdict.reason, VERDICT_IMPLICIT);
	assert_true(verdict.is_implicit);
	ruleset_unref(ruleset);
}

static void zeroed_memory_denies(void **state)
{
	struct verdict verdict = {0};
	struct usb_fact fact = {0};
	struct ruleset *ruleset = compile("allow id *:*\nallow serial \"\"\n");
	(void)state;

	assert_int_equal(verdict.target, USB_TARGET_BLOCK);
	assert_int_equal(verdict.access, MEDIA_DENY);
	assert_int_equal(judge(ruleset, &fact).target, USB_TARGET_BLOCK);
	ruleset_unref(ruleset);
}

static void names_and_values_round_trip(void **state)
{
	enum usb_target target = USB_TARGET_ALLOW;
	enum media_access access = MEDIA_READ_WRITE;
	enum usb_channel channel = USB_CHANNEL_HUB;
	enum media_bus bus = MEDIA_BUS_TAPE;
	(void)state;

	for (unsigned i = 0; i < USB_TARGET_COUNT; i++) {
		assert_true(usb_target_from_str(span_str(usb_target_to_str(
							(enum usb_target)i)),
						&target));
		assert_int_equal(target, i);
	}
	for (unsigned i = 0; i < MEDIA_ACCESS_COUNT; i++) {
		assert_true(media_access_from_str(
			span_str(media_access_to_str((enum media_access)i)),
			&access));
		assert_int_equal(access, i);
	}
	for (unsigned i = 0; i < USB_CHANNEL_COUNT; i++) {
		assert_true(usb_channel_from_str(span_str(usb_channel_to_str(
							 (enum usb_channel)i)),
						 &channel));
		assert_int_equal(channel, i);
	}
	for (unsigned i = 0; i < MEDIA_BUS_COUNT; i++) {
		assert_true(media_bus_from_str(
			span_str(media_bus_to_str((enum media_bus)i)), &bus));
		assert_int_equal(bus, i);
	}
	target = USB_TARGET_REJECT;
	assert_false(usb_target_from_str(SPAN("unknown"), &target));
	assert_int_equal(target, USB_TARGET_REJECT);
	assert_string_equal(usb_target_to_str((enum usb_target)99), "unknown");
	assert_string_equal(verdict_reason_to_str(VERDICT_LOST), "lost");
	assert_string_equal(rules_mode_to_str(RULES_MODE_MONITOR), "monitor");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ids_compare_as_numbers),
		cmocka_unit_test(every_string_attribute_takes_every_operator),
		cmocka_unit_test(an_empty_string_is_a_value),
		cmocka_unit_test(interfaces_take_every_operator),
		cmocka_unit_test(equals_pairs_one_to_one),
		cmocka_unit_test(channels_take_every_operator),
		cmocka_unit_test(all_attributes_of_a_rule_must_match),
		cmocka_unit_test(the_first_rule_that_matches_decides),
		cmocka_unit_test(monitor_is_of_the_policy_or_of_the_rule),
		cmocka_unit_test(
			an_interface_list_restricts_what_is_authorised),
		cmocka_unit_test(without_a_rule_set_everything_is_denied),
		cmocka_unit_test(implicit_target_is_the_headers),
		cmocka_unit_test(zeroed_memory_denies),
		cmocka_unit_test(names_and_values_round_trip),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
