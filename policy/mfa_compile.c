/* SPDX-License-Identifier: Apache-2.0 */
/* Rule by rule; the first thing that cannot be held ends it. */
#include "policy/mfa_compile.h"

#include <assert.h>
#include <string.h>

#include "policy/login.h"

#define NS_PER_SECOND UINT64_C(1000000000)
#define COUNT(array)  (sizeof(array) / sizeof(*(array)))

static_assert((unsigned)LOGIN_KNOWLEDGE == (unsigned)MFA_KNOWLEDGE &&
		      (unsigned)LOGIN_POSSESSION == (unsigned)MFA_POSSESSION &&
		      (unsigned)LOGIN_INHERENCE == (unsigned)MFA_INHERENCE,
	      "combinations are taken as they are");

static const char *const outcome_texts[] = {
	[LOGIN_COMPILED] = "compiled",
	[LOGIN_COMPILE_SECOND_REQUIRE] = "a second 'login require'",
	[LOGIN_COMPILE_BY_USER] =
		"this version requires of all users and exempts services only",
	[LOGIN_COMPILE_TOO_MANY] = "more values than fit",
	[LOGIN_COMPILE_TOO_LONG] = "a name longer than 63 bytes",
	[LOGIN_COMPILE_TTY] = "only tty1 to tty6, in 'login break-glass'",
	[LOGIN_COMPILE_GROUPS] =
		"break-glass is for one local group, or user \"root\"",
};
static_assert(COUNT(outcome_texts) == LOGIN_COMPILE_COUNT,
	      "every outcome has its text");

const char *login_compile_to_str(enum login_compile_outcome outcome)
{
	return (unsigned)outcome < LOGIN_COMPILE_COUNT ? outcome_texts[outcome]
						       : "unknown";
}

/* One login rule, and what comes of it. */
struct compiler {
	const struct ruleset *ruleset;
	uint32_t index;
	struct login_policy *policy;
	bool has_require;
};

static uint16_t count_of(const struct compiler *c, enum login_key key)
{
	return login_rule_count(c->ruleset, c->index, key);
}

static bool read_number(const struct compiler *c, enum login_key key,
			uint32_t *ret_number)
{
	if (count_of(c, key) == 0)
		return false;
	*ret_number = login_rule_number(c->ruleset, c->index, key, 0);
	return true;
}

static void read_duration(const struct compiler *c, enum login_key key,
			  uint64_t *ret_ns)
{
	uint32_t seconds = 0;

	if (read_number(c, key, &seconds))
		*ret_ns = seconds * NS_PER_SECOND;
}

/* The words "no" and "yes", "deny" and "mfa" … by their index. */
static void read_switch(const struct compiler *c, enum login_key key,
			uint32_t word_that_sets, bool *ret_bool)
{
	uint32_t word = 0;

	if (read_number(c, key, &word))
		*ret_bool = word == word_that_sets;
}

static void read_reaction(const struct compiler *c, enum login_key key,
			  const enum login_reaction words[4],
			  enum login_reaction *ret_reaction)
{
	uint32_t word = 0;

	if (read_number(c, key, &word))
		*ret_reaction = words[word < 4 ? word : 0];
}

static bool copy_name(struct span from, char ret_name[LOGIN_NAME_MAX_BYTES + 1])
{
	if (from.len == 0 || from.len > LOGIN_NAME_MAX_BYTES)
		return false;
	memcpy(ret_name, from.ptr, from.len);
	ret_name[from.len] = '\0';
	return true;
}

static enum login_compile_outcome read_mfa(const struct compiler *c)
{
	struct mfa_rules *mfa = &c->policy->mfa;

