/* SPDX-License-Identifier: Apache-2.0 */
/* Steps to events. Kinds of factors and names of modules; never a secret. */
#include "agent/base/clock.h"
#include "agent/daemon/logins_parts.h"

struct telling {
	struct logins *logins;
	struct record record;
	struct record_actor actor;
	struct record_policy policy;
	struct record_proof proofs[MFA_PROOFS_MAX];
};

static enum record_reason reason_of(enum mfa_cause cause)
{
	switch (cause) {
	case MFA_CAUSE_UNATTESTED:
		return RECORD_REASON_LOGIN_UNATTESTED;
	case MFA_CAUSE_TOKEN_REMOVED:
		return RECORD_REASON_LOGIN_TOKEN;
	case MFA_CAUSE_MAX_AGE:
		return RECORD_REASON_LOGIN_MAX_AGE;
	case MFA_CAUSE_IDLE:
		return RECORD_REASON_LOGIN_IDLE;
	case MFA_CAUSE_SWITCHED_AWAY:
		return RECORD_REASON_LOGIN_SWITCHED;
	case MFA_CAUSE_DEMANDED:
		return RECORD_REASON_LOGIN_DEMANDED;
	case MFA_CAUSE_USER:
		return RECORD_REASON_LOGIN_BY_USER;
	case MFA_CAUSE_LOCK_INEFFECTIVE:
		return RECORD_REASON_LOGIN_LOCK;
	case MFA_CAUSE_UNLOCK_WITHOUT_MFA:
		return RECORD_REASON_LOGIN_UNLOCK;
	case MFA_CAUSE_BREAKGLASS_EXPIRED:
		return RECORD_REASON_LOGIN_BREAKGLASS;
	case MFA_CAUSE_NONE:
	case MFA_CAUSE_COUNT:
		break;
	}
	return RECORD_REASON_NONE;
}

static const char *reaction_of(unsigned int actions)
{
	if (actions & MFA_DO_TERMINATE)
		return "terminate";
	if (actions & MFA_DO_FREEZE)
		return "freeze";
	if (actions & MFA_DO_LOCK)
		return "lock";
	return "report";
}

static void take_proofs(struct telling *t, const struct login_record *from)
{
	struct record_login *login = &t->record.u.login;

	for (size_t i = 0; i < from->proof_count; i++)
		t->proofs[i] = (struct record_proof){
			.factors = from->proofs[i].factors,
			.module = from->proofs[i].module,
			.quality = mfa_quality_to_str(from->proofs[i].quality),
		};
	login->proofs = t->proofs;
	login->proof_count = from->proof_count;
	login->factors = from->factors;
}

static void start(struct telling *t, struct logins *logins, uint64_t now)
{
	*t = (struct telling){.logins = logins};
	t->record.actor = &t->actor;
	t->record.decision.layer = "login";
	t->record.u.login.mode = login_mode_to_str(logins_mode(logins, now));
}

static void about_session(struct telling *t, const struct login_entry *entry,
			  uint64_t now)
{
	const struct login_session *s = &entry->session;
	struct record_login *login = &t->record.u.login;
	uint64_t proof = entry->mfa.proof_boot_ns;

	t->actor = (struct record_actor){
		.user = s->user,
		.has_uid = true,
		.uid = s->uid,
		.session = s->id,
		.tty = s->tty,
		.wall_since_ms = (int64_t)(s->wall_since_us / 1000),
		.is_remote = s->is_remote ? RECORD_YES : RECORD_NO,
		.is_mfa = entry->mfa.state == MFA_STATE_ATTESTED ? RECORD_YES
								 : RECORD_NO,
	};
	if (entry->has_record)
		take_proofs(t, &entry->record);
	login->factors = entry->factors;
	login->service = s->service;
	login->rhost = s->rhost;
	login->state = mfa_state_to_str(entry->mfa.state);
	if (entry->mfa.cause != MFA_CAUSE_NONE)
		login->trigger = mfa_cause_to_str(entry->mfa.cause);
	t->record.decision.reason = reason_of(entry->mfa.cause);
	if (proof != 0 && proof <= now) {
		login->has_proof_age = true;
		login->proof_age_s = (now - proof) / NS_PER_S;
	}
}

/* What is only reported must not read as if it had been done: the event is one
 * of a policy that watches, whatever the rest of it enforces. */
