/* SPDX-License-Identifier: Apache-2.0 */
/* What is a rule, what is not, and where the mistake is said to be. */
#include "tests/unit/policy/rules_fixture.h"

#include "policy/builtin.h"

static void rules_are_accepted_and_printed_canonically(void **state)
{
	static const char *const rows[][2] = {
		/* text, canonical form (NULL: the same) */
		{"allow", NULL},
		{"block", NULL},
		{"reject", NULL},
		{"match", NULL},
		{"device", NULL},
		{"\t allow \t", "allow"},
		{"allow#no blank needed", "allow"},
		{"allow # why", "allow"},
		{"allow 0411:01e8", "allow id 0411:01e8"},
		{"allow 0411:01E8", "allow id 0411:01e8"},
		{"allow *:*", "allow id *:*"},
		{"allow id 0411:*", NULL},
		{"allow id {0411:* *:*}", "allow id { 0411:* *:* }"},
		{"allow id { 0411:* }", "allow id 0411:*"},
		{"allow id equals { 0411:* }", "allow id 0411:*"},
		{"allow id one-of {\t0411:*\t}", "allow id one-of { 0411:* }"},
		{"allow serial \"\"", NULL},
		{"allow name \"a\\\"b\\\\c\"", NULL},
		{"allow name \"\\x41\\x0a\"", "allow name \"A\\x0a\""},
		{"allow name \"日本\"", NULL},
		{"allow name \"\\xe6\\x97\\xa5\"", "allow name \"日\""},
		{"allow name \"\\xe6\\x97\"", NULL},
		{"allow name \"\\xe2\\x80\\xae\"", NULL}, /* overrides */
		{"allow name all-of { \"a\" \"b\" }", NULL},
		{"allow name equals-ordered { \"a\" }", NULL},
		{"allow name match-all { \"a\" }", NULL},
		{"allow name none-of { \"a\" }", NULL},
		{"allow manufacturer \"m\"", NULL},
		{"allow identity \"i\"", NULL},
		{"allow with-interface 08:06:50", NULL},
		{"allow with-interface 08:06:*", NULL},
		{"allow with-interface E0:*:*", "allow with-interface e0:*:*"},
		{"allow with-interface { 03:01:01 08:06:50 }", NULL},
		{"allow channel storage", NULL},
		{"allow channel one-of { security-key hub }", NULL},
		{"allow channel hid interfaces { 03:*:* 0b:*:* }", NULL},
		{"allow interfaces 03:*:*", NULL},
		{"allow if true", NULL},
		{"allow if { true !false }", NULL},
		{"allow if one-of { random(0.5) random }", NULL},
		{"allow if localtime(08:30-17:15)", NULL},
		{"allow if localtime(22:00-06:00)", NULL},
		{"allow if localtime(8:30:15)", NULL},
		{"allow if allowed-matches(id 0411:* name \"x\")", NULL},
		{"allow if allowed-matches(if true)", NULL},
		{"allow if rule-applied", NULL},
		{"allow if rule-applied(10)", NULL},
		{"allow if rule-evaluated(00:10:00)", NULL},
		{"allow if { mfa !locked }", NULL},
		{"allow if user(sato,suzuki)", NULL},
		{"allow if group(市民課)", NULL},
		{"allow if weekday(mon-fri)", NULL},
		{"allow if weekday(sun,wed)", NULL},
		{"allow if date(2026-04-01..2027-03-31)", NULL},
		{"allow if date(..2027-03-31)", NULL},
		{"allow if date(2026-04-01..)", NULL},
		{"allow if date(2028-02-29)", NULL},
		{"allow label \"l\" rule-id \"r\" monitor", NULL},
		{"allow label { \"a\" \"b\" }", NULL},
		{"block monitor rule-id \"x\" id 1234:5678",
		 "block id 1234:5678 rule-id \"x\" monitor"},
		{"media deny", NULL},
		{"media read-only id 0411:01e8 serial \"s\"", NULL},
		{"media read-write bus usb fs-type \"vfat\" fs-uuid \"1-2\" "
		 "encrypted size 1G-64G sticker \"USB-0142\" owner "
		 "\"市民課\" until 2027-03-31 exec",
		 NULL},
		{"media deny lost sticker \"USB-0099\"",
		 "media deny sticker \"USB-0099\" lost"},
		{"media deny size -64G", NULL},
		{"media deny size 64G-", NULL},
		{"media deny size 1024K", "media deny size 1M"},
		{"media deny size 0", NULL},
		{"media deny size 0-", NULL},
		{"media read-only bus one-of { sd optical } noexec", NULL},
		{"login require 2", NULL},
		{"login require 2 combination { knowledge+possession } "
		 "service \"login\" max-age 10h",
		 "login require 2 combination knowledge+possession service "
		 "\"login\" max-age 36000s"},
		{"login exempt service \"cron\"", NULL},
		{"login break-glass user \"kinkyu\" expires 60m",
		 "login break-glass user \"kinkyu\" expires 3600s"},
	};
	(void)state;

	for (size_t i = 0; i < COUNT(rows); i++) {
		const char *want = rows[i][1] ? rows[i][1] : rows[i][0];
		struct ruleset *ruleset = compile(rows[i][0]);
		char text[1000];

		assert_int_equal(ruleset_rule_count(ruleset), 1);
		assert_int_equal(ruleset_format(ruleset, 0, 0, text,
						sizeof(text)),
				 strlen(want));
		assert_string_equal(text, want);
		ruleset_unref(ruleset);
	}
}

