/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sessions as stories: a row is an event at a second, and what must have come
 * of it. Times are CLOCK_BOOTTIME; a suspend is a jump.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "policy/mfa_session.h"

#define S     UINT64_C(1000000000)
#define START (10000 * S)
#define ANY   0xffffffffu /* actions: not looked at */

struct step {
	double at; /* seconds after the session began */
	struct mfa_event event;
	enum mfa_state state;
	enum mfa_cause cause;
	unsigned actions;
};

#define TICK                                                                   \
	{                                                                      \
		.kind = MFA_EVENT_TICK                                         \
	}
#define EV(k)                                                                  \
	{                                                                      \
		.kind = MFA_EVENT_##k                                          \
	}
#define BIND(b, at_)                                                           \
	{                                                                      \
		.kind = MFA_EVENT_BIND, .bind = MFA_BIND_##b,                  \
		.proof_boot_ns = START + (at_)*S                               \
	}
#define PROOF(at_)                                                             \
	{                                                                      \
		.kind = MFA_EVENT_EVIDENCE,                                    \
		.factors = MFA_KNOWLEDGE | MFA_POSSESSION,                     \
		.proof_boot_ns = START + (at_)*S                               \
	}
#define ONE(at_)                                                               \
	{                                                                      \
		.kind = MFA_EVENT_EVIDENCE, .factors = MFA_KNOWLEDGE,          \
		.proof_boot_ns = START + (at_)*S                               \
	}

#define SUSPEND	  MFA_DO_SUSPEND_MEDIA
#define RESUME	  MFA_DO_RESUME_MEDIA
#define LOCK	  MFA_DO_LOCK
#define TERMINATE MFA_DO_TERMINATE

static struct mfa_session tell(const struct login_policy *policy,
			       enum login_mode mode, const struct step *steps,
			       size_t count)
{
	struct mfa_session session = mfa_session_start(true, false, START);

	for (size_t i = 0; i < count; i++) {
		const struct step *step = &steps[i];
		uint64_t now = START + (uint64_t)(step->at * 1e9);
		struct mfa_step got = mfa_session_step(policy, mode, &session,
						       &step->event, now);

		if (got.session.state != step->state ||
		    got.session.cause != step->cause ||
		    (step->actions != ANY && got.actions != step->actions))
			fail_msg("step %zu at %g: %s, cause %s, actions %#x "
				 "(want %s, %s, %#x)",
				 i, step->at,
				 mfa_state_to_str(got.session.state),
				 mfa_cause_to_str(got.session.cause),
				 got.actions, mfa_state_to_str(step->state),
				 mfa_cause_to_str(step->cause), step->actions);
		session = got.session;
	}
	return session;
}

#define STORY(policy, mode, ...)                                               \
	({                                                                     \
		static const struct step story[] = {__VA_ARGS__};              \
		tell(policy, mode, story, sizeof(story) / sizeof(*story));     \
	})

#define ATTESTED MFA_STATE_ATTESTED
#define LOCKED	 MFA_STATE_LOCKED
#define PENDING	 MFA_STATE_LOCK_PENDING
#define BROKEN	 MFA_STATE_VIOLATION
#define CHECK	 MFA_STATE_UNLOCK_CHECK
#define C(name)	 MFA_CAUSE_##name
#define LOGIN                                                                  \
	{                                                                      \
		1, BIND(FACTORS, 0), ATTESTED, C(NONE), RESUME                 \
	}

static int setup(void **state)
{
	static struct login_policy policy;

	login_policy_default(&policy);
	*state = &policy;
	return 0;
}

