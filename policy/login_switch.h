/* SPDX-License-Identifier: Apache-2.0 */
/*
 * login_switch: whether this terminal refuses logins or only reports, as its
 * administrator set it by hand: the file LOGIN_SWITCH_FILE. It can only weaken
 * what the policy says: installing a policy that enforces does not begin to
 * refuse people before somebody has said `sekimorictl login enforce`, and a
 * policy that reports is not made to refuse. Module and daemon apply it, so
 * that both know the same mode. Pure.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "policy/mfa_login.h"
#include "policy/span.h"

#define LOGIN_SWITCH_FILE      "/var/lib/sekimori/login.switch"
#define LOGIN_SWITCH_MAX_BYTES 512u

struct login_switch {
	enum login_mode mode; /* enforce or report */
	/* Enforcement ends by itself then, or with this boot; 0: it stays. */
	uint64_t trial_until_boot_ns;
	char trial_boot_id[LOGIN_BOOT_ID_SIZE];
};

/*
 * Reads `key=value` lines (mode, trial_until_boot_ns, trial_boot_id). 0, or
 * -EINVAL with *ret_switch unchanged: an unknown or repeated key, a mode but
 * enforce and report, or no mode at all. Who cannot read the file goes by the
 * policy alone.
 */
int login_switch_parse(struct span text, struct login_switch *ret_switch)
	__attribute__((nonnull, warn_unused_result));

/* Writes it; the length, which fits LOGIN_SWITCH_MAX_BYTES. */
size_t login_switch_format(const struct login_switch *sw,
			   char ret_text[LOGIN_SWITCH_MAX_BYTES])
	__attribute__((nonnull));

/* Weakens the mode of the policy to that of the switch. */
void login_switch_apply(const struct login_switch *sw,
			struct login_policy *policy) __attribute__((nonnull));
