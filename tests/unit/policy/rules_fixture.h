/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the tests of the rule language share: compiling a text that must be
 * right, a device from its description, and one question to a rule set.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "policy/decide.h"
#include "policy/query.h"
#include "policy/ruleset.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static inline int try_compile(const char *text, unsigned flags,
			      struct rules_message *message,
			      struct ruleset **ret_ruleset)
{
	struct rules_text texts = {.name = "test", .text = span_str(text)};
	struct rules_report report = {.messages = message,
				      .capacity = message ? 1 : 0};

	return ruleset_parse(&texts, 1, flags, &report, ret_ruleset);
}

static inline struct ruleset *compile(const char *text)
{
	struct rules_message message = {0};
	struct ruleset *ruleset = NULL;

	if (try_compile(text, 0, &message, &ruleset) != 0)
		fail_msg("'%s' 1:%u: %s", text, message.column, message.what);
	return ruleset;
}

static inline struct usb_fact device(const char *text)
{
	struct rules_message message = {.what = "not one device"};
	struct rules_report report = {.messages = &message, .capacity = 1};
	struct usb_fact fact = {0};
	enum usb_target target;

	if (query_usb(span_str(text), &report, &target, &fact) != 0)
		fail_msg("'%s' 1:%u: %s", text, message.column, message.what);
	return fact;
}

static inline struct verdict judge(const struct ruleset *ruleset,
				   const struct usb_fact *fact)
{
	struct decide_context context = {0};
	struct verdict verdict;

	decide_usb(ruleset, fact, &context, &verdict);
	return verdict;
}

/* Whether `allow ATTRIBUTES` allows the device. */
static inline bool allows(const char *attributes, const char *description)
{
	char text[4096];
	struct usb_fact fact = device(description);
	struct ruleset *ruleset;
	struct verdict verdict;

	(void)snprintf(text, sizeof(text), "allow %s\n", attributes);
	ruleset = compile(text);
	verdict = judge(ruleset, &fact);
	ruleset_unref(ruleset);
	return verdict.target == USB_TARGET_ALLOW;
}

static inline bool span_is(struct span span, const char *text)
{
	return span_equals_str(span, text);
}