static void a_session_is_bound_within_five_seconds_or_ends(void **state)
{
	STORY(*state, 0, LOGIN, {60, TICK, ATTESTED, C(NONE), 0});
	STORY(*state, 0, {4.9, TICK, MFA_STATE_NEW, C(NONE), 0},
	      {5, TICK, BROKEN, C(UNATTESTED), TERMINATE});
	/* The record was there in time; the daemon looked late. */
	STORY(*state, 0, {6, BIND(FACTORS, 0), ATTESTED, C(NONE), RESUME});
	STORY(*state, 0, {1, BIND(EXEMPT, 0), MFA_STATE_EXEMPT, C(NONE), 0},
	      {9999999, TICK, MFA_STATE_EXEMPT, C(NONE), 0});
	STORY(*state, 0,
	      {1, BIND(DENIED, 0), BROKEN, C(UNATTESTED), TERMINATE});
	STORY(*state, LOGIN_MODE_REPORT,
	      {1, BIND(DENIED, 0), BROKEN, C(UNATTESTED), 0});
	STORY(*state, LOGIN_MODE_REPORT, {5, TICK, BROKEN, C(UNATTESTED), 0},
	      {6, BIND(FACTORS, 0), ATTESTED, C(NONE), RESUME});
}

static void a_token_pulled_locks_and_put_back_does_not_unlock(void **state)
{
	STORY(*state, 0, LOGIN, {100, EV(TOKEN_REMOVED), ATTESTED, C(NONE), 0},
	      {102.9, TICK, ATTESTED, C(NONE), 0},
	      {103, TICK, PENDING, C(TOKEN_REMOVED), SUSPEND | LOCK},
	      {104, EV(TOKEN_INSERTED), PENDING, C(TOKEN_REMOVED), 0},
	      {105, EV(LOCKED), LOCKED, C(TOKEN_REMOVED), 0},
	      {106, EV(TOKEN_INSERTED), LOCKED, C(TOKEN_REMOVED), 0},
	      {9000, TICK, LOCKED, C(TOKEN_REMOVED), 0});
	/* Replugged within the debounce: nothing. */
	STORY(*state, 0, LOGIN, {100, EV(TOKEN_REMOVED), ATTESTED, C(NONE), 0},
	      {102, EV(TOKEN_INSERTED), ATTESTED, C(NONE), 0},
	      {110, TICK, ATTESTED, C(NONE), 0});
	/* Put back during a suspend, and nobody looked: too late. */
	STORY(*state, 0, LOGIN, {100, EV(TOKEN_REMOVED), ATTESTED, C(NONE), 0},
	      {4000, EV(TOKEN_INSERTED), PENDING, C(TOKEN_REMOVED),
	       SUSPEND | LOCK});
	/* Pulled twice: the first pull counts. */
	STORY(*state, 0, LOGIN, {100, EV(TOKEN_REMOVED), ATTESTED, C(NONE), 0},
	      {102, EV(TOKEN_REMOVED), ATTESTED, C(NONE), 0},
	      {103, TICK, PENDING, C(TOKEN_REMOVED), SUSPEND | LOCK});
}

static void a_lock_that_does_nothing_ends_the_session(void **state)
{
	STORY(*state, 0, LOGIN,
	      {100, EV(DEMAND_LOCK), PENDING, C(DEMANDED), SUSPEND | LOCK},
	      {109.9, TICK, PENDING, C(DEMANDED), 0},
	      {110, TICK, BROKEN, C(LOCK_INEFFECTIVE), TERMINATE});
	STORY(*state, 0, LOGIN,
	      {100, EV(DEMAND_LOCK), PENDING, C(DEMANDED), SUSPEND | LOCK},
	      {105, EV(LOCKED), LOCKED, C(DEMANDED), 0},
	      {9000, TICK, LOCKED, C(DEMANDED), 0});
}

static void freezing_keeps_the_work_until_proof_comes(void **state)
{
	struct login_policy *policy = *state;

	policy->on_lock_ineffective = LOGIN_REACT_FREEZE;
	STORY(policy, 0, LOGIN,
	      {100, EV(DEMAND_LOCK), PENDING, C(DEMANDED), SUSPEND | LOCK},
	      {110, TICK, BROKEN, C(LOCK_INEFFECTIVE), MFA_DO_FREEZE},
	      {120, EV(LOCKED), BROKEN, C(LOCK_INEFFECTIVE), 0},
	      {121, EV(UNLOCKED), BROKEN, C(LOCK_INEFFECTIVE), 0},
	      {122, ONE(122), BROKEN, C(LOCK_INEFFECTIVE), 0},
	      {130, PROOF(130), ATTESTED, C(NONE), MFA_DO_THAW | RESUME});
}