static void mistakes_are_found_where_they_are(void **state)
{
	static const struct {
		const char *text;
		unsigned column;
	} rows[] = {
		{"deny", 1},
		{"Allow", 1},
		{"allowallow", 1},
		{"allow\"x\"", 6},
		{"allow\r", 6},
		{"allow 12345:5678", 7},
		{"allow *:1234", 7},
		{"allow id *:1234", 10},
		{"allow id", 9},
		{"allow id {}", 11},
		{"allow id { 1234:5678", 21},
		{"allow id { 1234:5678,1234:5679 }", 21},
		{"allow id one-of 1234:5678", 17},
		{"allow id one-of{ 1234:5678 }", 16},
		{"allow id 1234:5678 1234:5679", 20},
		{"allow 1234:5678 id 1234:5678", 17},
		{"allow name x", 12},
		{"allow name \"x", 12},
		{"allow name \"\\n\"", 13},
		{"allow name \"\\xg1\"", 13},
		{"allow name \"\\x1\"", 13},
		{"allow name \"a\rb\"", 14},
		{"allow name{ \"x\" }", 11},
		{"allow name \"x\"serial \"y\"", 15},
		{"allow name { \"a\"\"b\" }", 17},
		{"allow name \"x\" name \"y\"", 16},
		{"allow label \"x\" label \"y\"", 17},
		{"allow with-interface *:*:*", 22},
		{"allow with-interface 08:*:50", 22},
		{"allow with-interface 08:06:5", 22},
		{"allow channel disk", 15},
		{"block interfaces 03:*:*", 1},
		{"allow if", 9},
		{"allow if True", 10},
		{"allow if true()", 14},
		{"allow if true(x)", 15},
		{"allow if true(", 14},
		{"allow if random(abc)", 17},
		{"allow if random(0.5x)", 17},
		{"allow if random(nan)", 17},
		{"allow if random(0x1)", 17},
		{"allow if localtime", 10 + 9},
		{"allow if localtime(25:00)", 22},
		{"allow if localtime(08:60)", 25},
		{"allow if localtime(08:30Z)", 25},
		{"allow if localtime(08:30:61)", 28},
		{"allow if localtime(-08:30)", 20},
		{"allow if rule-applied(x)", 23},
		{"allow if allowed-matches(nonsense)", 26},
		{"allow if user()", 14},
		{"allow if user(a,)", 15},
		{"allow if weekday(funday)", 18},
		{"allow if date(2026-02-30)", 15},
		{"allow if date(2026-2-3)", 15},
		{"allow if date(2027-01-01..2026-01-01)", 37},
		{"allow if mfa(yes)", 14},
		{"allow fs-type \"vfat\"", 7},
		{"media allow", 7},
		{"media deny interfaces 03:*:*", 12},
		{"media read-only lost", 1},
		{"media read-only exec noexec", 1},
		{"media deny size 2G-1G", 17},
		{"media deny size -", 18},
		{"media deny size 99999999999T", 17},
		{"media deny until 2026-13-01", 18},
		{"media deny rule-id \"\"", 20},
		{"login", 6},
		{"login require", 14},
		{"login require 4", 15},
		{"login require 2 combination knowledge", 1},
		{"login require 2 combination knowledge+knowledge", 29},
		{"login exempt", 1},
		{"login break-glass service \"login\"", 1},
		{"login require 2 max-age x", 25},
		{"policy", 7},
		{"policy \"x\" mode relaxed", 17},
		{"policy \"x\" floor T5", 18},
		{"policy \"x\" serial 1 serial 2", 21},
		{"policy \"x\" serial 99999999999999999999", 19},
		{"contact 2345", 9},
		{"contact \"a\" x", 13},
		{"key \"k\" role \"helpdesk\"", 1},
		{"key \"k\" approvals 0", 19},
		{"channel", 8},
		{"channel allow", 14},
		{"channel maybe wifi", 9},
		{"channel deny wifi telepathy", 19},
		{"channel deny wifi wifi", 19},
	};
	(void)state;

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct rules_message message = {0};
		struct ruleset *ruleset = NULL;

		if (try_compile(rows[i].text, 0, &message, &ruleset) !=
		    RULESET_INVALID)
			fail_msg("'%s' is accepted", rows[i].text);
		assert_null(ruleset);
		if (message.column != rows[i].column)
			fail_msg("'%s': column %u, not %u (%s)", rows[i].text,
				 rows[i].column, message.column, message.what);
		assert_int_equal(message.severity, RULES_ERROR);
		assert_true(strlen(message.what) > 5);
	}
}

