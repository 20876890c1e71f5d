/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mfa_login: may this login go on? The compiled login family of the policy
 * and the decision that the PAM module takes alone, with or without a daemon.
 * Pure: facts are complete before it is asked.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/mfa.h"
#include "policy/span.h"

#define LOGIN_NAME_MAX_BYTES  63
#define LOGIN_PATH_MAX_BYTES  127
#define LOGIN_BOOT_ID_SIZE    37 /* a UUID and its NUL */
#define LOGIN_EXEMPTIONS_MAX  32
#define LOGIN_UID_MAX	      UINT32_MAX
#define LOGIN_CONSOLE_TTY_MAX 6 /* tty1..tty6 are the physical console */
#define LOGIN_CONSOLE_TTYS    0x7eu

/* Enforce is 0. */
enum login_mode {
	LOGIN_MODE_ENFORCE = 0,
	LOGIN_MODE_REPORT, /* judge and record, refuse nobody */
	LOGIN_MODE_OFF,
	LOGIN_MODE_COUNT,
};

const char *login_mode_to_str(enum login_mode mode);
bool login_mode_from_str(struct span text, enum login_mode *ret_mode)
	__attribute__((nonnull, warn_unused_result));

/* What is done about a session; see mfa_session.h. Terminate is 0. */
enum login_reaction {
	LOGIN_REACT_TERMINATE = 0,
	LOGIN_REACT_FREEZE, /* keeps the work, stops the hand */
	LOGIN_REACT_LOCK,
	LOGIN_REACT_REPORT,
	LOGIN_REACT_COUNT,
};

const char *login_reaction_to_str(enum login_reaction reaction);
bool login_reaction_from_str(struct span text, enum login_reaction *ret_react)
	__attribute__((nonnull, warn_unused_result));

/*
 * A service that logs nobody in: cron, the greeter, su inside a session that
 * proved itself. All parts must hold; an empty exe is any, service "*" too.
 */
struct login_exemption {
	char service[LOGIN_NAME_MAX_BYTES + 1];
	char exe[LOGIN_PATH_MAX_BYTES + 1];
	uint32_t uid_min;
	uint32_t uid_max;
};

/* The login family, compiled. Plain values, so that it can be copied. */
struct login_policy {
	enum login_mode mode;
	/*
	 * Enforcement on trial: report again after this CLOCK_BOOTTIME, or in
	 * another boot. 0: no trial. Needs no daemon to roll back.
	 */
	uint64_t trial_until_boot_ns;
	char trial_boot_id[LOGIN_BOOT_ID_SIZE];
	uint64_t serial; /* of the policy it was compiled from */
	char contact[LOGIN_PATH_MAX_BYTES + 1]; /* told with a refusal */
	struct mfa_rules mfa;
	bool is_remote_refused;
	bool is_root_console_breakglass;
	char breakglass_group[LOGIN_NAME_MAX_BYTES + 1]; /* "": none */
	/* Bit n: ttyn. 0: root on any physical console, members anywhere here. */
	unsigned breakglass_ttys;
	struct login_exemption exemptions[LOGIN_EXEMPTIONS_MAX];
	size_t exemption_count;

	/* For sessions: mfa_session.h. */
	unsigned unlock_required; /* kinds that unlock a session */
	bool accepts_any_locker; /* an unlock needs no evidence of root's side */
	uint64_t bind_ns;
	uint64_t lock_ns;
	uint64_t reauth_ns;
	uint64_t debounce_ns;
	uint64_t max_age_ns; /* 0: none */
	uint64_t idle_ns;    /* 0: none */
	uint64_t step_up_ns;
	uint64_t breakglass_ns;
	enum login_reaction on_unattested;
	enum login_reaction on_lock_ineffective;
	enum login_reaction on_unlock_without_mfa;
	enum login_reaction on_breakglass_expired;
	enum login_reaction on_token_removed;
	enum login_reaction on_expired; /* maximum age, idle */
	enum login_reaction on_switched_away;
};

/*
 * What holds where no policy can be read and none is kept: two kinds are
 * asked, root on the physical console may break the glass, and the services
 * that log nobody in go on.
 */
void login_policy_default(struct login_policy *ret_policy)
	__attribute__((nonnull));

/* n of "ttyn" or "/dev/ttyn" where that is a physical console, else 0. */
unsigned login_console_tty(struct span tty);

/* The mode now, with a trial that ran out taken into account. */
enum login_mode login_policy_mode(const struct login_policy *policy,
				  const char *boot_id, uint64_t boot_now_ns)
	__attribute__((nonnull));

/* A login as it stands at a gate. Spans are borrowed, empty: not known. */
struct login_fact {
	struct span service;
	struct span tty;   /* "tty1", "/dev/tty1", ":0" */
	struct span rhost; /* empty: local */
	struct span exe;   /* the program that asks */
	bool has_uid;	   /* the user exists */
	uint32_t uid;
	bool is_breakglass_member; /* of the local group; ask only if needed */
	const char *boot_id;
	const struct mfa_proof *proofs;
	size_t proof_count;
};

/* Deny is 0. */
enum login_outcome {
	LOGIN_DENY_FACTORS = 0, /* not enough kinds proven */
	LOGIN_DENY_REMOTE,	/* policy refuses remote logins */
	LOGIN_DENY_USER,	/* there is no such user */
	LOGIN_ALLOW_FACTORS,
	LOGIN_ALLOW_BREAKGLASS, /* one factor, short, no media, critical */
	LOGIN_ALLOW_EXEMPT,	/* not a login, or mode off */
	LOGIN_OUTCOME_COUNT,
};

const char *login_outcome_to_str(enum login_outcome outcome);
bool login_outcome_from_str(struct span text, enum login_outcome *ret_outcome)
	__attribute__((nonnull, warn_unused_result));

static inline bool login_outcome_is_allow(enum login_outcome outcome)
{
	return outcome >= LOGIN_ALLOW_FACTORS && outcome < LOGIN_OUTCOME_COUNT;
}

struct login_verdict {
	enum login_outcome outcome;
	bool is_enforced; /* false: report mode, a denial is only told */
	struct mfa_count count;
};

/* Decides. Total, no allocation. */
void login_decide(const struct login_policy *policy,
		  const struct login_fact *fact, uint64_t boot_now_ns,
		  struct login_verdict *ret_verdict) __attribute__((nonnull));

/*
 * Whether the person may break the glass: root on the physical console, or a
 * local member of the sealed group, never from another machine. Factors are
 * not asked here.
 */
bool login_is_breakglass(const struct login_policy *policy,
			 const struct login_fact *fact)
	__attribute__((nonnull));