static void only_fresh_proof_of_two_kinds_unlocks(void **state)
{
	STORY(*state, 0, LOGIN, {100, EV(LOCKED), LOCKED, C(USER), SUSPEND},
	      {200, PROOF(200), ATTESTED, C(NONE), 0},
	      {201, EV(UNLOCKED), ATTESTED, C(NONE), RESUME});
	/* The unlock first, the proof within 30 s. */
	STORY(*state, 0, LOGIN, {100, EV(LOCKED), LOCKED, C(USER), SUSPEND},
	      {200, EV(UNLOCKED), CHECK, C(USER), 0},
	      {229, PROOF(228), ATTESTED, C(NONE), RESUME});
	/* No proof, or one factor, or the proof of the login. */
	STORY(*state, 0, LOGIN, {100, EV(LOCKED), LOCKED, C(USER), SUSPEND},
	      {200, EV(UNLOCKED), CHECK, C(USER), 0},
	      {210, ONE(210), CHECK, C(USER), 0},
	      {211, PROOF(0), CHECK, C(USER), 0},
	      {212, PROOF(99), CHECK, C(USER), 0},
	      {230, TICK, BROKEN, C(UNLOCK_WITHOUT_MFA), TERMINATE});
	/* Proof from before the lock does not unlock later. */
	STORY(*state, 0, LOGIN, {100, EV(LOCKED), LOCKED, C(USER), SUSPEND},
	      {150, PROOF(99), LOCKED, C(USER), 0},
	      {150, PROOF(151), LOCKED, C(USER), 0});
	/* Old proof arriving late. */
	STORY(*state, 0, LOGIN, {100, EV(LOCKED), LOCKED, C(USER), SUSPEND},
	      {400, PROOF(110), LOCKED, C(USER), 0});
	/* Locked again while the proof was awaited. */
	STORY(*state, 0, LOGIN, {100, EV(LOCKED), LOCKED, C(USER), SUSPEND},
	      {200, EV(UNLOCKED), CHECK, C(USER), 0},
	      {205, EV(LOCKED), LOCKED, C(USER), 0},
	      {900, TICK, LOCKED, C(USER), 0});
	/* Proof behind the locked screen, opened an hour later. */
	STORY(*state, 0, LOGIN, {100, EV(LOCKED), LOCKED, C(USER), SUSPEND},
	      {200, PROOF(200), ATTESTED, C(NONE), 0},
	      {3800, EV(UNLOCKED), CHECK, C(USER), 0},
	      {3830, TICK, BROKEN, C(UNLOCK_WITHOUT_MFA), ANY});
}

static void policy_may_let_one_factor_unlock(void **state)
{
	struct login_policy *policy = *state;
	static const struct mfa_event nothing = {.kind = MFA_EVENT_EVIDENCE};

	policy->unlock_required = 1;
	STORY(policy, 0, LOGIN, {100, EV(LOCKED), LOCKED, C(USER), SUSPEND},
	      {200, ONE(200), ATTESTED, C(NONE), 0});
	policy->unlock_required = 0;
	struct mfa_session session = STORY(
		policy, 0, LOGIN, {100, EV(LOCKED), LOCKED, C(USER), SUSPEND});
	struct mfa_step step = mfa_session_step(policy, 0, &session, &nothing,
						START + 200 * S);
	assert_int_equal(step.session.state, MFA_STATE_LOCKED);
}

static void policy_may_trust_every_locker(void **state)
{
	struct login_policy *policy = *state;

	policy->accepts_any_locker = true;
	STORY(policy, 0, LOGIN, {100, EV(LOCKED), LOCKED, C(USER), SUSPEND},
	      {200, EV(UNLOCKED), ATTESTED, C(USER), RESUME},
	      {36000, TICK, PENDING, C(MAX_AGE), SUSPEND | LOCK});
}

