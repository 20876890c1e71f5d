/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The order of the decision is the safety of it: a service that logs nobody
 * in is let through first, so that a policy mistake cannot stop cron or the
 * greeter; a missing factor is the last word.
 */
#include "policy/mfa_login.h"

#include <assert.h>
#include <stdio.h>

#define S(seconds) (UINT64_C(seconds) * 1000000000)

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static const char *const mode_names[] = {
	[LOGIN_MODE_ENFORCE] = "enforce",
	[LOGIN_MODE_REPORT] = "report",
	[LOGIN_MODE_OFF] = "off",
};
static_assert(COUNT(mode_names) == LOGIN_MODE_COUNT, "every mode has a name");

static const char *const reaction_names[] = {
	[LOGIN_REACT_TERMINATE] = "terminate",
	[LOGIN_REACT_FREEZE] = "freeze",
	[LOGIN_REACT_LOCK] = "lock",
	[LOGIN_REACT_REPORT] = "report",
};
static_assert(COUNT(reaction_names) == LOGIN_REACT_COUNT,
	      "every reaction has a name");

static const char *const outcome_names[] = {
	[LOGIN_DENY_FACTORS] = "deny-factors",
	[LOGIN_DENY_REMOTE] = "deny-remote",
	[LOGIN_DENY_USER] = "deny-user",
	[LOGIN_ALLOW_FACTORS] = "factors",
	[LOGIN_ALLOW_BREAKGLASS] = "breakglass",
	[LOGIN_ALLOW_EXEMPT] = "exempt",
};
static_assert(COUNT(outcome_names) == LOGIN_OUTCOME_COUNT,
	      "every outcome has a name");

/* The index of a word, or `count`. */
static unsigned find_name(const char *const *names, unsigned count,
			  struct span text)
{
	unsigned i = 0;

	while (i < count && !span_equals_str(text, names[i]))
		i++;
	return i;
}

const char *login_mode_to_str(enum login_mode mode)
{
	return (unsigned)mode < LOGIN_MODE_COUNT ? mode_names[mode] : "enforce";
}

bool login_mode_from_str(struct span text, enum login_mode *ret_mode)
{
	unsigned i = find_name(mode_names, LOGIN_MODE_COUNT, text);

	if (i == LOGIN_MODE_COUNT)
		return false;
	*ret_mode = (enum login_mode)i;
	return true;
}

const char *login_reaction_to_str(enum login_reaction reaction)
{
	return (unsigned)reaction < LOGIN_REACT_COUNT ? reaction_names[reaction]
						      : "terminate";
}

bool login_reaction_from_str(struct span text, enum login_reaction *ret_react)
{
	unsigned i = find_name(reaction_names, LOGIN_REACT_COUNT, text);

	if (i == LOGIN_REACT_COUNT)
		return false;
	*ret_react = (enum login_reaction)i;
	return true;
}

const char *login_outcome_to_str(enum login_outcome outcome)
{
	return (unsigned)outcome < LOGIN_OUTCOME_COUNT ? outcome_names[outcome]
						       : "deny-factors";
}

bool login_outcome_from_str(struct span text, enum login_outcome *ret_outcome)
{
	unsigned i = find_name(outcome_names, LOGIN_OUTCOME_COUNT, text);

	if (i == LOGIN_OUTCOME_COUNT)
		return false;
	*ret_outcome = (enum login_outcome)i;
	return true;
}

/*
 * Services that open no session for a person. su, sudo and runuser stay in
 * the session they are called from, which had its own gate. Greeters run as
 * system users; with a person's uid the same service name is not exempt.
 */
static const struct login_exemption default_exemptions[] = {
	{"cron", "", 0, LOGIN_UID_MAX},
	{"crond", "", 0, LOGIN_UID_MAX},
	{"atd", "", 0, LOGIN_UID_MAX},
	{"systemd-user", "", 0, LOGIN_UID_MAX},
	{"su", "", 0, LOGIN_UID_MAX},
	{"su-l", "", 0, LOGIN_UID_MAX},
	{"sudo", "", 0, LOGIN_UID_MAX},
	{"sudo-i", "", 0, LOGIN_UID_MAX},
	{"runuser", "", 0, LOGIN_UID_MAX},
	{"runuser-l", "", 0, LOGIN_UID_MAX},
	{"gdm-launch-environment", "", 1, 999},
	{"lightdm-greeter", "", 1, 999},
	{"sddm-greeter", "", 1, 999},
};
static_assert(COUNT(default_exemptions) <= LOGIN_EXEMPTIONS_MAX, "they fit");

