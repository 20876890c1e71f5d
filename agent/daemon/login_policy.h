/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The login policy that pam_sekimori.so reads: compiled from the rules in
 * force, written whole and atomically; and the terminal's own switch. A rule set without login rules asks nothing of anybody. Must not look at
 * sessions.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "policy/login_switch.h"
#include "policy/mfa_login.h"
#include "policy/ruleset.h"

#define LOGIN_STATE_DIR	   "var/lib/sekimori"
#define LOGIN_POLICY_NAME  "login.policy" /* LOGIN_POLICY_FILE */
#define LOGIN_SWITCH_NAME  "login.switch"
#define LOGIN_ERROR_MAX	   192
#define LOGIN_TRIAL_MAX_S  3600
#define LOGIN_BOOT_ID_PATH "proc/sys/kernel/random/boot_id"

/*
 * Reads the terminal's own switch (policy/login_switch.h). 0; -ENOENT: nobody
 * set one, or /var is not there yet; -EINVAL, or -errno.
 */
int login_switch_load(int root_fd, struct login_switch *ret_switch)
	__attribute__((nonnull, warn_unused_result));

/* Writes it, atomically. 0 or -errno. */
int login_switch_save(int root_fd, const struct login_switch *login_switch)
	__attribute__((nonnull, warn_unused_result));

/* Whether the folder of the files here is there already. */
bool login_policy_has_place(int root_fd);

/*
 * Compiles; the switch is not in it, for the module looks at that itself. 0, or
 * -EINVAL with a sentence about the rule that cannot be held; *ret_policy is
 * then unchanged. ret_error has LOGIN_ERROR_MAX bytes.
 */
int login_policy_make(const struct ruleset *ruleset,
		      struct login_policy *ret_policy, char *ret_error)
	__attribute__((nonnull, warn_unused_result));

/* What was written last. 0, -ENOENT, -EINVAL or -errno. */
int login_policy_read(int root_fd, struct login_policy *ret_policy)
	__attribute__((nonnull, warn_unused_result));

/* Replaces the file, unless it says the same already. 0 or -errno. */
int login_policy_write(int root_fd, const struct login_policy *policy)
	__attribute__((nonnull, warn_unused_result));

/* Whether anybody could come in with one factor: asked before enforcement is
 * turned on. */
bool login_policy_has_breakglass(const struct login_policy *policy)
	__attribute__((nonnull));
