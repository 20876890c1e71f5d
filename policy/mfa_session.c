/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One function a state, one switch over events in each. Leaving a state goes
 * through enter(), which stamps the time that all deadlines count from.
 */
#include "policy/mfa_session.h"

#include <assert.h>

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static const char *const state_names[] = {
	[MFA_STATE_NEW] = "new",
	[MFA_STATE_ATTESTED] = "attested",
	[MFA_STATE_EXEMPT] = "exempt",
	[MFA_STATE_GRANDFATHERED] = "grandfathered",
	[MFA_STATE_BREAKGLASS] = "breakglass",
	[MFA_STATE_LOCK_PENDING] = "lock-pending",
	[MFA_STATE_LOCKED] = "locked",
	[MFA_STATE_UNLOCK_CHECK] = "unlock-check",
	[MFA_STATE_VIOLATION] = "violation",
	[MFA_STATE_CLOSED] = "closed",
};
static_assert(COUNT(state_names) == MFA_STATE_COUNT, "every state is named");

static const char *const cause_names[] = {
	[MFA_CAUSE_NONE] = "none",
	[MFA_CAUSE_UNATTESTED] = "unattested",
	[MFA_CAUSE_TOKEN_REMOVED] = "token-removed",
	[MFA_CAUSE_MAX_AGE] = "max-age",
	[MFA_CAUSE_IDLE] = "idle",
	[MFA_CAUSE_SWITCHED_AWAY] = "switched-away",
	[MFA_CAUSE_DEMANDED] = "demanded",
	[MFA_CAUSE_USER] = "user",
	[MFA_CAUSE_LOCK_INEFFECTIVE] = "lock-ineffective",
	[MFA_CAUSE_UNLOCK_WITHOUT_MFA] = "unlock-without-mfa",
	[MFA_CAUSE_BREAKGLASS_EXPIRED] = "breakglass-expired",
};
static_assert(COUNT(cause_names) == MFA_CAUSE_COUNT, "every cause is named");

const char *mfa_state_to_str(enum mfa_state state)
{
	return (unsigned)state < MFA_STATE_COUNT ? state_names[state] : "new";
}

const char *mfa_cause_to_str(enum mfa_cause cause)
{
	return (unsigned)cause < MFA_CAUSE_COUNT ? cause_names[cause] : "none";
}

/* What one step works on. */
struct work {
	const struct login_policy *policy;
	enum login_mode mode;
	uint64_t now;
	struct mfa_session s;
	bool was_hint_locked; /* before this event */
	unsigned actions;
	unsigned notes;
};

static void enter(struct work *w, enum mfa_state state, enum mfa_cause cause)
{
	w->s.state = state;
	w->s.cause = cause;
	w->s.since_boot_ns = w->now;
}

static void attest(struct work *w, uint64_t proof_boot_ns, unsigned note)
{
	if (w->s.is_frozen)
		w->actions |= MFA_DO_THAW;
	w->s.is_frozen = false;
	w->s.is_stale = false;
	w->s.proof_boot_ns = proof_boot_ns;
	w->s.token_gone_boot_ns = 0;
	w->s.idle_boot_ns = 0;
	enter(w, MFA_STATE_ATTESTED, MFA_CAUSE_NONE);
	w->notes |= note;
}

/* A violation, with what policy has against it. Report mode only tells. */
static void violate(struct work *w, enum login_reaction reaction,
		    enum mfa_cause cause)
{
	enter(w, MFA_STATE_VIOLATION, cause);
	w->notes |= MFA_NOTE_VIOLATION;
	if (w->mode != LOGIN_MODE_ENFORCE)
		return;

	switch (reaction) {
	case LOGIN_REACT_TERMINATE:
	case LOGIN_REACT_COUNT:
		w->actions |= MFA_DO_TERMINATE;
		break;
	case LOGIN_REACT_FREEZE:
		w->actions |= MFA_DO_FREEZE;
		w->s.is_frozen = true;
		break;
	case LOGIN_REACT_LOCK:
		w->actions |= MFA_DO_LOCK;
		break;
	case LOGIN_REACT_REPORT:
		break;
	}
}

