/* SPDX-License-Identifier: Apache-2.0 */
/* An exception is one object with limits, or it is nothing. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "policy/grant.h"
#include "policy/ruleset.h"

#define TERMINAL "00112233445566778899aabbccddeeff"
#define HEAD(action)                                                           \
	"sekimori-grant 1\naction " action "\nid g-0123456789abcdef\n"         \
	"issued 1795132800\nterminal " TERMINAL "\n"
#define USER	"user s012345\n"
#define DEVICE	"device usb:q0WZk+Abc/=\n"
#define ACCESS	"access read-only\n"
#define SCOPE	USER DEVICE ACCESS
#define UNTIL	"not-after 1795140000\n"
#define MINUTES "minutes 30\n"
#define REASON	"reason data-return\n"
#define FULL                                                                   \
	HEAD("grant")                                                          \
	SCOPE "not-before 1795132900\n" UNTIL MINUTES "uses 2\n" REASON        \
	      "ticket HD-2026-031\nrequester s012345\nreport-by 1795200000\n"  \
	      "note 返戻データの受領\nend\n"
#define LEAST HEAD("grant") SCOPE UNTIL MINUTES REASON "end\n"

static struct grant read_good(const char *text)
{
	struct grant grant;
	const char *why = NULL;

	if (grant_read(span_str(text), &grant, &why) != 0)
		fail_msg("'%s': %s", text, why);
	return grant;
}

static void a_grant_is_read_and_written_back(void **state)
{
	static const char *const texts[] = {
		FULL,
		LEAST,
		HEAD("request") SCOPE UNTIL MINUTES REASON "end\n",
		HEAD("deny") "note 公用の媒体を使ってください\nend\n",
		HEAD("revoke") "note 終了\nend\n",
		HEAD("grant") USER "device channel:printer\naccess "
				   "authorise\n" UNTIL MINUTES REASON "end\n",
	};
	char again[GRANT_MAX_BYTES];
	size_t len = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct grant grant = read_good(texts[i]);
		assert_int_equal(grant_write(&grant, again,
					     strlen(texts[i]) - 1, &len),
				 -ENOBUFS);
		assert_int_equal(
			grant_write(&grant, again, sizeof(again), &len), 0);
		assert_int_equal(len, strlen(texts[i]));
		assert_memory_equal(again, texts[i], len);
	}
	struct grant grant = read_good(FULL);
	assert_int_equal(grant.action, GRANT_GRANT);
	assert_int_equal(grant.access, GRANT_READ_ONLY);
	assert_int_equal(grant.wall_not_before_s, 1795132900);
	assert_int_equal(grant.wall_report_by_s, 1795200000);
	assert_int_equal(grant.minutes, 30);
	assert_int_equal(grant.uses, 2);
	assert_true(span_equals_str(grant.user, "s012345"));
	assert_true(span_equals_str(grant.note, "返戻データの受領"));
}

static void anything_else_is_refused_with_a_reason(void **state)
{
	static const char *const texts[] = {
		"",
		"sekimori-order 1\n",
		"sekimori-grant 2\n",
		HEAD("none") SCOPE UNTIL MINUTES REASON "end\n",
		HEAD("allow") SCOPE UNTIL MINUTES REASON "end\n",
		HEAD("grant") "end\n",
		HEAD("grant") SCOPE UNTIL MINUTES REASON "end",
		HEAD("grant") SCOPE UNTIL MINUTES REASON "end\n\n",
		HEAD("grant") SCOPE UNTIL MINUTES REASON "extra 1\nend\n",
		HEAD("grant") SCOPE UNTIL MINUTES REASON "extra 1\n",
		HEAD("grant") DEVICE ACCESS UNTIL MINUTES REASON "end\n",
		HEAD("grant") USER ACCESS UNTIL MINUTES REASON "end\n",
		HEAD("grant") USER DEVICE UNTIL MINUTES REASON "end\n",
		HEAD("grant") SCOPE MINUTES REASON "end\n",
		HEAD("grant") SCOPE UNTIL REASON "end\n",
		HEAD("grant") SCOPE UNTIL MINUTES "end\n",
		HEAD("grant") SCOPE UNTIL "minutes 0\n" REASON "end\n",
		HEAD("grant") SCOPE UNTIL "minutes 10081\n" REASON "end\n",
		HEAD("grant") SCOPE UNTIL "minutes 030\n" REASON "end\n",
		HEAD("grant") SCOPE UNTIL MINUTES "uses 0\n" REASON "end\n",
		HEAD("grant") SCOPE UNTIL MINUTES "uses 1001\n" REASON "end\n",
		HEAD("grant") SCOPE "not-after 0\n" MINUTES REASON "end\n",
		HEAD("grant") SCOPE
		"not-before 1795140000\n" UNTIL MINUTES REASON "end\n",
		HEAD("grant") "user \n" DEVICE ACCESS UNTIL MINUTES REASON
			      "end\n",
		HEAD("grant") "user a b\n" DEVICE ACCESS UNTIL MINUTES REASON
			      "end\n",
		HEAD("grant") USER "device sdb\n" ACCESS UNTIL MINUTES REASON
				   "end\n",
		HEAD("grant") USER "device usb:\n" ACCESS UNTIL MINUTES REASON
				   "end\n",
		HEAD("grant") USER
		"device channel:all\n" ACCESS UNTIL MINUTES REASON "end\n",
		HEAD("grant") USER
		"device disk:12\n" ACCESS UNTIL MINUTES REASON "end\n",
		HEAD("grant") USER DEVICE
		"access nothing\n" UNTIL MINUTES REASON "end\n",
		HEAD("grant") USER DEVICE "access all\n" UNTIL MINUTES REASON
					  "end\n",
		HEAD("grant") SCOPE UNTIL MINUTES "reason a b\nend\n",
		HEAD("grant") SCOPE UNTIL MINUTES REASON "ticket \nend\n",
		HEAD("grant") SCOPE UNTIL MINUTES REASON "note \nend\n",
		HEAD("grant") SCOPE UNTIL MINUTES REASON "note \xff\nend\n",
		/* Right-to-left override: shows another text than it is */
		HEAD("grant") SCOPE UNTIL MINUTES REASON "note a\xe2\x80\xae"
							 "b\nend\n",
		HEAD("grant") SCOPE "not-after 1795132800\n" MINUTES REASON
				    "end\n",
		HEAD("deny") "end\n",
		HEAD("revoke") "end\n",
		HEAD("revoke") SCOPE "note x\nend\n",
		"sekimori-grant 1\naction grant\nid g-0123\nissued 1\n"
		"terminal " TERMINAL "\n" SCOPE UNTIL MINUTES REASON "end\n",
		"sekimori-grant 1\naction grant\nid g-0123456789abcdef\n"
		"terminal " TERMINAL "\n" SCOPE UNTIL MINUTES REASON "end\n",
		"sekimori-grant 1\naction grant\nid g-0123456789abcdef\n"
		"issued 1\nterminal all\n" SCOPE UNTIL MINUTES REASON "end\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct grant grant;
		const char *why = NULL;
		if (grant_read(span_str(texts[i]), &grant, &why) !=
		    GRANT_MALFORMED)
			fail_msg("taken: '%s'", texts[i]);
		assert_non_null(why);
	}
}

