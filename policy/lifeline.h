/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lifeline: nobody may lose the last keyboard, the last pointer or the
 * reader that login needs, whatever a rule, a mode or a failure says. Pure
 * questions about a list of present devices; the caller acts on the answer.
 * It must not become a back door: a device that plays two roles of which one
 * is not the lifeline's (a keyboard with storage) never counts.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "policy/decide.h"
#include "policy/fact.h"
#include "policy/ruleset.h"
#include "policy/verdict.h"

enum lifeline_role {
	LIFELINE_KEYBOARD = 1u << 0,
	LIFELINE_POINTER = 1u << 1,
	LIFELINE_READER = 1u << 2, /* smart card reader or security key */
};

/* A device present now. */
struct lifeline_device {
	const struct usb_fact *fact;
	bool is_usable; /* authorised now, and bound as far as known */
	bool is_learned; /* present when enforcement began: same identity, port */
};

/* What a device can be for the lifeline: LIFELINE_* bits, 0 nothing. */
unsigned lifeline_roles(const struct usb_fact *fact) __attribute__((nonnull));

/*
 * The roles that would be lost if `verdict` were applied to devices[index]:
 * LIFELINE_* bits, 0 where it may be applied. `required` are the roles that
 * USB devices of this terminal must keep: the reader only where login uses
 * one, none that other hardware provides (PS/2 keyboard, touch pad). Only
 * usable, learned devices are protected and counted.
 */
unsigned lifeline_loses(const struct lifeline_device *devices, size_t count,
			size_t index, const struct verdict *verdict,
			unsigned required) __attribute__((nonnull(4)));

/*
 * The roles that would be lost if every verdict of the rule set were applied
 * at once to the devices present: the proof asked for before a rule set comes
 * into force.
 */
unsigned lifeline_prove(const struct ruleset *ruleset,
			const struct lifeline_device *devices, size_t count,
			const struct decide_context *context, unsigned required)
	__attribute__((nonnull(4)));

/*
 * Whether a device that policy denies may come in all the same: it is nothing
 * but a keyboard, no usable keyboard is left, `elsewhere` (roles that other
 * hardware provides) has none, and the policy does not forbid it. Emits nothing; the caller
 * records it.
 */
bool lifeline_admits(const struct ruleset *ruleset,
		     const struct lifeline_device *devices, size_t count,
		     const struct usb_fact *fact, unsigned elsewhere)
	__attribute__((nonnull(4)));
