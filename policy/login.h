/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The login family as data: who must prove what at which service, who is
 * exempt, who may break the glass. Read from `login` lines and kept; what it
 * means for a session is decided elsewhere.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "policy/ruleset.h"

enum login_kind {
	LOGIN_REQUIRE = 0,
	LOGIN_EXEMPT,
	LOGIN_BREAK_GLASS,
	LOGIN_KIND_COUNT,
};

/* Factor categories, as bits of a combination. */
enum login_factor {
	LOGIN_KNOWLEDGE = 1u << 0,
	LOGIN_POSSESSION = 1u << 1,
	LOGIN_INHERENCE = 1u << 2,
};

/* The attributes of a login line, in canonical order. */
enum login_key {
	LOGIN_COMBINATION, /* numbers: login_factor bits */
	LOGIN_SERVICE,	   /* strings */
	LOGIN_USER,
	LOGIN_GROUP,
	LOGIN_UID,     /* numbers */
	LOGIN_TTY,     /* strings */
	LOGIN_MAX_AGE, /* number: seconds */
	LOGIN_STEP_UP_AGE,
	LOGIN_IDLE,
	LOGIN_EXPIRES,
	LOGIN_UNLOCK, /* number: categories asked at unlock */
	LOGIN_REMOTE, /* numbers from here: index of the word */
	LOGIN_LOCKERS,
	LOGIN_ON_TOKEN_REMOVED,
	LOGIN_ON_UNATTESTED,
	LOGIN_ON_LOCK_INEFFECTIVE,
	LOGIN_SELF_ENROLLED,
	LOGIN_USER_VERIFICATION,
	LOGIN_DENIED_ARGUMENTS, /* strings */
	LOGIN_KEY_COUNT,
};

/* The kind of the login rule at that index of the set. */
enum login_kind login_rule_kind(const struct ruleset *ruleset, uint32_t index)
	__attribute__((nonnull));

/* LOGIN_REQUIRE: how many categories; 0 for the other kinds. */
unsigned login_rule_minimum(const struct ruleset *ruleset, uint32_t index)
	__attribute__((nonnull));

/* How many values the attribute has in that rule; 0 where it is not given. */
uint16_t login_rule_count(const struct ruleset *ruleset, uint32_t index,
			  enum login_key key) __attribute__((nonnull));

/* Value n as a string or as a number; n < login_rule_count(). */
struct span login_rule_string(const struct ruleset *ruleset, uint32_t index,
			      enum login_key key, uint16_t n)
	__attribute__((nonnull));
uint32_t login_rule_number(const struct ruleset *ruleset, uint32_t index,
			   enum login_key key, uint16_t n)
	__attribute__((nonnull));
