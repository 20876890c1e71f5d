/* SPDX-License-Identifier: Apache-2.0 */
/* Names of targets, accesses and reasons, as rules and events write them. */
#include "policy/verdict.h"

#include <assert.h>

static const char *const target_names[] = {
	[USB_TARGET_BLOCK] = "block",	[USB_TARGET_REJECT] = "reject",
	[USB_TARGET_ALLOW] = "allow",	[USB_TARGET_MATCH] = "match",
	[USB_TARGET_DEVICE] = "device",
};
static_assert(sizeof(target_names) / sizeof(target_names[0]) ==
		      USB_TARGET_COUNT,
	      "every target has a name");

static const char *const access_names[] = {
	[MEDIA_DENY] = "deny",
	[MEDIA_READ_ONLY] = "read-only",
	[MEDIA_READ_WRITE] = "read-write",
};
static_assert(sizeof(access_names) / sizeof(access_names[0]) ==
		      MEDIA_ACCESS_COUNT,
	      "every access has a name");

static const char *const reason_names[] = {
	[VERDICT_IMPLICIT] = "implicit",
	[VERDICT_RULE] = "rule",
	[VERDICT_LOST] = "lost",
	[VERDICT_NO_RULESET] = "no-policy",
	[VERDICT_INVALID_DEVICE] = "invalid-device",
	[VERDICT_LIFELINE] = "lifeline",
	[VERDICT_GRANT] = "grant",
	[VERDICT_GLASS] = "breakglass",
	[VERDICT_HELD] = "held",
	[VERDICT_TYPING] = "typing",
	[VERDICT_CONFIRMED] = "confirmed",
};
static_assert(sizeof(reason_names) / sizeof(reason_names[0]) ==
		      VERDICT_REASON_COUNT,
	      "every reason has a name");

const char *usb_target_to_str(enum usb_target target)
{
	if ((unsigned)target >= USB_TARGET_COUNT)
		return "unknown";
	return target_names[target];
}

bool usb_target_from_str(struct span name, enum usb_target *ret_target)
{
	for (unsigned i = 0; i < USB_TARGET_COUNT; i++) {
		if (!span_equals_str(name, target_names[i]))
			continue;
		*ret_target = (enum usb_target)i;
		return true;
	}
	return false;
}

const char *media_access_to_str(enum media_access access)
{
	if ((unsigned)access >= MEDIA_ACCESS_COUNT)
		return "unknown";
	return access_names[access];
}

bool media_access_from_str(struct span name, enum media_access *ret_access)
{
	for (unsigned i = 0; i < MEDIA_ACCESS_COUNT; i++) {
		if (!span_equals_str(name, access_names[i]))
			continue;
		*ret_access = (enum media_access)i;
		return true;
	}
	return false;
}

const char *verdict_reason_to_str(enum verdict_reason reason)
{
	if ((unsigned)reason >= VERDICT_REASON_COUNT)
		return "unknown";
	return reason_names[reason];
}
