/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The keyboard guard: a keyboard that some general rule lets in, that nobody
 * has named and that was not there when enforcement began, waits until a
 * person confirms it. Comes after decide_usb(), which it never changes: what
 * the rules say stays what they say. Pure; whether the machine can do without
 * the keyboard is the lifeline's question (policy/lifeline.h).
 */
#pragma once

#include <stdbool.h>

#include "policy/fact.h"
#include "policy/ruleset.h"
#include "policy/verdict.h"

/* What is known of a device beyond its descriptors. */
struct hid_standing {
	bool is_learned; /* there when enforcement began: same identity, port */
	bool is_confirmed; /* in this plug, by a person at another keyboard */
	bool is_typist;	   /* no keyboard by its descriptors, yet it has keys */
	bool is_fast;	   /* typed as only a machine does (policy/typing.h) */
};

/* Whether the interface says that it is a keyboard (HID 1.11 §4.3). The
 * protocol counts with any subclass: the kernel looks at neither. */
bool hid_is_keyboard(const struct usb_interface *interface)
	__attribute__((nonnull));

/* Whether a rule means this very device: it asks for a whole id, a serial, a
 * hash or an identity. A port, a vendor, a class or a name does not. */
bool hid_rule_names(const struct ruleset *ruleset, uint32_t rule)
	__attribute__((nonnull));

/*
 * Changes VERDICT, which lets FACT in, when the keyboard has to wait:
 * - target block, reason VERDICT_HELD or VERDICT_TYPING: the whole device;
 * - is_keyboard_held, is_per_interface: a card reader or security key, which
 *   login needs, comes in without its keyboards (ask decide_interface());
 * - reason VERDICT_CONFIRMED: would wait, had nobody confirmed it.
 * Anything else is left as it is; so is a verdict that blocks. RULESET NULL
 * blocks already.
 */
void hid_judge(const struct ruleset *ruleset, const struct usb_fact *fact,
	       const struct hid_standing *standing, struct verdict *verdict)
	__attribute__((nonnull(2, 3, 4)));
