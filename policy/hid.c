/* SPDX-License-Identifier: Apache-2.0 */
/* Which keyboards wait for a person; see hid.h. */
#include "policy/hid.h"

#include "policy/decide.h"
#include "policy/rule.h"

#define CLASS_HID     0x03
#define PROTOCOL_KEYS 1

bool hid_is_keyboard(const struct usb_interface *interface)
{
	return interface->class_code == CLASS_HID &&
	       interface->protocol == PROTOCOL_KEYS;
}

/* Each value says a whole thing: no wildcard, no empty string. */
static bool has_whole_values(const struct ruleset *rs, const struct attr *attr)
{
	const uint32_t *values = attr_values(rs, attr);

	for (uint16_t i = 0; i < attr->count; i++) {
		if (attr->kind == ATTR_ID) {
			if (values[(size_t)2 * i] == VALUE_ANY ||
			    values[(size_t)2 * i + 1] == VALUE_ANY)
				return false;
		} else if (pool_get(&rs->pool, values[i]).len == 0) {
			return false;
		}
	}
	return attr->count > 0;
}

bool hid_rule_names(const struct ruleset *ruleset, uint32_t rule)
{
	static const enum attr_kind kinds[] = {ATTR_ID, ATTR_SERIAL, ATTR_HASH,
					       ATTR_IDENTITY};

	for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		const struct attr *attr =
			rule_attr(ruleset, rule_at(ruleset, rule), kinds[i]);

		/* none-of and match-all also hold for what has no value */
		if (attr && attr->op != SET_NONE_OF &&
		    attr->op != SET_MATCH_ALL &&
		    has_whole_values(ruleset, attr))
			return true;
	}
	return false;
}

/* Of the interfaces that the rule lets in. */
static bool has_keyboard(const struct ruleset *ruleset,
			 const struct usb_fact *fact,
			 const struct verdict *verdict)
{
	for (uint16_t i = 0; i < fact->interface_count; i++)
		if (hid_is_keyboard(&fact->interfaces[i]) &&
		    decide_interface(ruleset, verdict, &fact->interfaces[i]))
			return true;
	return false;
}

static bool is_reader(const struct usb_fact *fact)
{
	return fact->channels & (USB_CHANNEL_BIT(USB_CHANNEL_SMARTCARD) |
				 USB_CHANNEL_BIT(USB_CHANNEL_SECURITY_KEY));
}

static bool must_wait(const struct ruleset *ruleset,
		      const struct hid_standing *standing,
		      const struct verdict *verdict)
{
	if (standing->is_fast)
		return true;
	if (ruleset_lets_keyboards_in(ruleset))
		return false;
	return verdict->rule == VERDICT_NO_RULE ||
	       !hid_rule_names(ruleset, verdict->rule);
}

void hid_judge(const struct ruleset *ruleset, const struct usb_fact *fact,
	       const struct hid_standing *standing, struct verdict *verdict)
{
	if (!ruleset || verdict->target != USB_TARGET_ALLOW ||
	    standing->is_learned ||
	    !(standing->is_typist || has_keyboard(ruleset, fact, verdict)) ||
	    !must_wait(ruleset, standing, verdict))
		return;
	if (standing->is_confirmed) {
		verdict->reason = VERDICT_CONFIRMED;
		return;
	}
	/* What types under another name is not believed to be a reader either */
	if (is_reader(fact) && !standing->is_typist && !standing->is_fast) {
		verdict->is_keyboard_held = true;
		verdict->is_per_interface = true;
		return;
	}
	verdict->target = USB_TARGET_BLOCK;
	verdict->reason = standing->is_fast ? VERDICT_TYPING : VERDICT_HELD;
}