static void usbguard_mode_refuses_what_is_ours(void **state)
{
	static const char *const rows[] = {
		"allow manufacturer \"x\"",
		"allow identity \"x\"",
		"allow channel hid",
		"allow interfaces 03:*:*",
		"allow rule-id \"x\"",
		"allow monitor",
		"allow fast-typing",
		"allow if mfa",
		"allow if user(a)",
		"allow if weekday(mon)",
		"allow if date(2026-01-01)",
		"media deny",
		"login require 2",
		"policy \"x\"",
		"contact \"x\"",
		"channel deny wifi",
	};
	(void)state;

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct ruleset *ruleset = NULL;

		assert_int_equal(try_compile(rows[i], RULESET_USBGUARD, NULL,
					     &ruleset),
				 RULESET_INVALID);
		assert_null(ruleset);
		ruleset = compile(rows[i]);
		ruleset_unref(ruleset);
	}
}

static void ascii_form_is_the_peers(void **state)
{
	struct ruleset *ruleset = compile("allow name \"日\\x0b\x7f\"");
	char text[100];
	(void)state;

	(void)ruleset_format(ruleset, 0, RULES_FORMAT_ASCII, text,
			     sizeof(text));
	assert_string_equal(text, "allow name \"\\xe6\\x97\\xa5\\x0b\\x7f\"");
	ruleset_unref(ruleset);
}

