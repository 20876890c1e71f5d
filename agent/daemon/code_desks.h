/* SPDX-License-Identifier: Apache-2.0 */
/*
 * code_desks: the keys by which this terminal knows the codes of its desks
 * (sekimori.code(7)), made of its own key and the key lines of the policy.
 * Reads nothing and keeps nothing.
 */
#pragma once

#include "agent/daemon/identity.h"
#include "policy/code.h"
#include "policy/ruleset.h"

/*
 * All desks of RULESET with a role for codes, in its order, CODE_DESKS_MAX at
 * most; one whose `public` is no point of P-256 is left out. Names are borrowed
 * from the rule set. RULESET or IDENTITY NULL: no desk. To be made again when
 * the policy changes, and cleansed with code_desks_fini(). -ENOMEM: no desk.
 */
int code_desks_make(const struct ruleset *ruleset,
		    const struct identity *identity,
		    struct code_desks *ret_desks)
	__attribute__((nonnull(3), warn_unused_result));
void code_desks_fini(struct code_desks *desks) __attribute__((nonnull));
