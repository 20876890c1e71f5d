/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A signed policy (sekimori.bundle(5)) to a rule set: the signature, the
 * terms, the rules, in this order, so that nothing of a text is looked at
 * before it is known whose it is. Reads no file and puts nothing in force.
 */
#pragma once

#include "agent/daemon/bundle.h"
#include "agent/wire/trust.h"

/* What a signed policy is measured by. */
struct bundle_terms {
	const struct trust *trust;
	uint64_t serial_floor; /* the highest serial that ever counted here */
	const char *zone;      /* the terminal's; "": any */
	uint64_t wall_now_s;
	/* The one that was kept counts again: its serial is the floor, and its
	 * end does not end it, for no policy at all would be worse. */
	bool is_kept;
};

/* Judges TEXT. 0: *ret_offer and *ret_ruleset (a reference for the caller);
 * BUNDLE_SAME: it is the one in force; BUNDLE_FORGED, _OLD, _ELSEWHERE,
 * _REJECTED: bundle->error says why, *ret_offer what is known; -ENOMEM. */
int bundle_judge_signed(struct bundle *bundle, struct span text,
			const struct bundle_terms *terms,
			struct bundle_info *ret_offer,
			struct ruleset **ret_ruleset)
	__attribute__((nonnull, warn_unused_result));