static void format_counts_what_does_not_fit(void **state)
{
	struct ruleset *ruleset = compile("allow name \"abcdef\"");
	char text[8] = "xxxxxxx";
	(void)state;

	assert_int_equal(ruleset_format(ruleset, 0, 0, text, sizeof(text)),
			 strlen("allow name \"abcdef\""));
	assert_string_equal(text, "allow n");
	assert_int_equal(ruleset_format(ruleset, 0, 0, text, 0),
			 strlen("allow name \"abcdef\""));
	assert_string_equal(text, "allow n");
	ruleset_unref(ruleset);
}

static void header_is_read_from_any_text(void **state)
{
	const struct rules_text texts[] = {
		{.name = "00", .text = SPAN("# only a comment\n\n")},
		{.name = "10",
		 .text = SPAN("policy \"情報市\" serial 12 mode monitor floor "
			      "T2 zone \"mynumber\" implicit reject "
			      "new-keyboard deny unnamed-keyboard allow "
			      "tamper on grant-media ledger mynumber-max "
			      "10\n"
			      "contact \"内線 2345\"\n")},
		{.name = "20", .text = SPAN("allow\nmedia deny")},
	};
	struct ruleset *ruleset = NULL;
	char text[300];
	(void)state;

	assert_int_equal(ruleset_parse(texts, 3, 0, NULL, &ruleset), 0);
	assert_true(span_is(ruleset_name(ruleset), "情報市"));
	assert_int_equal(ruleset_serial(ruleset), 12);
	assert_int_equal(ruleset_mode(ruleset), RULES_MODE_MONITOR);
	assert_int_equal(ruleset_floor(ruleset), 2);
	assert_true(span_is(ruleset_zone(ruleset), "mynumber"));
	assert_true(span_is(ruleset_contact(ruleset), "内線 2345"));
	assert_int_equal(ruleset_implicit_target(ruleset), USB_TARGET_REJECT);
	assert_true(ruleset_forbids_new_keyboard(ruleset));
	assert_true(ruleset_lets_keyboards_in(ruleset));
	assert_true(ruleset_wants_tamper(ruleset));
	assert_true(ruleset_wants_ledger(ruleset));
	uint32_t max = 0;
	assert_true(ruleset_mynumber_max(ruleset, &max));
	assert_int_equal(max, 10);
	assert_int_equal(ruleset_rule_count(ruleset), 2);
	assert_true(span_is(ruleset_rule(ruleset, 1).file, "20"));
	assert_int_equal(ruleset_rule(ruleset, 1).line, 2);
	(void)ruleset_format_header(ruleset, text, sizeof(text));
	assert_string_equal(text, "policy \"情報市\" serial 12 mode monitor "
				  "floor T2 zone \"mynumber\" implicit reject "
				  "new-keyboard deny unnamed-keyboard allow "
				  "tamper on grant-media ledger mynumber-max "
				  "10\n"
				  "contact "
				  "\"内線 2345\"\n");
	ruleset_unref(ruleset);
}

static void a_channel_line_names_what_is_built_in(void **state)
{
	struct ruleset *ruleset = compile("channel deny serial wwan # no\n"
					  "channel allow wifi\nallow\n");
	static const struct {
		enum builtin_channel channel;
		enum usb_target target;
		enum verdict_reason reason;
	} rows[] = {
		{BUILTIN_WIFI, USB_TARGET_ALLOW, VERDICT_RULE},
		{BUILTIN_WWAN, USB_TARGET_BLOCK, VERDICT_RULE},
		{BUILTIN_SERIAL, USB_TARGET_BLOCK, VERDICT_RULE},
		{BUILTIN_BLUETOOTH, USB_TARGET_BLOCK, VERDICT_IMPLICIT},
		{BUILTIN_THUNDERBOLT, USB_TARGET_BLOCK, VERDICT_IMPLICIT},
		{BUILTIN_PRINTER, USB_TARGET_BLOCK, VERDICT_IMPLICIT},
	};
	struct verdict verdict;
	char text[100];
	(void)state;

	for (size_t i = 0; i < COUNT(rows); i++) {
		decide_builtin(ruleset, rows[i].channel, &verdict);
		assert_int_equal(verdict.target, rows[i].target);
		assert_int_equal(verdict.reason, rows[i].reason);
		assert_false(verdict.is_monitor);
	}
	(void)ruleset_format_header(ruleset, text, sizeof(text));
	assert_string_equal(text, "channel allow wifi\n"
				  "channel deny wwan serial\n");
	ruleset_unref(ruleset);
	decide_builtin(NULL, BUILTIN_WIFI, &verdict);
	assert_int_equal(verdict.target, USB_TARGET_BLOCK);
	assert_int_equal(verdict.reason, VERDICT_NO_RULESET);
}