/* A good session that must prove itself again. */
static void demand(struct work *w, enum login_reaction reaction,
		   enum mfa_cause cause)
{
	if (w->mode != LOGIN_MODE_ENFORCE || reaction == LOGIN_REACT_REPORT) {
		w->notes |= MFA_NOTE_WOULD_LOCK;
		w->s.cause = cause;
		w->s.token_gone_boot_ns = 0;
		w->s.idle_boot_ns = 0;
		w->s.is_stale |= cause == MFA_CAUSE_MAX_AGE;
		return;
	}
	if (reaction == LOGIN_REACT_LOCK) {
		enter(w, MFA_STATE_LOCK_PENDING, cause);
		w->actions |= MFA_DO_LOCK;
		w->notes |= MFA_NOTE_LOCK_ASKED;
		return;
	}
	violate(w, reaction, cause);
}

/* Evidence that is younger than `after`, not stale, and enough to unlock. */
static bool is_evidence(const struct work *w, const struct mfa_event *event,
			uint64_t after)
{
	return event->kind == MFA_EVENT_EVIDENCE &&
	       event->proof_boot_ns >= after &&
	       event->proof_boot_ns <= w->now &&
	       w->now - event->proof_boot_ns <=
		       w->policy->mfa.evidence_ttl_ns &&
	       mfa_factors_count(event->factors) > 0 &&
	       mfa_factors_count(event->factors) >= w->policy->unlock_required;
}

static void on_bind(struct work *w, const struct mfa_event *event)
{
	w->s.proof_boot_ns = event->proof_boot_ns;
	switch (event->bind) {
	case MFA_BIND_FACTORS:
		attest(w, event->proof_boot_ns, MFA_NOTE_ATTESTED);
		break;
	case MFA_BIND_EXEMPT:
		enter(w, MFA_STATE_EXEMPT, MFA_CAUSE_NONE);
		w->notes |= MFA_NOTE_EXEMPT;
		break;
	case MFA_BIND_BREAKGLASS:
		enter(w, MFA_STATE_BREAKGLASS, MFA_CAUSE_NONE);
		w->notes |= MFA_NOTE_BREAKGLASS;
		break;
	case MFA_BIND_GRANDFATHERED:
		enter(w, MFA_STATE_GRANDFATHERED, MFA_CAUSE_NONE);
		break;
	case MFA_BIND_DENIED:
		violate(w, w->policy->on_unattested, MFA_CAUSE_UNATTESTED);
		break;
	}
}

static void lock_seen(struct work *w)
{
	enum mfa_cause cause = w->s.state == MFA_STATE_LOCK_PENDING
				       ? w->s.cause
				       : MFA_CAUSE_USER;

	enter(w, MFA_STATE_LOCKED, cause);
	w->notes |= MFA_NOTE_LOCKED;
}

static void step_attested(struct work *w, const struct mfa_event *event)
{
	/* Proof given behind a locked screen that opens much later is old. */
	bool is_late_unlock =
		event->kind == MFA_EVENT_UNLOCKED && w->was_hint_locked &&
		w->now - w->s.proof_boot_ns > w->policy->reauth_ns;

	if (event->kind == MFA_EVENT_LOCKED)
		lock_seen(w);
	else if (is_late_unlock)
		enter(w, MFA_STATE_UNLOCK_CHECK, MFA_CAUSE_USER);
	else if (event->kind == MFA_EVENT_DEMAND_LOCK)
		demand(w, LOGIN_REACT_LOCK, MFA_CAUSE_DEMANDED);
	else if (event->kind == MFA_EVENT_DEACTIVATED)
		demand(w, w->policy->on_switched_away, MFA_CAUSE_SWITCHED_AWAY);
	else if (event->kind == MFA_EVENT_TOKEN_REMOVED &&
		 w->s.token_gone_boot_ns == 0)
		w->s.token_gone_boot_ns = w->now;
	else if (event->kind == MFA_EVENT_TOKEN_INSERTED)
		w->s.token_gone_boot_ns = 0;
	else if (event->kind == MFA_EVENT_IDLE)
		w->s.idle_boot_ns = event->proof_boot_ns < w->now
					    ? event->proof_boot_ns
					    : w->now;
	else if (event->kind == MFA_EVENT_BUSY)
		w->s.idle_boot_ns = 0;
	else if (is_evidence(w, event, w->s.proof_boot_ns)) {
		uint64_t gone = w->s.token_gone_boot_ns;

		attest(w, event->proof_boot_ns, MFA_NOTE_STEPPED_UP);
		w->s.token_gone_boot_ns = gone;
	}
}

