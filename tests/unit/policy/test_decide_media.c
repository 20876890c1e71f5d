/* SPDX-License-Identifier: Apache-2.0 */
/* Media: the medium's own attributes, its parent's, and the ledger's. */
#include "tests/unit/policy/rules_fixture.h"

#define GIB (1ull << 30)

static struct verdict ask(const char *text, const struct media_fact *fact,
			  const struct decide_context *context)
{
	struct ruleset *ruleset = compile(text);
	struct verdict verdict;

	decide_media(ruleset, fact, context, &verdict);
	/* The strings of a verdict live as long as the set. */
	verdict.rule_id = span_str("");
	verdict.label = span_str("");
	verdict.sticker = span_str("");
	verdict.owner = span_str("");
	ruleset_unref(ruleset);
	return verdict;
}

static void attributes_of_medium_and_parent_match(void **state)
{
	struct usb_fact parent = device(
		"device id 0411:01e8 serial \"A1\" name \"Disk\" "
		"via-port \"1-2\" with-interface 08:06:50");
	struct media_fact medium = {
		.parent = &parent,
		.bus = MEDIA_BUS_USB,
		.size_bytes = 32 * GIB,
		.is_size_known = true,
		.is_encrypted = true,
		.fs_type = "crypto_LUKS",
		.fs_uuid = "aaaa-bbbb",
		.serial = "not the parent's",
	};
	struct decide_context context = {0};
	static const struct {
		const char *attributes;
		bool matches;
	} rows[] = {
		{"", true},
		{"bus usb", true},
		{"bus sd", false},
		{"bus one-of { sd usb }", true},
		{"bus none-of { sd usb }", false},
		{"bus match-all { usb }", true},
		{"id 0411:01e8 serial \"A1\"", true},
		{"serial \"not the parent's\"", false},
		{"channel storage", true},
		{"with-interface 08:*:*", true},
		{"via-port \"1-3\"", false},
		{"fs-type \"crypto_LUKS\"", true},
		{"fs-type \"vfat\"", false},
		{"fs-type none-of { \"vfat\" }", true},
		{"fs-uuid \"aaaa-bbbb\"", true},
		{"fs-uuid \"\"", false},
		{"encrypted", true},
		{"size 32G", true},
		{"size -32G", true},
		{"size 32G-", true},
		{"size 1-31G", false},
		{"size 33G-", false},
		{"sticker \"x\" owner \"y\" noexec", true},
		{"if false", false},
	};
	(void)state;

	for (size_t i = 0; i < COUNT(rows); i++) {
		char text[200];

		(void)snprintf(text, sizeof(text), "media read-only %s\n",
			       rows[i].attributes);
		if ((ask(text, &medium, &context).access == MEDIA_READ_ONLY) !=
		    rows[i].matches)
			fail_msg("%s", text);
	}
	medium.is_encrypted = false;
	medium.is_size_known = false;
	assert_int_equal(
		ask("media read-only encrypted", &medium, &context).access,
		MEDIA_DENY);
	assert_int_equal(
		ask("media read-only size 1-", &medium, &context).access,
		MEDIA_DENY);
}

static void a_medium_without_usb_has_its_own_serial(void **state)
{
	struct media_fact medium = {
		.bus = MEDIA_BUS_SATA,
		.model = "ST1000",
		.serial = "Z1",
	};
	struct decide_context context = {0};
	(void)state;

	assert_int_equal(ask("media read-only serial \"Z1\" name \"ST1000\"",
			     &medium, &context)
				 .access,
			 MEDIA_READ_ONLY);
	assert_int_equal(
		ask("media read-only id *:*", &medium, &context).access,
		MEDIA_DENY);
	assert_int_equal(ask("media read-only with-interface one-of { 08:*:* }",
			     &medium, &context)
				 .access,
			 MEDIA_DENY);
	assert_int_equal(ask("media read-only id none-of { *:* }", &medium,
			     &context)
				 .access,
			 MEDIA_READ_ONLY);
	medium.serial[0] = '\0';
	assert_int_equal(
		ask("media read-only serial \"\"", &medium, &context).access,
		MEDIA_DENY);
}