static void only_observed(struct telling *t)
{
	const struct logins_options *options = &t->logins->options;

	t->policy = (struct record_policy){.serial = t->logins->policy.serial};
	if (options->policy)
		t->policy = options->policy(options->userdata);
	t->policy.mode = RECORD_MODE_MONITOR;
	t->record.policy = &t->policy;
}

static void emit(struct telling *t, enum record_code code)
{
	const struct record_sink *sink = &t->logins->options.sink;

	t->record.code = code;
	sink->emit(sink->userdata, &t->record);
}

void logins_tell(struct logins *logins, const struct login_entry *entry,
		 const struct mfa_step *step, uint64_t boot_now_ns)
{
	static const struct {
		unsigned int note;
		enum record_code code;
	} rows[] = {
		{MFA_NOTE_BREAKGLASS, RECORD_MFA_BREAKGLASS_USED},
		{MFA_NOTE_TOKEN_REMOVED, RECORD_MFA_TOKEN_REMOVED},
		{MFA_NOTE_STEPPED_UP, RECORD_MFA_STEPUP_OK},
		{MFA_NOTE_UNLOCKED, RECORD_MFA_SESSION_UNLOCKED},
		{MFA_NOTE_LOCK_ASKED, RECORD_MFA_SESSION_LOCKED},
		{MFA_NOTE_WOULD_LOCK, RECORD_MFA_SESSION_LOCKED},
		{MFA_NOTE_VIOLATION, RECORD_MFA_SESSION_VIOLATION},
		{MFA_NOTE_CLOSED, RECORD_MFA_SESSION_ENDED},
	};
	unsigned int notes = step->notes;
	struct telling t;

	if (notes == 0)
		return;
	start(&t, logins, boot_now_ns);
	about_session(&t, entry, boot_now_ns);
	t.record.u.login.reaction = reaction_of(step->actions);
	if ((notes & MFA_NOTE_ATTESTED) && !(notes & MFA_NOTE_UNLOCKED))
		emit(&t, RECORD_MFA_SESSION_OK);
	/* Our own lock was told when it was asked for */
	if ((notes & MFA_NOTE_LOCKED) && entry->mfa.cause == MFA_CAUSE_USER)
		emit(&t, RECORD_MFA_SESSION_LOCKED);
	if ((notes & MFA_NOTE_WOULD_LOCK) ||
	    ((notes & MFA_NOTE_VIOLATION) &&
	     (step->actions &
	      (MFA_DO_LOCK | MFA_DO_FREEZE | MFA_DO_TERMINATE)) == 0))
		only_observed(&t);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (notes & rows[i].note)
			emit(&t, rows[i].code);
}

void logins_tell_denied(struct logins *logins, const struct login_record *from,
			uint64_t boot_now_ns)
{
	struct telling t;

	start(&t, logins, boot_now_ns);
	take_proofs(&t, from);
	t.actor = (struct record_actor){
		.user = from->user,
		.has_uid = from->uid != UINT32_MAX,
		.uid = from->uid,
		.tty = from->tty,
		.is_remote = from->rhost[0] ? RECORD_YES : RECORD_NO,
		.is_mfa = RECORD_NO,
	};
	t.record.u.login.service = from->service;
	t.record.u.login.rhost = from->rhost;
	t.record.u.login.phase = from->phase;
	t.record.u.login.mode = from->is_enforced ? "enforce" : "report";
	t.record.decision.reason = from->outcome == LOGIN_DENY_REMOTE
					   ? RECORD_REASON_LOGIN_REMOTE
				   : from->outcome == LOGIN_DENY_USER
					   ? RECORD_REASON_LOGIN_USER
					   : RECORD_REASON_LOGIN_FACTORS;
	if (!from->is_enforced)
		only_observed(&t);
	emit(&t, RECORD_MFA_SESSION_DENIED);
}

void logins_tell_step_up_denied(struct logins *logins,
				const struct login_entry *entry,
				uint64_t boot_now_ns)
{
	struct telling t;

	start(&t, logins, boot_now_ns);
	about_session(&t, entry, boot_now_ns);
	t.record.decision.reason = RECORD_REASON_LOGIN_FACTORS;
	emit(&t, RECORD_MFA_STEPUP_DENIED);
}

void logins_tell_mode(struct logins *logins, enum login_mode mode)
{
	struct telling t = {.logins = logins};

	t.record.u.login.mode = login_mode_to_str(mode);
	emit(&t, RECORD_MFA_MODE_CHANGED);
}