/*
 * LockedHint=yes moves on, but is no proof: such a session only stops being
 * asked to lock. What it may do stays suspended until evidence comes.
 */
static void step_lock_pending(struct work *w, const struct mfa_event *event)
{
	if (event->kind == MFA_EVENT_LOCKED)
		lock_seen(w);
	else if (is_evidence(w, event, w->s.since_boot_ns))
		attest(w, event->proof_boot_ns,
		       MFA_NOTE_ATTESTED | MFA_NOTE_UNLOCKED);
}

static void step_locked(struct work *w, const struct mfa_event *event)
{
	if (is_evidence(w, event, w->s.since_boot_ns))
		attest(w, event->proof_boot_ns,
		       MFA_NOTE_ATTESTED | MFA_NOTE_UNLOCKED);
	else if (event->kind == MFA_EVENT_UNLOCKED && !w->s.is_frozen)
		enter(w,
		      w->policy->accepts_any_locker ? MFA_STATE_ATTESTED
						    : MFA_STATE_UNLOCK_CHECK,
		      w->s.cause);
}

/* since_boot_ns is when it was unlocked; evidence may be a little older. */
static void step_unlock_check(struct work *w, const struct mfa_event *event)
{
	uint64_t after = w->s.since_boot_ns > w->policy->reauth_ns
				 ? w->s.since_boot_ns - w->policy->reauth_ns
				 : 0;

	if (is_evidence(w, event,
			after > w->s.proof_boot_ns ? after
						   : w->s.proof_boot_ns + 1))
		attest(w, event->proof_boot_ns,
		       MFA_NOTE_ATTESTED | MFA_NOTE_UNLOCKED);
	else if (event->kind == MFA_EVENT_LOCKED)
		enter(w, MFA_STATE_LOCKED, w->s.cause);
}

static void step_violation(struct work *w, const struct mfa_event *event)
{
	bool is_late_bind = w->s.cause == MFA_CAUSE_UNATTESTED &&
			    event->kind == MFA_EVENT_BIND &&
			    event->bind != MFA_BIND_DENIED;

	if (is_late_bind)
		on_bind(w, event);
	else if (is_evidence(w, event, w->s.since_boot_ns))
		attest(w, event->proof_boot_ns, MFA_NOTE_ATTESTED);
}

static void step_state(struct work *w, const struct mfa_event *event)
{
	switch (w->s.state) {
	case MFA_STATE_NEW:
		if (event->kind == MFA_EVENT_BIND)
			on_bind(w, event);
		break;
	case MFA_STATE_GRANDFATHERED:
		if (event->kind == MFA_EVENT_LOCKED)
			lock_seen(w);
		else if (is_evidence(w, event, w->s.since_boot_ns))
			attest(w, event->proof_boot_ns, MFA_NOTE_ATTESTED);
		break;
	case MFA_STATE_ATTESTED:
		step_attested(w, event);
		break;
	case MFA_STATE_LOCK_PENDING:
		step_lock_pending(w, event);
		break;
	case MFA_STATE_LOCKED:
		step_locked(w, event);
		break;
	case MFA_STATE_UNLOCK_CHECK:
		step_unlock_check(w, event);
		break;
	case MFA_STATE_VIOLATION:
		step_violation(w, event);
		break;
	case MFA_STATE_EXEMPT:
	case MFA_STATE_BREAKGLASS:
	case MFA_STATE_CLOSED:
	case MFA_STATE_COUNT:
		break;
	}
}