	mfa->required = login_rule_minimum(c->ruleset, c->index);
	if (count_of(c, LOGIN_COMBINATION) > MFA_COMBINATIONS_MAX ||
	    count_of(c, LOGIN_DENIED_ARGUMENTS) > MFA_DENIED_MAX)
		return LOGIN_COMPILE_TOO_MANY;
	for (uint16_t n = 0; n < count_of(c, LOGIN_COMBINATION); n++)
		mfa->combinations[mfa->combination_count++] = login_rule_number(
			c->ruleset, c->index, LOGIN_COMBINATION, n);
	for (uint16_t n = 0; n < count_of(c, LOGIN_DENIED_ARGUMENTS); n++) {
		struct span name = login_rule_string(c->ruleset, c->index,
						     LOGIN_DENIED_ARGUMENTS, n);

		if (name.len == 0 || name.len > MFA_MODULE_NAME_MAX)
			return LOGIN_COMPILE_TOO_LONG;
		memcpy(mfa->denied[mfa->denied_count], name.ptr, name.len);
		mfa->denied_count++;
	}
	read_switch(c, LOGIN_SELF_ENROLLED, 1, &mfa->accepts_self_enrolled);
	read_switch(c, LOGIN_USER_VERIFICATION, 0, &mfa->refuses_forced_second);
	return LOGIN_COMPILED;
}

static enum login_compile_outcome compile_require(struct compiler *c)
{
	/* In the order of their words (login.c); "removed" has three. */
	static const enum login_reaction removed[4] = {LOGIN_REACT_LOCK,
						       LOGIN_REACT_TERMINATE,
						       LOGIN_REACT_REPORT,
						       LOGIN_REACT_LOCK};
	static const enum login_reaction action[4] = {LOGIN_REACT_REPORT,
						      LOGIN_REACT_LOCK,
						      LOGIN_REACT_TERMINATE,
						      LOGIN_REACT_FREEZE};
	struct login_policy *p = c->policy;
	uint32_t unlock = 0;

	if (c->has_require)
		return LOGIN_COMPILE_SECOND_REQUIRE;
	c->has_require = true;
	if (count_of(c, LOGIN_USER) || count_of(c, LOGIN_GROUP) ||
	    count_of(c, LOGIN_UID) || count_of(c, LOGIN_TTY))
		return LOGIN_COMPILE_BY_USER;

	read_duration(c, LOGIN_MAX_AGE, &p->max_age_ns);
	read_duration(c, LOGIN_STEP_UP_AGE, &p->step_up_ns);
	read_duration(c, LOGIN_IDLE, &p->idle_ns);
	if (read_number(c, LOGIN_UNLOCK, &unlock))
		p->unlock_required = unlock;
	read_switch(c, LOGIN_REMOTE, 0, &p->is_remote_refused);
	read_switch(c, LOGIN_LOCKERS, 1, &p->accepts_any_locker);
	read_reaction(c, LOGIN_ON_TOKEN_REMOVED, removed, &p->on_token_removed);
	read_reaction(c, LOGIN_ON_UNATTESTED, action, &p->on_unattested);
	read_reaction(c, LOGIN_ON_LOCK_INEFFECTIVE, action,
		      &p->on_lock_ineffective);
	return read_mfa(c);
}

static enum login_compile_outcome add_exemption(struct compiler *c,
						struct span service,
						uint32_t uid_min,
						uint32_t uid_max)
{
	struct login_policy *p = c->policy;

	if (p->exemption_count == LOGIN_EXEMPTIONS_MAX)
		return LOGIN_COMPILE_TOO_MANY;
	struct login_exemption *e = &p->exemptions[p->exemption_count];
	*e = (struct login_exemption){.uid_min = uid_min, .uid_max = uid_max};
	if (!copy_name(service, e->service))
		return LOGIN_COMPILE_TOO_LONG;
	p->exemption_count++;
	return LOGIN_COMPILED;
}

/* Every service with every uid; what is not given is any. */
static enum login_compile_outcome compile_exempt(struct compiler *c)
{
	uint16_t services = count_of(c, LOGIN_SERVICE);
	uint16_t uids = count_of(c, LOGIN_UID);
	enum login_compile_outcome outcome = LOGIN_COMPILED;

	if (count_of(c, LOGIN_USER) || count_of(c, LOGIN_GROUP))
		return LOGIN_COMPILE_BY_USER;
	if (count_of(c, LOGIN_TTY))
		return LOGIN_COMPILE_TTY;
	for (unsigned s = 0; s < (services ? services : 1u); s++) {
		struct span service =
			services ? login_rule_string(c->ruleset, c->index,
						     LOGIN_SERVICE, (uint16_t)s)
				 : SPAN("*");

		if (uids == 0)
			outcome = add_exemption(c, service, 0, LOGIN_UID_MAX);
		for (uint16_t n = 0; n < uids && !outcome; n++) {
			uint32_t uid = login_rule_number(c->ruleset, c->index,
							 LOGIN_UID, n);

			outcome = add_exemption(c, service, uid, uid);
		}
		if (outcome)
			return outcome;
	}
	return LOGIN_COMPILED;
}