/* Scenario 19: the user sets LockedHint and unlocks by himself. */
static void a_forged_hint_gains_nothing(void **state)
{
	struct login_policy *policy = *state;
	struct mfa_session session = STORY(
		policy, 0, LOGIN,
		{100, EV(DEMAND_LOCK), PENDING, C(DEMANDED), SUSPEND | LOCK},
		{101, EV(LOCKED), LOCKED, C(DEMANDED), 0});

	assert_false(mfa_session_grants(policy, &session, START + 102 * S));
	STORY(policy, 0, LOGIN,
	      {100, EV(DEMAND_LOCK), PENDING, C(DEMANDED), SUSPEND | LOCK},
	      {101, EV(LOCKED), LOCKED, C(DEMANDED), 0},
	      {102, EV(UNLOCKED), CHECK, C(DEMANDED), 0},
	      {132, TICK, BROKEN, C(UNLOCK_WITHOUT_MFA), TERMINATE});
}

static void age_and_idleness_lock_and_suspend_counts(void **state)
{
	STORY(*state, 0, LOGIN, {35999, TICK, ATTESTED, C(NONE), 0},
	      {36000, TICK, PENDING, C(MAX_AGE), SUSPEND | LOCK});
	/* Eleven hours asleep. */
	STORY(*state, 0, LOGIN,
	      {40000, EV(BUSY), PENDING, C(MAX_AGE), SUSPEND | LOCK});
	STORY(*state, 0, LOGIN,
	      {100,
	       {.kind = MFA_EVENT_IDLE, .proof_boot_ns = START + 40 * S},
	       ATTESTED,
	       C(NONE),
	       0},
	      {639, TICK, ATTESTED, C(NONE), 0},
	      {640, TICK, PENDING, C(IDLE), SUSPEND | LOCK});
	STORY(*state, 0, LOGIN,
	      {100,
	       {.kind = MFA_EVENT_IDLE, .proof_boot_ns = START + 40 * S},
	       ATTESTED,
	       C(NONE),
	       0},
	      {600, EV(BUSY), ATTESTED, C(NONE), 0},
	      {700, TICK, ATTESTED, C(NONE), 0});
	/* Fresh proof starts the age again. */
	STORY(*state, 0, LOGIN, {30000, PROOF(30000), ATTESTED, C(NONE), 0},
	      {65999, TICK, ATTESTED, C(NONE), 0},
	      {66000, TICK, PENDING, C(MAX_AGE), SUSPEND | LOCK});
}

static void report_mode_tells_once_and_touches_nothing(void **state)
{
	struct mfa_session session =
		STORY(*state, LOGIN_MODE_REPORT, LOGIN,
		      {36000, TICK, ATTESTED, C(MAX_AGE), SUSPEND},
		      {36001, TICK, ATTESTED, C(MAX_AGE), 0});

	assert_int_equal(mfa_session_deadline(*state, &session), 0);
	STORY(*state, LOGIN_MODE_REPORT, LOGIN,
	      {100, EV(TOKEN_REMOVED), ATTESTED, C(NONE), 0},
	      {103, TICK, ATTESTED, C(TOKEN_REMOVED), 0},
	      {104, TICK, ATTESTED, C(TOKEN_REMOVED), 0});
}

static void breaking_the_glass_lasts_an_hour_and_gives_no_media(void **state)
{
	struct mfa_session session = STORY(
		*state, 0,
		{1, BIND(BREAKGLASS, 0), MFA_STATE_BREAKGLASS, C(NONE), 0},
		{3600, EV(LOCKED), MFA_STATE_BREAKGLASS, C(NONE), 0});

	assert_false(mfa_session_grants(*state, &session, START + 3600 * S));
	STORY(*state, 0,
	      {1, BIND(BREAKGLASS, 0), MFA_STATE_BREAKGLASS, C(NONE), 0},
	      {3600, TICK, MFA_STATE_BREAKGLASS, C(NONE), 0},
	      {3601, TICK, BROKEN, C(BREAKGLASS_EXPIRED), TERMINATE});
}

static void only_the_active_local_session_grants(void **state)
{
	struct login_policy *policy = *state;
	struct mfa_session session = STORY(policy, 0, LOGIN);
	uint64_t now = START + 2 * S;

	assert_true(mfa_session_grants(policy, &session, now));
	session.is_remote = true;
	assert_false(mfa_session_grants(policy, &session, now));
	session.is_remote = false;
	session.is_active = false;
	assert_false(mfa_session_grants(policy, &session, now));

	/* Switched away: locked by default; by policy only suspended. */
	STORY(policy, 0, LOGIN,
	      {100, EV(DEACTIVATED), PENDING, C(SWITCHED_AWAY),
	       SUSPEND | LOCK});
	policy->on_switched_away = LOGIN_REACT_REPORT;
	STORY(policy, 0, LOGIN,
	      {100, EV(DEACTIVATED), ATTESTED, C(SWITCHED_AWAY), SUSPEND},
	      {110, EV(ACTIVATED), ATTESTED, C(SWITCHED_AWAY), RESUME});
}