void login_policy_default(struct login_policy *ret_policy)
{
	*ret_policy = (struct login_policy){
		.mode = LOGIN_MODE_ENFORCE,
		.is_root_console_breakglass = true,
		.breakglass_group = "sekimori-breakglass",
		.exemption_count = COUNT(default_exemptions),
		.unlock_required = 2,
		.bind_ns = S(5),
		.lock_ns = S(10),
		.reauth_ns = S(30),
		.debounce_ns = S(3),
		.max_age_ns = S(10 * 3600),
		.idle_ns = S(10 * 60),
		.step_up_ns = S(15 * 60),
		.breakglass_ns = S(60 * 60),
		.on_token_removed = LOGIN_REACT_LOCK,
		.on_expired = LOGIN_REACT_LOCK,
		.on_switched_away = LOGIN_REACT_LOCK,
	};
	mfa_rules_default(&ret_policy->mfa);
	memcpy(ret_policy->exemptions, default_exemptions,
	       sizeof(default_exemptions));
}

enum login_mode login_policy_mode(const struct login_policy *policy,
				  const char *boot_id, uint64_t boot_now_ns)
{
	if (policy->mode != LOGIN_MODE_ENFORCE ||
	    policy->trial_until_boot_ns == 0)
		return policy->mode;

	bool is_this_boot = span_equals(span_str(boot_id),
					span_str(policy->trial_boot_id));
	return is_this_boot && boot_now_ns < policy->trial_until_boot_ns
		       ? LOGIN_MODE_ENFORCE
		       : LOGIN_MODE_REPORT;
}

static bool is_exempt(const struct login_policy *policy,
		      const struct login_fact *fact)
{
	for (size_t i = 0; i < policy->exemption_count; i++) {
		const struct login_exemption *e = &policy->exemptions[i];

		bool is_service = span_equals_str(fact->service, e->service) ||
				  span_equals(span_str(e->service), SPAN("*"));

		if (is_service &&
		    (e->exe[0] == '\0' || span_equals_str(fact->exe, e->exe)) &&
		    fact->has_uid && fact->uid >= e->uid_min &&
		    fact->uid <= e->uid_max)
			return true;
	}
	return false;
}

unsigned login_console_tty(struct span tty)
{
	const struct span dev = SPAN("/dev/");
	const struct span prefix = SPAN("tty");

	if (span_starts_with(tty, dev))
		tty = span_skip(tty, dev.len);
	if (tty.len != prefix.len + 1 || !span_starts_with(tty, prefix))
		return 0;
	unsigned number = (unsigned)(unsigned char)tty.ptr[prefix.len] - '0';
	return number <= LOGIN_CONSOLE_TTY_MAX ? number : 0;
}

bool login_is_breakglass(const struct login_policy *policy,
			 const struct login_fact *fact)
{
	unsigned here = 1u << login_console_tty(fact->tty);
	unsigned ttys = policy->breakglass_ttys & LOGIN_CONSOLE_TTYS;

	if (!fact->has_uid || fact->rhost.len > 0)
		return false;
	if (fact->uid == 0)
		return policy->is_root_console_breakglass &&
		       (here & (ttys ? ttys : LOGIN_CONSOLE_TTYS)) != 0;
	return policy->breakglass_group[0] != '\0' &&
	       fact->is_breakglass_member && (ttys == 0 || (here & ttys) != 0);
}

void login_decide(const struct login_policy *policy,
		  const struct login_fact *fact, uint64_t boot_now_ns,
		  struct login_verdict *ret_verdict)
{
	enum login_mode mode = login_policy_mode(policy, fact->boot_id,
						 boot_now_ns);
	struct login_verdict verdict = {
		.outcome = LOGIN_DENY_FACTORS,
		.is_enforced = mode == LOGIN_MODE_ENFORCE,
	};

	mfa_count(&policy->mfa, fact->proofs, fact->proof_count, boot_now_ns,
		  &verdict.count);
	if (mode == LOGIN_MODE_OFF || is_exempt(policy, fact))
		verdict.outcome = LOGIN_ALLOW_EXEMPT;
	else if (!fact->has_uid)
		verdict.outcome = LOGIN_DENY_USER;
	else if (policy->is_remote_refused && fact->rhost.len > 0)
		verdict.outcome = LOGIN_DENY_REMOTE;
	else if (verdict.count.is_enough)
		verdict.outcome = LOGIN_ALLOW_FACTORS;
	else if (verdict.count.factors != 0 &&
		 login_is_breakglass(policy, fact))
		verdict.outcome = LOGIN_ALLOW_BREAKGLASS;
	*ret_verdict = verdict;
}
