/* SPDX-License-Identifier: Apache-2.0 */
/* explain: the rule that spoke, and the one that came nearest to allowing. */
#include "policy/tool/tool.h"

#include <stdio.h>

#include "policy/explain.h"
#include "policy/hid.h"

#define RULE_TEXT_SHOWN 4096

static void print_rule(const struct ruleset *ruleset, uint32_t index)
{
	struct rules_rule rule = ruleset_rule(ruleset, index);
	char text[RULE_TEXT_SHOWN];
	size_t len;

	len = ruleset_format(ruleset, index, 0, text, sizeof(text));
	printf("  %.*s:%u: %s%s\n", (int)rule.file.len, rule.file.ptr,
	       rule.line, text, len >= sizeof(text) ? "…" : "");
}

/* What comes after the rules, for a device that nobody knows yet. */
static void print_hold(const struct judgement *j, const struct usb_fact *fact,
		       const struct verdict *verdict)
{
	const struct hid_standing unknown = {0};
	struct verdict held = *verdict;

	hid_judge(j->ruleset, fact, &unknown, &held);
	if (held.is_keyboard_held)
		printf("its keyboard waits until a person confirms it\n");
	else if (held.reason == VERDICT_HELD)
		printf("waits until a person confirms it, unless it was there "
		       "when enforcement began: no rule names this keyboard\n");
}

static void print_one(const struct judgement *j, const struct usb_fact *fact)
{
	struct explanation e;

	explain_usb(j->ruleset, fact, &j->context, &e);
	if (e.verdict.is_implicit) {
		printf("%s: no rule matches\n",
		       usb_target_to_str(j->has_implicit ? j->implicit
							 : e.verdict.target));
	} else {
		printf("%s: rule %u%s\n", usb_target_to_str(e.verdict.target),
		       e.verdict.rule,
		       e.verdict.is_monitor ? " (monitor: recorded only)" : "");
		print_rule(j->ruleset, e.verdict.rule);
	}
	print_hold(j, fact, &e.verdict);
	if (!e.has_nearest)
		return;
	printf("nearest that allows: rule %u, %u of %u match; missing: %s\n",
	       e.nearest, e.nearest_matched, e.nearest_total,
	       e.nearest_missing);
	print_rule(j->ruleset, e.nearest);
}

int cmd_explain(int argc, char **argv)
{
	struct judgement j;
	int r = judgement_init(&j, argc, argv);

	for (size_t i = 0; r == 0 && i < j.device_count; i++)
		print_one(&j, &j.devices[i]);
	judgement_fini(&j);
	return r;
}