static void nothing_at_all_is_a_rule_set_that_denies(void **state)
{
	struct ruleset *ruleset = NULL;
	struct usb_fact fact = device("device id 0411:01e8");
	struct verdict verdict;
	(void)state;

	assert_int_equal(ruleset_parse(NULL, 0, 0, NULL, &ruleset), 0);
	assert_int_equal(ruleset_mode(ruleset), RULES_MODE_ENFORCE);
	assert_false(ruleset_lets_keyboards_in(ruleset));
	assert_int_equal(ruleset_contact(ruleset).len, 0);
	verdict = judge(ruleset, &fact);
	assert_int_equal(verdict.target, USB_TARGET_BLOCK);
	assert_true(verdict.is_implicit);
	assert_int_equal(verdict.rule, VERDICT_NO_RULE);
	ruleset_unref(ruleset);
}

static void every_error_of_a_text_is_reported(void **state)
{
	static const struct rules_text texts[] = {
		{.name = "a", .text = SPAN("allow\ndeny\nallow id x\n")},
		{.name = "b", .text = SPAN("\n\nallow name\n")},
	};
	struct rules_message messages[2];
	struct rules_report report = {.messages = messages, .capacity = 2};
	struct ruleset *ruleset = NULL;
	(void)state;

	assert_int_equal(ruleset_parse(texts, 2, 0, &report, &ruleset),
			 RULESET_INVALID);
	assert_null(ruleset);
	assert_int_equal(report.error_count, 3);
	assert_int_equal(report.count, 2);
	assert_int_equal(report.dropped, 1);
	assert_int_equal(messages[0].text, 0);
	assert_int_equal(messages[0].line, 2);
	assert_int_equal(messages[1].line, 3);
	assert_int_equal(messages[1].column, 10);
}

static void rule_ids_are_unique(void **state)
{
	struct rules_message message = {0};
	struct ruleset *ruleset = NULL;
	(void)state;

	assert_int_equal(try_compile("allow rule-id \"a\"\n"
				     "media deny rule-id \"a\"\n",
				     0, &message, &ruleset),
			 RULESET_INVALID);
	assert_int_equal(message.line, 2);
}

static void policy_and_contact_come_once(void **state)
{
	static const char *const rows[] = {
		"policy \"a\"\npolicy \"b\"\n",
		"contact \"a\"\ncontact \"b\"\n",
		"policy \"a\" contact \"a\"\ncontact \"b\"\n",
	};
	(void)state;

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct ruleset *ruleset = NULL;

		assert_int_equal(try_compile(rows[i], 0, NULL, &ruleset),
				 RULESET_INVALID);
	}
}

static void limits_are_refused_not_cut(void **state)
{
	size_t len = RULES_LINE_MAX_BYTES + 2;
	char *text = malloc(len + 1);
	struct rules_message message = {0};
	struct ruleset *ruleset = NULL;
	(void)state;

	assert_non_null(text);
	memset(text, ' ', len);
	text[len] = '\0';
	assert_int_equal(try_compile(text, 0, &message, &ruleset),
			 RULESET_INVALID);

	memset(text, 'x', len);
	memcpy(text, "allow name \"", 12);
	text[12 + RULES_STRING_MAX_BYTES + 1] = '"';
	text[12 + RULES_STRING_MAX_BYTES + 2] = '\0';
	assert_int_equal(try_compile(text, 0, &message, &ruleset),
			 RULESET_INVALID);
	memmove(text + 20, text + 21, len - 21); /* one byte less fits */
	assert_int_equal(try_compile(text, 0, &message, &ruleset), 0);
	ruleset_unref(ruleset);
	free(text);
}

