/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes as a rules text. What parses is decided, explained, printed, and its
 * canonical form must parse again and print the same.
 */
#include <stdlib.h>
#include <string.h>

#include "policy/explain.h"
#include "policy/limits.h"
#include "policy/query.h"
#include "policy/ruleset.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct ruleset *parse(struct span text, unsigned flags)
{
	static struct rules_message messages[8];
	struct rules_report report = {.messages = messages, .capacity = 8};
	struct rules_text texts = {.name = "fuzz", .text = text};
	struct ruleset *ruleset = NULL;
	int r = ruleset_parse(&texts, 1, flags, &report, &ruleset);

	/* An error is always told, and only then. */
	if ((r == RULESET_INVALID) != (report.error_count > 0))
		abort();
	return r == 0 ? ruleset : NULL;
}

/* Arguments are printed as written: there may be NULs in them. */
static struct span print(const struct ruleset *ruleset)
{
	size_t size = ruleset_format_header(ruleset, (char[1]){0}, 1) + 1;
	size_t len = 0;
	char *text;

	for (uint32_t i = 0; i < ruleset_rule_count(ruleset); i++)
		size += ruleset_format(ruleset, i, 0, (char[1]){0}, 1) + 1;
	text = malloc(size);
	if (!text)
		abort();
	len = ruleset_format_header(ruleset, text, size);
	for (uint32_t i = 0; i < ruleset_rule_count(ruleset); i++) {
		len += ruleset_format(ruleset, i, 0, text + len, size - len);
		text[len++] = '\n';
	}
	return span_of(text, len);
}

static void judge(const struct ruleset *ruleset)
{
	static struct usb_fact fact;
	static const char text[] =
		"device id 0411:01e8 serial \"A\" name \"\" hash \"h\" "
		"via-port \"1-2\" with-interface { 08:06:50 03:01:01 }";
	struct media_fact medium = {.parent = &fact, .bus = MEDIA_BUS_USB};
	const struct usb_fact *present[] = {&fact};
	struct decide_context context = {
		.now = {.year = 2026, .month = 11, .day = 20},
		.has_session = true,
		.user = "sato",
		.authorized = present,
		.authorized_count = 1,
	};
	struct explanation e;
	enum usb_target target;

	if (query_usb(span_str(text), NULL, &target, &fact) != 0)
		abort();
	explain_usb(ruleset, &fact, &context, &e);
	if (e.verdict.target > USB_TARGET_ALLOW)
		abort();
	explain_media(ruleset, &medium, &context, &e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span text = span_of((const char *)data, size);
	struct ruleset *plain = parse(text, RULESET_USBGUARD);
	struct ruleset *ruleset = parse(text, RULESET_WARN);
	struct ruleset *again;
	struct span once, twice;

	/* Whatever is USBGuard's language is ours. */
	if (plain && !ruleset)
		abort();
	ruleset_unref(plain);
	if (!ruleset)
		return 0;

	judge(ruleset);
	once = print(ruleset);
	again = parse(once, 0);
	/* The canonical form can only be longer, up to the limits. */
	if (!again && once.len <= RULES_LINE_MAX_BYTES)
		abort();
	if (again) {
		twice = print(again);
		if (!span_equals(once, twice))
			abort();
		free((void *)(uintptr_t)twice.ptr);
	}
	free((void *)(uintptr_t)once.ptr);
	ruleset_unref(again);
	ruleset_unref(ruleset);
	return 0;
}