static void what_is_too_long_is_refused(void **state)
{
	char text[GRANT_MAX_BYTES + 64];
	struct grant grant;
	const char *why = NULL;

	(void)state;
	memset(text, 'x', sizeof(text));
	memcpy(text, LEAST, sizeof(LEAST) - 5);
	assert_int_equal(grant_read(span_of(text, sizeof(text)), &grant, &why),
			 GRANT_MALFORMED);
	assert_string_equal(why, "is too long");
}

static void what_could_not_be_read_back_is_not_written(void **state)
{
	struct grant grant = read_good(LEAST);
	char buf[GRANT_MAX_BYTES];
	size_t len = 0;

	(void)state;
	grant.note = SPAN("a\nend");
	assert_int_equal(grant_write(&grant, buf, sizeof(buf), &len),
			 GRANT_MALFORMED);
	grant = read_good(LEAST);
	grant.user = SPAN("");
	assert_int_equal(grant_write(&grant, buf, sizeof(buf), &len),
			 GRANT_MALFORMED);
	/* Fields that a revocation does not have must not get lost */
	grant = read_good(LEAST);
	grant.action = GRANT_REVOKE;
	grant.note = SPAN("x");
	assert_int_equal(grant_write(&grant, buf, sizeof(buf), &len),
			 GRANT_MALFORMED);
}

/* --- keys ------------------------------------------------------------------ */

#define HELPDESK                                                               \
	{                                                                      \
		.role = SPAN("helpdesk"), .access = MEDIA_READ_ONLY,           \
		.approvals = 1                                                 \
	}
#define APPROVER                                                               \
	{                                                                      \
		.role = SPAN("approver"), .access = MEDIA_READ_WRITE,          \
		.approvals = 1                                                 \
	}