/* ---- deadlines --------------------------------------------------------- */

static void sooner(uint64_t *deadline, uint64_t start, uint64_t length)
{
	uint64_t at = start > UINT64_MAX - length ? UINT64_MAX : start + length;

	if (*deadline == 0 || at < *deadline)
		*deadline = at;
}

static uint64_t attested_deadline(const struct login_policy *policy,
				  const struct mfa_session *s,
				  enum mfa_cause *ret_cause)
{
	uint64_t deadline = 0;
	uint64_t before = 0;

	if (s->token_gone_boot_ns) {
		sooner(&deadline, s->token_gone_boot_ns, policy->debounce_ns);
		*ret_cause = MFA_CAUSE_TOKEN_REMOVED;
	}
	before = deadline;
	if (policy->max_age_ns && !s->is_stale)
		sooner(&deadline, s->proof_boot_ns, policy->max_age_ns);
	if (deadline != before)
		*ret_cause = MFA_CAUSE_MAX_AGE;
	before = deadline;
	if (policy->idle_ns && s->idle_boot_ns)
		sooner(&deadline, s->idle_boot_ns, policy->idle_ns);
	if (deadline != before)
		*ret_cause = MFA_CAUSE_IDLE;
	return deadline;
}

uint64_t mfa_session_deadline(const struct login_policy *policy,
			      const struct mfa_session *session)
{
	enum mfa_cause cause = MFA_CAUSE_NONE;
	uint64_t deadline = 0;

	switch (session->state) {
	case MFA_STATE_NEW:
		sooner(&deadline, session->since_boot_ns, policy->bind_ns);
		break;
	case MFA_STATE_ATTESTED:
		deadline = attested_deadline(policy, session, &cause);
		break;
	case MFA_STATE_BREAKGLASS:
		sooner(&deadline, session->since_boot_ns,
		       policy->breakglass_ns);
		break;
	case MFA_STATE_LOCK_PENDING:
		sooner(&deadline, session->since_boot_ns, policy->lock_ns);
		break;
	case MFA_STATE_UNLOCK_CHECK:
		sooner(&deadline, session->since_boot_ns, policy->reauth_ns);
		break;
	case MFA_STATE_EXEMPT:
	case MFA_STATE_GRANDFATHERED:
	case MFA_STATE_LOCKED:
	case MFA_STATE_VIOLATION:
	case MFA_STATE_CLOSED:
	case MFA_STATE_COUNT:
		break;
	}
	return deadline;
}

static void expire_attested(struct work *w)
{
	const struct login_policy *p = w->policy;
	enum mfa_cause cause = MFA_CAUSE_NONE;

	(void)attested_deadline(p, &w->s, &cause); /* for the cause */
	if (cause == MFA_CAUSE_TOKEN_REMOVED) {
		w->notes |= MFA_NOTE_TOKEN_REMOVED;
		demand(w, p->on_token_removed, cause);
	} else {
		w->notes |= MFA_NOTE_EXPIRED;
		demand(w, p->on_expired, cause);
	}
}

