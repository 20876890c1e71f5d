/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Why a verdict is what it is: the rule that matched, and the rule that came
 * nearest to allowing with the first thing that kept it from doing so. Scans
 * all rules; for people who ask, never on the way of a plug event. Pure, and
 * it leaves the history alone.
 */
#pragma once

#include "policy/decide.h"
#include "policy/fact.h"
#include "policy/ruleset.h"
#include "policy/verdict.h"

struct explanation {
	struct verdict verdict;
	bool has_nearest;
	uint32_t nearest; /* rule that would have allowed */
	/* how many of its attributes and conditions did match, of how many */
	unsigned nearest_matched;
	unsigned nearest_total;
	/* the first that did not: "serial", "with-interface", "if mfa"… */
	char nearest_missing[64];
};

void explain_usb(const struct ruleset *ruleset, const struct usb_fact *fact,
		 const struct decide_context *context,
		 struct explanation *ret_explanation)
	__attribute__((nonnull(2, 3, 4)));

void explain_media(const struct ruleset *ruleset, const struct media_fact *fact,
		   const struct decide_context *context,
		   struct explanation *ret_explanation)
	__attribute__((nonnull(2, 3, 4)));