static void step_up_wants_young_proof(void **state)
{
	struct mfa_session session = STORY(*state, 0, LOGIN);

	assert_true(mfa_session_is_fresh(*state, &session, START + 899 * S));
	assert_false(mfa_session_is_fresh(*state, &session, START + 900 * S));
	assert_true(mfa_session_grants(*state, &session, START + 900 * S));
}

static void sessions_older_than_the_program_last_until_their_lock(void **state)
{
	struct mfa_session session =
		STORY(*state, 0,
		      {1, BIND(GRANDFATHERED, 0), MFA_STATE_GRANDFATHERED,
		       C(NONE), 0},
		      {99999, TICK, MFA_STATE_GRANDFATHERED, C(NONE), 0});

	assert_false(mfa_session_grants(*state, &session, START + 2 * S));
	STORY(*state, 0,
	      {1, BIND(GRANDFATHERED, 0), MFA_STATE_GRANDFATHERED, C(NONE), 0},
	      {10, EV(LOCKED), LOCKED, C(USER), 0},
	      {20, EV(UNLOCKED), CHECK, C(USER), 0},
	      {50, TICK, BROKEN, C(UNLOCK_WITHOUT_MFA), TERMINATE});
}

static void a_closed_session_stays_closed(void **state)
{
	STORY(*state, 0, LOGIN,
	      {50, EV(REMOVED), MFA_STATE_CLOSED, C(NONE), SUSPEND},
	      {51, BIND(FACTORS, 51), MFA_STATE_CLOSED, C(NONE), 0},
	      {52, PROOF(52), MFA_STATE_CLOSED, C(NONE), 0});
}

/* Every event in every state at odd times: total, and never a right gained
 * but by a record or by proof. */
static void no_event_but_proof_gives_rights(void **state)
{
	const struct login_policy *policy = *state;

	for (unsigned from = 0; from < MFA_STATE_COUNT; from++)
		for (unsigned kind = 0; kind < MFA_EVENT_COUNT; kind++) {
			struct mfa_session session = {
				.state = (enum mfa_state)from,
				.since_boot_ns = START,
				.proof_boot_ns = START,
				.is_active = true,
			};
			struct mfa_event event = {
				.kind = (enum mfa_event_kind)kind,
				.proof_boot_ns = START + S,
			};
			struct mfa_step step =
				mfa_session_step(policy, LOGIN_MODE_ENFORCE,
						 &session, &event, START + S);

			bool had = mfa_session_grants(policy, &session,
						      START + S);
			bool has = mfa_session_grants(policy, &step.session,
						      START + S);
			if (has && !had)
				assert_int_equal(kind, MFA_EVENT_BIND);
		}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, setup)
	const struct CMUnitTest tests[] = {
		TEST(a_session_is_bound_within_five_seconds_or_ends),
		TEST(a_token_pulled_locks_and_put_back_does_not_unlock),
		TEST(a_lock_that_does_nothing_ends_the_session),
		TEST(freezing_keeps_the_work_until_proof_comes),
		TEST(only_fresh_proof_of_two_kinds_unlocks),
		TEST(policy_may_let_one_factor_unlock),
		TEST(policy_may_trust_every_locker),
		TEST(a_forged_hint_gains_nothing),
		TEST(age_and_idleness_lock_and_suspend_counts),
		TEST(report_mode_tells_once_and_touches_nothing),
		TEST(breaking_the_glass_lasts_an_hour_and_gives_no_media),
		TEST(only_the_active_local_session_grants),
		TEST(step_up_wants_young_proof),
		TEST(sessions_older_than_the_program_last_until_their_lock),
		TEST(a_closed_session_stays_closed),
		TEST(no_event_but_proof_gives_rights),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
