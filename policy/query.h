/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A device described in the rule language (`device id 0411:01e8 serial "…"`)
 * to a fact: for the administrator's tool and for tests. Attributes that are
 * not named are absent. Allocates while it reads.
 */
#pragma once

#include "policy/fact.h"
#include "policy/ruleset.h"

/*
 * One description. Every attribute has one value and no wildcard, but
 * with-interface, which lists all; label and conditions say nothing about a
 * device and are dropped. Returns 0, RULESET_INVALID (see the report) or
 * -ENOMEM, outputs unchanged.
 */
int query_usb(struct span text, struct rules_report *report,
	      enum usb_target *ret_target, struct usb_fact *ret_fact)
	__attribute__((nonnull(3, 4), warn_unused_result));