/* Applies the deadline that has passed; the next one counts from now. */
static void expire(struct work *w)
{
	const struct login_policy *p = w->policy;
	uint64_t deadline = mfa_session_deadline(p, &w->s);

	if (deadline == 0 || w->now < deadline)
		return;
	switch (w->s.state) {
	case MFA_STATE_NEW:
		violate(w, p->on_unattested, MFA_CAUSE_UNATTESTED);
		break;
	case MFA_STATE_ATTESTED:
		expire_attested(w);
		break;
	case MFA_STATE_BREAKGLASS:
		violate(w, p->on_breakglass_expired,
			MFA_CAUSE_BREAKGLASS_EXPIRED);
		break;
	case MFA_STATE_LOCK_PENDING:
		violate(w, p->on_lock_ineffective, MFA_CAUSE_LOCK_INEFFECTIVE);
		break;
	case MFA_STATE_UNLOCK_CHECK:
		violate(w, p->on_unlock_without_mfa,
			MFA_CAUSE_UNLOCK_WITHOUT_MFA);
		break;
	case MFA_STATE_EXEMPT:
	case MFA_STATE_GRANDFATHERED:
	case MFA_STATE_LOCKED:
	case MFA_STATE_VIOLATION:
	case MFA_STATE_CLOSED:
	case MFA_STATE_COUNT:
		break;
	}
}

struct mfa_session mfa_session_start(bool is_active, bool is_remote,
				     uint64_t boot_now_ns)
{
	return (struct mfa_session){
		.state = MFA_STATE_NEW,
		.since_boot_ns = boot_now_ns,
		.is_active = is_active,
		.is_remote = is_remote,
	};
}

/* Facts about the session that hold in every state. */
static void take_facts(struct mfa_session *s, const struct mfa_event *event)
{
	if (event->kind == MFA_EVENT_LOCKED)
		s->is_hint_locked = true;
	else if (event->kind == MFA_EVENT_UNLOCKED)
		s->is_hint_locked = false;
	else if (event->kind == MFA_EVENT_ACTIVATED)
		s->is_active = true;
	else if (event->kind == MFA_EVENT_DEACTIVATED)
		s->is_active = false;
}

struct mfa_step mfa_session_step(const struct login_policy *policy,
				 enum login_mode mode,
				 const struct mfa_session *session,
				 const struct mfa_event *event,
				 uint64_t boot_now_ns)
{
	struct work w = {
		.policy = policy,
		.mode = mode,
		.now = boot_now_ns,
		.s = *session,
		.was_hint_locked = session->is_hint_locked,
	};

	if (w.s.state == MFA_STATE_CLOSED)
		return (struct mfa_step){.session = w.s};

	/* A record that was there in time is good, however late it is read. */
	bool is_bind_late = w.s.state == MFA_STATE_NEW &&
			    event->kind == MFA_EVENT_BIND;
	if (event->kind == MFA_EVENT_REMOVED) {
		enter(&w, MFA_STATE_CLOSED, w.s.cause);
		w.notes |= MFA_NOTE_CLOSED;
	} else {
		if (!is_bind_late)
			expire(&w);
		take_facts(&w.s, event);
		step_state(&w, event);
	}

	/* Media follow the right, whatever changed it. */
	w.s.is_granting = mfa_session_grants(policy, &w.s, w.now);
	if (session->is_granting && !w.s.is_granting)
		w.actions |= MFA_DO_SUSPEND_MEDIA;
	if (!session->is_granting && w.s.is_granting)
		w.actions |= MFA_DO_RESUME_MEDIA;
	return (struct mfa_step){w.s, w.actions, w.notes};
}

bool mfa_session_grants(const struct login_policy *policy,
			const struct mfa_session *session, uint64_t boot_now_ns)
{
	if (session->state != MFA_STATE_ATTESTED || !session->is_active ||
	    session->is_remote || session->is_hint_locked ||
	    session->is_frozen || session->is_stale)
		return false;
	return boot_now_ns >= session->proof_boot_ns &&
	       (policy->max_age_ns == 0 ||
		boot_now_ns - session->proof_boot_ns < policy->max_age_ns);
}

bool mfa_session_is_fresh(const struct login_policy *policy,
			  const struct mfa_session *session,
			  uint64_t boot_now_ns)
{
	return mfa_session_grants(policy, session, boot_now_ns) &&
	       boot_now_ns - session->proof_boot_ns < policy->step_up_ns;
}
