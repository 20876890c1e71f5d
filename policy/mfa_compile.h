/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mfa_compile: the login lines of a rule set, as the PAM module and the daemon
 * want them. What this version cannot hold is refused by name, never dropped:
 * a line that is not obeyed would be a hole.
 *
 * Over what login_policy_default() says:
 *   require      one line for all services. `service` names those that the
 *                administrator means; the others are asked for as much, because
 *                a service that nobody thought of must not be the open one.
 *   exempt       by service, uid and program names of the default list, which
 *                stays: cron and the greeter must go on.
 *   break-glass  a group; root on the physical console only where `user "root"`
 *                is written. Without any such line there is no glass.
 */
#pragma once

#include <stdint.h>

#include "policy/mfa_login.h"
#include "policy/ruleset.h"

enum login_compile_outcome {
	LOGIN_COMPILED = 0,
	LOGIN_COMPILE_SECOND_REQUIRE, /* more than one `login require` */
	LOGIN_COMPILE_BY_USER,	      /* require or exempt by user or group */
	LOGIN_COMPILE_TOO_MANY,	      /* a list longer than its limit */
	LOGIN_COMPILE_TOO_LONG,	      /* a name longer than its field */
	LOGIN_COMPILE_TTY,    /* break-glass on what is not tty1 … tty6 */
	LOGIN_COMPILE_GROUPS, /* break-glass for several groups or users */
	LOGIN_COMPILE_COUNT,
};

/* A sentence for the administrator. */
const char *login_compile_to_str(enum login_compile_outcome outcome);

/*
 * Compiles. Returns an outcome; but for LOGIN_COMPILED, *ret_rule is the rule
 * that was not understood and *ret_policy is unchanged. A set without login
 * lines is LOGIN_COMPILED with the defaults in report mode where the set only
 * monitors.
 */
enum login_compile_outcome login_policy_compile(const struct ruleset *ruleset,
						struct login_policy *ret_policy,
						uint32_t *ret_rule)
	__attribute__((nonnull, warn_unused_result));
