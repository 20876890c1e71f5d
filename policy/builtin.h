/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ways out of the machine that are neither a USB device nor a medium: radios
 * that are built in, Thunderbolt, serial and parallel ports. The words of the
 * policy line `channel`, and the decision: pure, one line for each way.
 */
#pragma once

#include <stdbool.h>

#include "policy/span.h"
#include "policy/verdict.h"

enum builtin_channel {
	BUILTIN_WIFI = 0,
	BUILTIN_BLUETOOTH,
	BUILTIN_WWAN,
	BUILTIN_THUNDERBOLT,
	BUILTIN_SERIAL,
	BUILTIN_PRINTER,
	BUILTIN_CHANNEL_COUNT,
};

struct ruleset;

/* "wifi" …; total. */
const char *builtin_channel_to_str(enum builtin_channel channel)
	__attribute__((returns_nonnull));
/* False: no such word, *ret_channel is unchanged. */
bool builtin_channel_from_str(struct span word,
			      enum builtin_channel *ret_channel)
	__attribute__((nonnull, warn_unused_result));

/* What the policy says of a way: target is allow or block, reason is
 * VERDICT_RULE where a line names it, VERDICT_IMPLICIT where none does (that
 * denies), VERDICT_NO_RULESET for NULL. */
void decide_builtin(const struct ruleset *ruleset, enum builtin_channel channel,
		    struct verdict *ret_verdict) __attribute__((nonnull(3)));
