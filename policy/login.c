/* SPDX-License-Identifier: Apache-2.0 */
/* Words and getters of the login family; see login.h. */
#include "policy/login.h"

#include <assert.h>

#include "policy/login_words.h"
#include "policy/rule.h"

const char *const login_kind_words[] = {"require", "exempt", "break-glass",
					NULL};
const char *const login_factor_words[] = {"knowledge", "possession",
					  "inherence", NULL};

static const char *const remote_words[] = {"deny", "mfa", NULL};
static const char *const locker_words[] = {"trusted", "any", NULL};
static const char *const removed_words[] = {"lock", "terminate", "none", NULL};
static const char *const action_words[] = {"report", "lock", "terminate",
					   "freeze", NULL};
static const char *const yes_no_words[] = {"no", "yes", NULL};

#define STRINGS(text)                                                          \
	{                                                                      \
		text, LOGIN_VALUE_STRING, true, NULL                           \
	}
#define DURATION(text)                                                         \
	{                                                                      \
		text, LOGIN_VALUE_DURATION, false, NULL                        \
	}
#define WORD(text, list)                                                       \
	{                                                                      \
		text, LOGIN_VALUE_WORD, false, list                            \
	}

static const struct login_info infos[] = {
	[LOGIN_COMBINATION] = {"combination", LOGIN_VALUE_COMBINATION, true,
			       NULL},
	[LOGIN_SERVICE] = STRINGS("service"),
	[LOGIN_USER] = STRINGS("user"),
	[LOGIN_GROUP] = STRINGS("group"),
	[LOGIN_UID] = {"uid", LOGIN_VALUE_NUMBER, true, NULL},
	[LOGIN_TTY] = STRINGS("tty"),
	[LOGIN_MAX_AGE] = DURATION("max-age"),
	[LOGIN_STEP_UP_AGE] = DURATION("step-up-age"),
	[LOGIN_IDLE] = DURATION("idle"),
	[LOGIN_EXPIRES] = DURATION("expires"),
	[LOGIN_UNLOCK] = {"unlock", LOGIN_VALUE_NUMBER, false, NULL},
	[LOGIN_REMOTE] = WORD("remote", remote_words),
	[LOGIN_LOCKERS] = WORD("lockers", locker_words),
	[LOGIN_ON_TOKEN_REMOVED] = WORD("on-token-removed", removed_words),
	[LOGIN_ON_UNATTESTED] = WORD("on-unattested", action_words),
	[LOGIN_ON_LOCK_INEFFECTIVE] = WORD("on-lock-ineffective", action_words),
	[LOGIN_SELF_ENROLLED] = WORD("self-enrolled", yes_no_words),
	[LOGIN_USER_VERIFICATION] = WORD("user-verification", yes_no_words),
	[LOGIN_DENIED_ARGUMENTS] = STRINGS("denied-arguments"),
};
static_assert(sizeof(infos) / sizeof(infos[0]) == LOGIN_KEY_COUNT,
	      "every login attribute has a word");

const struct login_info *login_info(enum login_key key)
{
	assert((unsigned)key < LOGIN_KEY_COUNT);
	return &infos[key];
}

const char *login_kind_to_str(enum login_kind kind)
{
	assert((unsigned)kind < LOGIN_KIND_COUNT);
	return login_kind_words[kind];
}

static const struct rule *login_rule(const struct ruleset *rs, uint32_t index)
{
	const struct rule *rule;

	assert(index < rs->rules.count);
	rule = rule_at(rs, index);
	assert(rule->family == RULES_FAMILY_LOGIN);
	return rule;
}

static const struct login_attr *login_attr(const struct ruleset *rs,
					   uint32_t index, enum login_key key)
{
	const struct rule *rule = login_rule(rs, index);
	const struct login_attr *attrs =
		(const struct login_attr *)rs->login.data + rule->attr_first;

	for (unsigned i = 0; i < rule->attr_count; i++)
		if (attrs[i].key == key)
			return &attrs[i];
	return NULL;
}

enum login_kind login_rule_kind(const struct ruleset *ruleset, uint32_t index)
{
	return (enum login_kind)login_rule(ruleset, index)->target;
}

unsigned login_rule_minimum(const struct ruleset *ruleset, uint32_t index)
{
	return login_rule(ruleset, index)->flags;
}

uint16_t login_rule_count(const struct ruleset *ruleset, uint32_t index,
			  enum login_key key)
{
	const struct login_attr *attr = login_attr(ruleset, index, key);

	return attr ? attr->count : 0;
}

uint32_t login_rule_number(const struct ruleset *ruleset, uint32_t index,
			   enum login_key key, uint16_t n)
{
	const struct login_attr *attr = login_attr(ruleset, index, key);

	assert(attr && n < attr->count);
	return ((const uint32_t *)ruleset->values.data)[attr->first + n];
}

struct span login_rule_string(const struct ruleset *ruleset, uint32_t index,
			      enum login_key key, uint16_t n)
{
	assert(login_info(key)->type == LOGIN_VALUE_STRING);
	return pool_get(&ruleset->pool,
			login_rule_number(ruleset, index, key, n));
}