static void families_do_not_mix(void **state)
{
	struct ruleset *ruleset =
		compile("allow\nmedia read-write rule-id \"m\"\n");
	struct media_fact medium = {.bus = MEDIA_BUS_USB};
	struct usb_fact fact = device("device");
	struct decide_context context = {0};
	struct verdict verdict;
	(void)state;

	decide_media(ruleset, &medium, &context, &verdict);
	assert_int_equal(verdict.access, MEDIA_READ_WRITE);
	assert_int_equal(verdict.target, USB_TARGET_BLOCK);
	assert_int_equal(verdict.rule, 1);
	verdict = judge(ruleset, &fact);
	assert_int_equal(verdict.rule, 0);
	assert_int_equal(verdict.access, MEDIA_DENY);
	ruleset_unref(ruleset);
}

static void the_ledger_goes_into_the_verdict(void **state)
{
	struct ruleset *ruleset = compile(
		"media deny lost serial \"L\" sticker \"USB-0099\"\n"
		"media read-write serial \"A\" sticker \"USB-0142\" "
		"owner \"市民課\" exec\n"
		"media read-only\n");
	struct media_fact medium = {.bus = MEDIA_BUS_SD, .serial = "L"};
	struct decide_context context = {0};
	struct verdict verdict;
	(void)state;

	decide_media(ruleset, &medium, &context, &verdict);
	assert_int_equal(verdict.access, MEDIA_DENY);
	assert_int_equal(verdict.reason, VERDICT_LOST);
	assert_true(span_is(verdict.sticker, "USB-0099"));

	medium.serial[0] = 'A';
	decide_media(ruleset, &medium, &context, &verdict);
	assert_int_equal(verdict.access, MEDIA_READ_WRITE);
	assert_true(span_is(verdict.sticker, "USB-0142"));
	assert_true(span_is(verdict.owner, "市民課"));
	assert_false(verdict.is_noexec);

	medium.serial[0] = 'B';
	decide_media(ruleset, &medium, &context, &verdict);
	assert_int_equal(verdict.access, MEDIA_READ_ONLY);
	assert_true(verdict.is_noexec);
	assert_int_equal(verdict.sticker.len, 0);
	ruleset_unref(ruleset);
}

static void an_entry_ends_with_its_day(void **state)
{
	static const char text[] = "media read-only until 2027-03-31\n";
	struct media_fact medium = {.bus = MEDIA_BUS_USB};
	struct decide_context context = {
		.now = {.year = 2027, .month = 3, .day = 31},
	};
	(void)state;

	assert_int_equal(ask(text, &medium, &context).access, MEDIA_READ_ONLY);
	context.now.month = 4;
	context.now.day = 1;
	assert_int_equal(ask(text, &medium, &context).access, MEDIA_DENY);
	/* No clock: an entry that gives has ended, one that denies has not. */
	context.now.month = 0;
	assert_int_equal(ask(text, &medium, &context).access, MEDIA_DENY);
	assert_int_equal(ask("media deny until 2020-01-01\nmedia read-only\n",
			     &medium, &context)
				 .access,
			 MEDIA_DENY);
	context.now.month = 1;
	assert_int_equal(ask("media deny until 2020-01-01\nmedia read-only\n",
			     &medium, &context)
				 .access,
			 MEDIA_READ_ONLY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(attributes_of_medium_and_parent_match),
		cmocka_unit_test(a_medium_without_usb_has_its_own_serial),
		cmocka_unit_test(families_do_not_mix),
		cmocka_unit_test(the_ledger_goes_into_the_verdict),
		cmocka_unit_test(an_entry_ends_with_its_day),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
