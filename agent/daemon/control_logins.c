/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions to dictionaries. A key that is not known is left out. */
#include "agent/daemon/control_logins.h"

#include <errno.h>
#include <string.h>

#include "agent/base/clock.h"
#include "agent/daemon/answer.h"
#include "agent/daemon/context.h"
#include "agent/daemon/login_loop.h"

#define TEXT_MAX 512

static void put_modules(struct answer *answer, const struct login_record *from)
{
	char text[TEXT_MAX] = "";
	size_t used = 0;

	for (size_t i = 0; i < from->proof_count; i++) {
		int n = snprintf(text + used, sizeof(text) - used, "%s%s",
				 used ? " " : "", from->proofs[i].module);
		if (n > 0 && used + (size_t)n < sizeof(text))
			used += (size_t)n;
	}
	answer_put_text(answer, "modules", text);
}

/* Our clock to the wall's, for people. */
static uint64_t wall_ms_of(uint64_t boot_ns, uint64_t boot_now_ns)
{
	uint64_t wall_now_ms = clock_wall_ns() / NS_PER_MS;
	uint64_t ago_ms = boot_ns < boot_now_ns
				  ? (boot_now_ns - boot_ns) / NS_PER_MS
				  : 0;

	return ago_ms < wall_now_ms ? wall_now_ms - ago_ms : 0;
}

static void put_state(struct answer *answer, const struct logins *logins,
		      const struct login_entry *entry, uint64_t now)
{
	const struct login_policy *policy = logins_policy(logins);
	const struct mfa_session *mfa = &entry->mfa;
	char factors[MFA_FACTORS_STR_SIZE];

	if (logins_mode(logins, now) == LOGIN_MODE_OFF)
		return;
	answer_put_text(answer, "state", mfa_state_to_str(mfa->state));
	if (mfa->cause != MFA_CAUSE_NONE)
		answer_put_text(answer, "cause", mfa_cause_to_str(mfa->cause));
	answer_put_u64(answer, "since", wall_ms_of(mfa->since_boot_ns, now));
	mfa_factors_to_str(entry->factors, factors);
	answer_put_text(answer, "factors", factors);
	if (mfa->proof_boot_ns != 0) {
		answer_put_u64(answer, "proof",
			       wall_ms_of(mfa->proof_boot_ns, now));
		answer_put_u64(answer, "proof-age",
			       mfa->proof_boot_ns < now
				       ? (now - mfa->proof_boot_ns) / NS_PER_S
				       : 0);
	}
	answer_put_bool(answer, "media", mfa_session_grants(policy, mfa, now));
	answer_put_bool(answer, "fresh",
			mfa_session_is_fresh(policy, mfa, now));
	uint64_t deadline = mfa_session_deadline(policy, mfa);
	if (deadline != 0)
		answer_put_u64(answer, "deadline",
			       deadline > now ? (deadline - now) / NS_PER_S
					      : 0);
}

static void put_entry(struct answer *answer, const struct logins *logins,
		      const struct login_entry *entry, uint64_t now)
{
	const struct login_session *s = &entry->session;

	answer_open(answer, "{sv}");
	answer_put_text(answer, "session", s->id);
	answer_put_text(answer, "user", s->user);
	answer_put_u32(answer, "uid", s->uid);
	answer_put_text(answer, "service", s->service);
	answer_put_text(answer, "seat", s->seat);
	answer_put_text(answer, "tty", s->tty);
	answer_put_text(answer, "type", s->type);
	answer_put_text(answer, "class", s->class_name);
	answer_put_text(answer, "host", s->rhost);
	answer_put_u32(answer, "leader", s->leader);
	answer_put_bool(answer, "active", s->is_active);
	answer_put_bool(answer, "remote", s->is_remote);
	answer_put_bool(answer, "locked-hint", s->is_hint_locked);
	answer_put_bool(answer, "recorded", entry->has_record);
	put_state(answer, logins, entry, now);
	if (entry->has_record)
		put_modules(answer, &entry->record);
	answer_close(answer);
}

int answer_logins(struct daemon *daemon, sd_bus_message *reply)
{
	const struct logins *logins = login_loop_logins(daemon->logins);
	struct answer answer = {.reply = reply};
	uint64_t now = clock_boot_ns();

	answer_open(&answer, "a{sv}");
	for (const struct login_entry *e = logins_first(logins);
	     e && answer.error == 0; e = e->next)
		put_entry(&answer, logins, e, now);
	answer_close(&answer);
	return answer.error;
}

int answer_login_mode(struct daemon *daemon, sd_bus_message *reply)
{
	const struct logins *logins = login_loop_logins(daemon->logins);
	const struct login_policy *policy = logins_policy(logins);
	const struct login_switch *turned = login_loop_switch(daemon->logins);
	const char *error = daemon->failures.detail[FAILURE_LOGIN_POLICY];
	struct answer answer = {.reply = reply};
	uint64_t now = clock_boot_ns();

	answer_open(&answer, "{sv}");
	answer_put_text(&answer, "mode",
			login_mode_to_str(logins_mode(logins, now)));
	answer_put_bool(&answer, "switch", turned->mode == LOGIN_MODE_ENFORCE);
	if (policy->trial_until_boot_ns > now)
		answer_put_u64(&answer, "trial",
			       (policy->trial_until_boot_ns - now) / NS_PER_S);
	answer_put_u32(&answer, "required", policy->mfa.required);
	answer_put_bool(&answer, "breakglass",
			login_policy_has_breakglass(policy));
	answer_put_u64(&answer, "policy-serial", policy->serial);
	if (daemon->failures.active[FAILURE_LOGIN_POLICY])
		answer_put_text(&answer, "error", error);
	answer_close(&answer);
	return answer.error;
}