static enum grant_refusal judge(const struct grant *grant,
				const struct grant_signer *signers,
				size_t count)
{
	const struct grant_terms terms = {
		.terminal = TERMINAL,
		.wall_now_s = 1795133000,
		.signers = signers,
		.signer_count = count,
	};

	return grant_judge(grant, &terms);
}

static void a_helpdesk_key_gives_reading_for_an_hour(void **state)
{
	/* A slip in the policy does not widen it */
	const struct grant_signer wide = {
		.role = SPAN("helpdesk"),
		.access = MEDIA_READ_WRITE,
		.max_minutes = 600,
		.approvals = 1,
	};
	const struct grant_signer narrow = {
		.role = SPAN("helpdesk"),
		.access = MEDIA_READ_ONLY,
		.max_minutes = 15,
		.approvals = 1,
	};
	struct grant grant = read_good(LEAST);

	(void)state;
	assert_int_equal(judge(&grant, &wide, 1), GRANT_COUNTS);
	grant.minutes = 60;
	assert_int_equal(judge(&grant, &wide, 1), GRANT_COUNTS);
	grant.minutes = 61;
	assert_int_equal(judge(&grant, &wide, 1), GRANT_OVER_MINUTES);
	grant.minutes = 30;
	assert_int_equal(judge(&grant, &narrow, 1), GRANT_OVER_MINUTES);
	grant.access = GRANT_READ_WRITE;
	assert_int_equal(judge(&grant, &wide, 1), GRANT_OVER_ACCESS);
	grant.access = GRANT_AUTHORISE;
	assert_int_equal(judge(&grant, &wide, 1), GRANT_OVER_ACCESS);
	grant.access = GRANT_SUBSTITUTE_FACTOR;
	assert_int_equal(judge(&grant, &wide, 1), GRANT_OVER_ACCESS);
}

static void an_approver_gives_what_its_line_says(void **state)
{
	const struct grant_signer reader = {
		.role = SPAN("approver"),
		.access = MEDIA_READ_ONLY,
		.approvals = 1,
	};
	const struct grant_signer writer = APPROVER;
	const struct grant_signer other = {
		.role = SPAN("order"),
		.access = MEDIA_READ_WRITE,
		.approvals = 1,
	};
	struct grant grant = read_good(LEAST);

	(void)state;
	grant.access = GRANT_READ_WRITE;
	assert_int_equal(judge(&grant, &reader, 1), GRANT_OVER_ACCESS);
	assert_int_equal(judge(&grant, &writer, 1), GRANT_COUNTS);
	grant.minutes = 480;
	assert_int_equal(judge(&grant, &writer, 1), GRANT_COUNTS);
	grant.minutes = 481;
	assert_int_equal(judge(&grant, &writer, 1), GRANT_OVER_MINUTES);
	grant.minutes = 10;
	assert_int_equal(judge(&grant, &other, 1), GRANT_UNSIGNED);
	assert_int_equal(judge(&grant, NULL, 0), GRANT_UNSIGNED);
}

static void two_people_are_needed_where_policy_says_so(void **state)
{
	const struct grant_signer two[] = {
		{.role = SPAN("approver"),
		 .access = MEDIA_READ_WRITE,
		 .approvals = 2},
		{.role = SPAN("approver"),
		 .access = MEDIA_READ_WRITE,
		 .approvals = 2},
	};
	const struct grant_signer with_helpdesk[] = {
		{.role = SPAN("approver"),
		 .access = MEDIA_READ_WRITE,
		 .approvals = 2},
		HELPDESK,
	};
	const struct grant_signer with_chief[] = {
		{.role = SPAN("approver"),
		 .access = MEDIA_READ_WRITE,
		 .approvals = 2},
		APPROVER,
	};
	struct grant grant = read_good(LEAST);

	(void)state;
	grant.access = GRANT_READ_WRITE;
	assert_int_equal(judge(&grant, two, 1), GRANT_APPROVALS);
	assert_int_equal(judge(&grant, two, 2), GRANT_COUNTS);
	/* Who may not give it does not count as the second */
	assert_int_equal(judge(&grant, with_helpdesk, 2), GRANT_APPROVALS);
	assert_int_equal(judge(&grant, with_chief, 2), GRANT_COUNTS);
}