static enum login_compile_outcome compile_breakglass(struct compiler *c)
{
	struct login_policy *p = c->policy;
	uint32_t uid = 0;
	bool is_root = count_of(c, LOGIN_USER) == 1 &&
		       span_equals(login_rule_string(c->ruleset, c->index,
						     LOGIN_USER, 0),
				   SPAN("root"));

	is_root |= count_of(c, LOGIN_UID) == 1 &&
		   read_number(c, LOGIN_UID, &uid) && uid == 0;
	bool is_group = count_of(c, LOGIN_GROUP) == 1;
	if (is_root == is_group || count_of(c, LOGIN_GROUP) > 1 ||
	    count_of(c, LOGIN_USER) + count_of(c, LOGIN_UID) > is_root ||
	    (is_group && p->breakglass_group[0]))
		return LOGIN_COMPILE_GROUPS;
	if (is_group &&
	    !copy_name(login_rule_string(c->ruleset, c->index, LOGIN_GROUP, 0),
		       p->breakglass_group))
		return LOGIN_COMPILE_TOO_LONG;
	p->is_root_console_breakglass |= is_root;
	for (uint16_t n = 0; n < count_of(c, LOGIN_TTY); n++) {
		unsigned tty = login_console_tty(
			login_rule_string(c->ruleset, c->index, LOGIN_TTY, n));

		if (tty == 0)
			return LOGIN_COMPILE_TTY;
		p->breakglass_ttys |= 1u << tty;
	}
	read_duration(c, LOGIN_EXPIRES, &p->breakglass_ns);
	return LOGIN_COMPILED;
}

static enum login_compile_outcome compile_rule(struct compiler *c)
{
	switch (login_rule_kind(c->ruleset, c->index)) {
	case LOGIN_REQUIRE:
		return compile_require(c);
	case LOGIN_EXEMPT:
		return compile_exempt(c);
	case LOGIN_BREAK_GLASS:
		return compile_breakglass(c);
	case LOGIN_KIND_COUNT:
		break;
	}
	return LOGIN_COMPILE_BY_USER;
}

static void read_header(const struct ruleset *ruleset,
			struct login_policy *policy)
{
	struct span contact = span_take(ruleset_contact(ruleset),
					sizeof(policy->contact) - 1);

	/* Cut at a character, not within one. */
	while (contact.len > 0 && contact.len < ruleset_contact(ruleset).len &&
	       (contact.ptr[contact.len] & 0xc0) == 0x80)
		contact.len--;
	memcpy(policy->contact, contact.len ? contact.ptr : "", contact.len);
	policy->contact[contact.len] = '\0';
	policy->serial = ruleset_serial(ruleset);
	policy->mode = ruleset_mode(ruleset) == RULES_MODE_MONITOR
			       ? LOGIN_MODE_REPORT
			       : LOGIN_MODE_ENFORCE;
}

enum login_compile_outcome login_policy_compile(const struct ruleset *ruleset,
						struct login_policy *ret_policy,
						uint32_t *ret_rule)
{
	struct login_policy policy;
	struct compiler c = {.ruleset = ruleset, .policy = &policy};
	bool is_first = true;

	login_policy_default(&policy);
	read_header(ruleset, &policy);
	for (; c.index < ruleset_rule_count(ruleset); c.index++) {
		if (ruleset_rule(ruleset, c.index).family != RULES_FAMILY_LOGIN)
			continue;
		if (is_first) {
			policy.breakglass_group[0] = '\0';
			policy.is_root_console_breakglass = false;
			is_first = false;
		}
		enum login_compile_outcome outcome = compile_rule(&c);
		if (outcome) {
			*ret_rule = c.index;
			return outcome;
		}
	}
	*ret_policy = policy;
	return LOGIN_COMPILED;
}