static void warnings_say_what_differs_from_usbguard(void **state)
{
	static const struct {
		const char *text;
		size_t warnings;
	} rows[] = {
		{"allow id 0411:01e8 serial \"x\"", 0},
		{"allow id 046D:C31C", 1},
		{"allow if localtime(08:30-17:15) id 0411:01e8", 1},
		{"allow id 0411:01e8 if rule-applied", 1},
		{"allow name match-all { \"x\" }", 1},
		{"allow id match-all { 0411:* }", 1},
		{"allow with-interface match-all { 03:*:* }", 0},
		{"allow with-interface equals { 08:*:* 08:*:* }", 1},
		{"allow with-interface equals { 08:*:* 03:*:* }", 0},
		{"match id 0411:01e8", 1},
		{"block channel storage", 1},
		{"block channel one-of { storage }", 0},
		{"allow", 1},
		{"block", 0},
		{"block\nallow id 0411:01e8", 1},
		{"block id 0411:01e8\nallow id 0411:01e8", 1},
		{"block id 0411:01e8\nallow id 0411:01e9", 0},
		{"media read-only", 1},
		{"media read-only bus usb", 1},
		{"media read-only serial \"x\"", 0},
		/* Keyboards that will wait: whole policies, where not chosen */
		{"allow channel hid", 0},
		{"policy \"p\"\nallow channel hid", 1},
		{"policy \"p\"\nallow with-interface one-of { 03:*:* }", 1},
		{"policy \"p\"\nallow with-interface 03:01:01\n"
		 "allow channel { hid hub }",
		 1},
		{"policy \"p\"\nallow with-interface 03:01:02", 0},
		{"policy \"p\"\nallow channel hid id 046d:c31c", 0},
		{"policy \"p\" unnamed-keyboard hold\nallow channel hid", 0},
		{"policy \"p\" unnamed-keyboard allow\nallow channel hid", 0},
	};
	(void)state;

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct rules_text texts = {.name = "t",
					   .text = span_str(rows[i].text)};
		struct rules_message messages[4];
		struct rules_report report = {.messages = messages,
					      .capacity = 4};
		struct ruleset *ruleset = NULL;

		assert_int_equal(ruleset_parse(&texts, 1, RULESET_WARN, &report,
					       &ruleset),
				 0);
		if (report.count != rows[i].warnings)
			fail_msg("'%s': %zu warnings: %s", rows[i].text,
				 report.count,
				 report.count ? messages[0].what : "");
		assert_int_equal(report.error_count, 0);
		ruleset_unref(ruleset);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rules_are_accepted_and_printed_canonically),
		cmocka_unit_test(mistakes_are_found_where_they_are),
		cmocka_unit_test(usbguard_mode_refuses_what_is_ours),
		cmocka_unit_test(ascii_form_is_the_peers),
		cmocka_unit_test(format_counts_what_does_not_fit),
		cmocka_unit_test(header_is_read_from_any_text),
		cmocka_unit_test(nothing_at_all_is_a_rule_set_that_denies),
		cmocka_unit_test(every_error_of_a_text_is_reported),
		cmocka_unit_test(rule_ids_are_unique),
		cmocka_unit_test(policy_and_contact_come_once),
		cmocka_unit_test(a_channel_line_names_what_is_built_in),
		cmocka_unit_test(limits_are_refused_not_cut),
		cmocka_unit_test(warnings_say_what_differs_from_usbguard),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