static void terms_are_held(void **state)
{
	const struct grant_signer signer = HELPDESK;
	struct grant request = read_good(LEAST), grant = request;
	struct grant_terms terms = {
		.terminal = TERMINAL,
		.wall_now_s = 1795133000,
		.signers = &signer,
		.signer_count = 1,
		.request = &request,
	};

	(void)state;
	assert_int_equal(grant_judge(&grant, &terms), GRANT_COUNTS);
	terms.wall_now_s = 1795140000;
	assert_int_equal(grant_judge(&grant, &terms), GRANT_EXPIRED);
	terms.wall_now_s = 1795139999 - GRANT_TERM_MAX_S;
	assert_int_equal(grant_judge(&grant, &terms), GRANT_TOO_LONG);
	terms.wall_now_s = 1795133000;
	terms.issued_floor = 1795132800;
	assert_int_equal(grant_judge(&grant, &terms), GRANT_OLD);
	terms.issued_floor = 1795132799;
	assert_int_equal(grant_judge(&grant, &terms), GRANT_COUNTS);
	terms.terminal = "ff112233445566778899aabbccddeeff";
	assert_int_equal(grant_judge(&grant, &terms), GRANT_OTHER_TERMINAL);
	terms.terminal = TERMINAL;
	grant.user = SPAN("s099999");
	assert_int_equal(grant_judge(&grant, &terms), GRANT_OTHER_USER);
	grant.user = request.user;
	grant.device = SPAN("usb:other");
	assert_int_equal(grant_judge(&grant, &terms), GRANT_OTHER_DEVICE);
	grant.device = request.device;
	/* A request is nothing that anybody signs */
	grant.action = GRANT_REQUEST;
	assert_int_equal(grant_judge(&grant, &terms), GRANT_UNSIGNED);
}

static void taking_away_needs_a_key_but_no_limit(void **state)
{
	const struct grant_signer helpdesk = HELPDESK;
	const struct grant_signer order = {.role = SPAN("order")};
	struct grant revoke = read_good(HEAD("revoke") "note x\nend\n");

	(void)state;
	assert_int_equal(judge(&revoke, &helpdesk, 1), GRANT_COUNTS);
	assert_int_equal(judge(&revoke, &order, 1), GRANT_UNSIGNED);
	assert_int_equal(judge(&revoke, NULL, 0), GRANT_UNSIGNED);
}

static void keys_stand_in_the_policy_with_their_limits(void **state)
{
	const struct rules_text text = {
		"10-keys.rules",
		SPAN("key \"h1\" role \"helpdesk\" public \"AA\"\n"
		     "key \"a1\" role \"approver\" public \"BB\" access "
		     "read-write max-minutes 90 approvals 2\n")};
	_cleanup_ruleset_ struct ruleset *ruleset = NULL;
	struct rules_signer signer;

	(void)state;
	assert_int_equal(ruleset_parse(&text, 1, 0, NULL, &ruleset), 0);
	assert_true(ruleset_signer(ruleset, 0, &signer));
	assert_true(span_equals_str(signer.name, "h1"));
	assert_int_equal(signer.access, MEDIA_READ_ONLY);
	assert_int_equal(signer.max_minutes, 0);
	assert_int_equal(signer.approvals, 1);
	assert_true(ruleset_signer(ruleset, 1, &signer));
	assert_true(span_equals_str(signer.name, "a1"));
	assert_true(span_equals_str(signer.role, "approver"));
	assert_int_equal(signer.access, MEDIA_READ_WRITE);
	assert_int_equal(signer.max_minutes, 90);
	assert_int_equal(signer.approvals, 2);
	assert_false(ruleset_signer(ruleset, 2, &signer));
}

/* --- what it raises ---------------------------------------------------------
 */

static void a_device_is_known_by_what_it_is(void **state)
{
	static struct usb_fact stick;
	static struct media_fact card;
	struct media_fact on_stick = {.parent = &stick};
	char name[GRANT_DEVICE_SIZE];

	(void)state;
	assert_false(grant_name_usb(&stick, name));
	(void)snprintf(stick.identity, sizeof(stick.identity), "%s",
		       "q0WZkAbc=");
	stick.channels = USB_CHANNEL_BIT(USB_CHANNEL_STORAGE);
	assert_true(grant_name_usb(&stick, name));
	assert_string_equal(name, "usb:q0WZkAbc=");
	assert_true(grant_is_for_usb(span_str(name), &stick));
	assert_true(grant_is_for_media(span_str(name), &on_stick));
	assert_false(grant_is_for_media(SPAN("usb:other"), &on_stick));
	assert_true(grant_is_for_usb(SPAN("channel:storage"), &stick));
	assert_false(grant_is_for_usb(SPAN("channel:printer"), &stick));
	stick.channels |= USB_CHANNEL_BIT(USB_CHANNEL_HID);
	assert_false(grant_is_for_usb(SPAN("channel:storage"), &stick));

	/* A card without a serial is any card */
	card.bus = MEDIA_BUS_SD;
	(void)snprintf(card.model, sizeof(card.model), "%s", "SD16G");
	assert_false(grant_name_media(&card, name));
	(void)snprintf(card.serial, sizeof(card.serial), "%s", "0x12345678");
	assert_true(grant_name_media(&card, name));
	assert_true(grant_is_device(span_str(name)));
	assert_true(grant_is_for_media(span_str(name), &card));
	(void)snprintf(card.serial, sizeof(card.serial), "%s", "0x12345679");
	assert_false(grant_is_for_media(span_str(name), &card));
}

