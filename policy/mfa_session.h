/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mfa_session: the life of one logind session as a pure state machine:
 * (policy, session, event, now) → (session, actions, notes). It knows no bus,
 * no pid and no clock; every time is CLOCK_BOOTTIME, so that suspend counts.
 *
 * What it must never do: take LockedHint for a proof of being locked (any
 * process of the user can set it), or let anything but fresh evidence of root's
 * side make a session good again. Putting a token back is not evidence.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "policy/mfa_login.h"

enum mfa_state {
	MFA_STATE_NEW = 0, /* seen, no record of a gate yet */
	MFA_STATE_ATTESTED,
	MFA_STATE_EXEMPT,	 /* not a person's session */
	MFA_STATE_GRANDFATHERED, /* older than this program: until its lock */
	MFA_STATE_BREAKGLASS,
	MFA_STATE_LOCK_PENDING, /* lock asked for, not seen */
	MFA_STATE_LOCKED,
	MFA_STATE_UNLOCK_CHECK, /* unlocked, evidence awaited */
	MFA_STATE_VIOLATION,
	MFA_STATE_CLOSED,
	MFA_STATE_COUNT,
};

const char *mfa_state_to_str(enum mfa_state state);

/* Why a session was locked or is in violation. */
enum mfa_cause {
	MFA_CAUSE_NONE = 0,
	MFA_CAUSE_UNATTESTED,
	MFA_CAUSE_TOKEN_REMOVED,
	MFA_CAUSE_MAX_AGE,
	MFA_CAUSE_IDLE,
	MFA_CAUSE_SWITCHED_AWAY,
	MFA_CAUSE_DEMANDED, /* policy or helpdesk */
	MFA_CAUSE_USER,	    /* locked by the person */
	MFA_CAUSE_LOCK_INEFFECTIVE,
	MFA_CAUSE_UNLOCK_WITHOUT_MFA,
	MFA_CAUSE_BREAKGLASS_EXPIRED,
	MFA_CAUSE_COUNT,
};

const char *mfa_cause_to_str(enum mfa_cause cause);

enum mfa_event_kind {
	MFA_EVENT_TICK = 0,	 /* a deadline was reached */
	MFA_EVENT_BIND,		 /* a record matches leader and start time */
	MFA_EVENT_EVIDENCE,	 /* root-side proof for this session's user */
	MFA_EVENT_TOKEN_REMOVED, /* the token of this session's login */
	MFA_EVENT_TOKEN_INSERTED,
	MFA_EVENT_LOCKED,   /* LockedHint became yes */
	MFA_EVENT_UNLOCKED, /* LockedHint became no */
	MFA_EVENT_IDLE,
	MFA_EVENT_BUSY,
	MFA_EVENT_ACTIVATED, /* in the foreground of its seat */
	MFA_EVENT_DEACTIVATED,
	MFA_EVENT_DEMAND_LOCK,
	MFA_EVENT_REMOVED, /* logind: SessionRemoved */
	MFA_EVENT_COUNT,
};

enum mfa_bind {
	MFA_BIND_FACTORS = 0,
	MFA_BIND_EXEMPT,
	MFA_BIND_BREAKGLASS,
	MFA_BIND_GRANDFATHERED,
	MFA_BIND_DENIED, /* report mode: it went on with too few factors */
};

struct mfa_event {
	enum mfa_event_kind kind;
	enum mfa_bind bind;	/* BIND */
	unsigned factors;	/* EVIDENCE: kinds proven */
	uint64_t proof_boot_ns; /* BIND, EVIDENCE; IDLE: since when */
};

/* Zeroed: a session just seen that holds no rights. */
struct mfa_session {
	enum mfa_state state;
	enum mfa_cause cause;
	uint64_t since_boot_ns; /* in this state */
	uint64_t proof_boot_ns;
	uint64_t token_gone_boot_ns; /* 0: in place */
	uint64_t idle_boot_ns;	     /* 0: busy */
	bool is_active;
	bool is_remote;
	bool is_hint_locked;
	bool is_frozen;
	bool is_stale;	  /* report mode: too old, told once */
	bool is_granting; /* media were granted at the last step */
};

/* What the caller is to do, in this order. Bits. */
enum mfa_action {
	MFA_DO_SUSPEND_MEDIA = 1u << 0,
	MFA_DO_LOCK = 1u << 1,
	MFA_DO_FREEZE = 1u << 2,
	MFA_DO_TERMINATE = 1u << 3,
	MFA_DO_THAW = 1u << 4,
	MFA_DO_RESUME_MEDIA = 1u << 5,
};

/* What is to be recorded. Bits; the cause is in the session. */
enum mfa_note {
	MFA_NOTE_ATTESTED = 1u << 0,
	MFA_NOTE_EXEMPT = 1u << 1,
	MFA_NOTE_BREAKGLASS = 1u << 2,
	MFA_NOTE_LOCK_ASKED = 1u << 3,
	MFA_NOTE_LOCKED = 1u << 4,
	MFA_NOTE_UNLOCKED = 1u << 5,
	MFA_NOTE_TOKEN_REMOVED = 1u << 6,
	MFA_NOTE_EXPIRED = 1u << 7,
	MFA_NOTE_STEPPED_UP = 1u << 8,
	MFA_NOTE_VIOLATION = 1u << 9,
	MFA_NOTE_WOULD_LOCK = 1u << 10, /* report mode */
	MFA_NOTE_CLOSED = 1u << 11,
};

struct mfa_step {
	struct mfa_session session;
	unsigned actions; /* enum mfa_action */
	unsigned notes;	  /* enum mfa_note */
};

/* A session that logind shows at `boot_now_ns`. */
struct mfa_session mfa_session_start(bool is_active, bool is_remote,
				     uint64_t boot_now_ns);

/*
 * One event. Deadlines that have passed are applied first, so that an event
 * after a suspend cannot slip in before them. Total: an event that means
 * nothing in a state changes nothing. `mode` is login_policy_mode() of now.
 */
struct mfa_step mfa_session_step(const struct login_policy *policy,
				 enum login_mode mode,
				 const struct mfa_session *session,
				 const struct mfa_event *event,
				 uint64_t boot_now_ns)
	__attribute__((nonnull, warn_unused_result));

/* When MFA_EVENT_TICK is due; 0: nothing is waited for. */
uint64_t mfa_session_deadline(const struct login_policy *policy,
			      const struct mfa_session *session)
	__attribute__((nonnull));

/*
 * Whether media and devices may be granted on account of this session now:
 * attested, active, local, not locked, proof not too old.
 */
bool mfa_session_grants(const struct login_policy *policy,
			const struct mfa_session *session, uint64_t boot_now_ns)
	__attribute__((nonnull));

/* As above with a proof younger than the step-up age. */
bool mfa_session_is_fresh(const struct login_policy *policy,
			  const struct mfa_session *session,
			  uint64_t boot_now_ns) __attribute__((nonnull));
