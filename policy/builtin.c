/* SPDX-License-Identifier: Apache-2.0 */
/* A word for each way, and one bit of the rule set's header. */
#include "policy/builtin.h"

#include <assert.h>

#include "policy/rule.h"

static const char *const words[] = {
	[BUILTIN_WIFI] = "wifi",     [BUILTIN_BLUETOOTH] = "bluetooth",
	[BUILTIN_WWAN] = "wwan",     [BUILTIN_THUNDERBOLT] = "thunderbolt",
	[BUILTIN_SERIAL] = "serial", [BUILTIN_PRINTER] = "printer",
};
static_assert(sizeof(words) / sizeof(words[0]) == BUILTIN_CHANNEL_COUNT,
	      "a word for each way");

const char *builtin_channel_to_str(enum builtin_channel channel)
{
	if ((unsigned)channel >= BUILTIN_CHANNEL_COUNT)
		return "unknown";
	return words[channel];
}

bool builtin_channel_from_str(struct span word,
			      enum builtin_channel *ret_channel)
{
	for (unsigned i = 0; i < BUILTIN_CHANNEL_COUNT; i++) {
		if (!span_equals_str(word, words[i]))
			continue;
		*ret_channel = (enum builtin_channel)i;
		return true;
	}
	return false;
}

void decide_builtin(const struct ruleset *ruleset, enum builtin_channel channel,
		    struct verdict *ret_verdict)
{
	unsigned bit = 1u << channel;
	bool is_named = ruleset && (ruleset->header.channels_named & bit);
	bool is_allowed = is_named && (ruleset->header.channels_allowed & bit);

	*ret_verdict = (struct verdict){
		.target = is_allowed ? USB_TARGET_ALLOW : USB_TARGET_BLOCK,
		.reason = !ruleset   ? VERDICT_NO_RULESET
			  : is_named ? VERDICT_RULE
				     : VERDICT_IMPLICIT,
		.rule = VERDICT_NO_RULE,
		.is_implicit = !is_named,
		.is_monitor = ruleset &&
			      ruleset->header.mode == RULES_MODE_MONITOR,
	};
}