static void a_grant_raises_and_never_lowers(void **state)
{
	struct verdict verdict = {.reason = VERDICT_RULE};

	(void)state;
	assert_true(grant_raise_media(GRANT_READ_ONLY, &verdict));
	assert_int_equal(verdict.access, MEDIA_READ_ONLY);
	assert_int_equal(verdict.reason, VERDICT_GRANT);
	assert_true(grant_raise_media(GRANT_READ_WRITE, &verdict));
	assert_int_equal(verdict.access, MEDIA_READ_WRITE);
	assert_false(grant_raise_media(GRANT_READ_ONLY, &verdict));
	assert_int_equal(verdict.access, MEDIA_READ_WRITE);
	verdict = (struct verdict){0};
	assert_false(grant_raise_media(GRANT_AUTHORISE, &verdict));
	assert_false(grant_raise_media(GRANT_NOTHING, &verdict));
	assert_int_equal(verdict.access, MEDIA_DENY);
}

static void some_denials_are_raised_by_nothing(void **state)
{
	static const enum verdict_reason final[] = {VERDICT_LOST,
						    VERDICT_NO_RULESET,
						    VERDICT_INVALID_DEVICE,
						    VERDICT_GLASS};
	static const struct usb_fact stick = {
		.channels = USB_CHANNEL_BIT(USB_CHANNEL_STORAGE)};

	(void)state;
	for (size_t i = 0; i < sizeof(final) / sizeof(final[0]); i++) {
		struct verdict verdict = {.reason = final[i]};
		assert_false(grant_raise_media(GRANT_READ_WRITE, &verdict));
		assert_false(
			grant_raise_usb(GRANT_AUTHORISE, &stick, &verdict));
		assert_int_equal(verdict.access, MEDIA_DENY);
		assert_int_equal(verdict.target, USB_TARGET_BLOCK);
	}
}

static void reading_lets_in_nothing_but_a_medium(void **state)
{
	static struct usb_fact fact = {
		.channels = USB_CHANNEL_BIT(USB_CHANNEL_STORAGE)};
	struct verdict verdict = {0};

	(void)state;
	assert_true(grant_raise_usb(GRANT_READ_ONLY, &fact, &verdict));
	assert_int_equal(verdict.target, USB_TARGET_ALLOW);
	verdict = (struct verdict){0};
	fact.channels |= USB_CHANNEL_BIT(USB_CHANNEL_HID);
	assert_false(grant_raise_usb(GRANT_READ_WRITE, &fact, &verdict));
	assert_int_equal(verdict.target, USB_TARGET_BLOCK);
	assert_true(grant_raise_usb(GRANT_AUTHORISE, &fact, &verdict));
	assert_int_equal(verdict.target, USB_TARGET_ALLOW);
	assert_false(grant_raise_usb(GRANT_AUTHORISE, &fact, &verdict));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_grant_is_read_and_written_back),
		cmocka_unit_test(anything_else_is_refused_with_a_reason),
		cmocka_unit_test(what_is_too_long_is_refused),
		cmocka_unit_test(what_could_not_be_read_back_is_not_written),
		cmocka_unit_test(a_helpdesk_key_gives_reading_for_an_hour),
		cmocka_unit_test(an_approver_gives_what_its_line_says),
		cmocka_unit_test(two_people_are_needed_where_policy_says_so),
		cmocka_unit_test(terms_are_held),
		cmocka_unit_test(taking_away_needs_a_key_but_no_limit),
		cmocka_unit_test(keys_stand_in_the_policy_with_their_limits),
		cmocka_unit_test(a_device_is_known_by_what_it_is),
		cmocka_unit_test(a_grant_raises_and_never_lowers),
		cmocka_unit_test(some_denials_are_raised_by_nothing),
		cmocka_unit_test(reading_lets_in_nothing_but_a_medium),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
