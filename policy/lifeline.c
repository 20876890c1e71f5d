/* SPDX-License-Identifier: Apache-2.0 */
/* The last keyboard, pointer and reader; see lifeline.h. */
#include "policy/lifeline.h"

#include <assert.h>

#define CLASS_HID	0x03
#define CLASS_SMARTCARD 0x0b
#define CLASS_VENDOR	0xff
#define SUBCLASS_BOOT	1
#define PROTOCOL_KEYS	1
#define PROTOCOL_MOUSE	2

static bool is_reader(const struct usb_fact *fact)
{
	return fact->channels & (USB_CHANNEL_BIT(USB_CHANNEL_SMARTCARD) |
				 USB_CHANNEL_BIT(USB_CHANNEL_SECURITY_KEY));
}

/* Nothing beside what the roles need: no storage, no network behind it. */
static bool is_plain(const struct usb_fact *fact)
{
	for (uint16_t i = 0; i < fact->interface_count; i++) {
		uint8_t code = fact->interfaces[i].class_code;

		if (code == CLASS_HID || code == CLASS_SMARTCARD)
			continue;
		/* Readers of the vendor class are known by their ids. */
		if (code == CLASS_VENDOR && is_reader(fact))
			continue;
		return false;
	}
	return fact->interface_count > 0;
}

unsigned lifeline_roles(const struct usb_fact *fact)
{
	unsigned roles = 0;

	if (!is_plain(fact))
		return 0;
	/* A key that also types its codes is not a keyboard. */
	if (is_reader(fact))
		return LIFELINE_READER;
	for (uint16_t i = 0; i < fact->interface_count; i++) {
		const struct usb_interface *iface = &fact->interfaces[i];

		if (iface->subclass == SUBCLASS_BOOT &&
		    iface->protocol == PROTOCOL_KEYS)
			roles |= LIFELINE_KEYBOARD;
		else if (iface->protocol == PROTOCOL_MOUSE)
			roles |= LIFELINE_POINTER;
	}
	/* Tablets and touch screens: HID that says neither. */
	return roles ? roles : LIFELINE_POINTER;
}

/* Whether the device still works for the person after the verdict. */
static bool survives(const struct verdict *verdict)
{
	return verdict->target == USB_TARGET_ALLOW || verdict->is_monitor;
}

static bool counts(const struct lifeline_device *device)
{
	return device->is_usable && device->is_learned;
}

unsigned lifeline_loses(const struct lifeline_device *devices, size_t count,
			size_t index, const struct verdict *verdict,
			unsigned required)
{
	unsigned had;

	assert(index < count);
	if (survives(verdict) || !counts(&devices[index]))
		return 0;
	had = lifeline_roles(devices[index].fact) & required;
	for (size_t i = 0; i < count && had; i++)
		if (i != index && counts(&devices[i]))
			had &= ~lifeline_roles(devices[i].fact);
	return had;
}

unsigned lifeline_prove(const struct ruleset *ruleset,
			const struct lifeline_device *devices, size_t count,
			const struct decide_context *context, unsigned required)
{
	struct decide_context quiet = *context;
	unsigned before = 0;
	unsigned after = 0;

	/* A proof must leave no trace in rule-applied. */
	quiet.history = NULL;
	quiet.history_count = 0;
	for (size_t i = 0; i < count; i++) {
		struct verdict verdict;
		unsigned roles;

		if (!counts(&devices[i]))
			continue;
		roles = lifeline_roles(devices[i].fact);
		before |= roles;
		decide_usb(ruleset, devices[i].fact, &quiet, &verdict);
		if (survives(&verdict))
			after |= roles;
	}
	return before & ~after & required;
}

/* HID only, and one of its interfaces a boot keyboard. */
static bool is_bare_keyboard(const struct usb_fact *fact)
{
	bool has_keys = false;

	for (uint16_t i = 0; i < fact->interface_count; i++) {
		const struct usb_interface *iface = &fact->interfaces[i];

		if (iface->class_code != CLASS_HID)
			return false;
		has_keys |= iface->subclass == SUBCLASS_BOOT &&
			    iface->protocol == PROTOCOL_KEYS;
	}
	return has_keys && !is_reader(fact);
}

bool lifeline_admits(const struct ruleset *ruleset,
		     const struct lifeline_device *devices, size_t count,
		     const struct usb_fact *fact, unsigned elsewhere)
{
	if (ruleset && ruleset_forbids_new_keyboard(ruleset))
		return false;
	if ((elsewhere & LIFELINE_KEYBOARD) || !is_bare_keyboard(fact))
		return false;
	for (size_t i = 0; i < count; i++)
		if (devices[i].is_usable &&
		    lifeline_roles(devices[i].fact) & LIFELINE_KEYBOARD)
			return false;
	return true;
}
