/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions of a made machine: bound, watched, locked, ended. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "agent/daemon/login_store.h"
#include "tests/fakes/logins.h"

/* --- binding ------------------------------------------------------------- */

static void a_session_is_bound_by_its_leader(void **state)
{
	struct people *w = *state;

	(void)people_attested(w);
	const struct record *record = people_last(w, RECORD_MFA_SESSION_OK);
	assert_string_equal(record->actor->user, "sato");
	assert_string_equal(record->actor->session, "3");
	assert_int_equal(record->u.login.factors, 3);
	assert_int_equal(record->u.login.proof_count, 2);
	assert_string_equal(record->u.login.proofs[1].module, "pam_u2f");
	assert_string_equal(record->u.login.mode, "enforce");
	people_pass(w, 60);
	assert_int_equal(dry_run_count(w->hand), 0);
}

static void a_record_after_the_session_binds_too(void **state)
{
	struct people *w = *state;
	struct login_session s = people_session("3", WORLD_LEADER);

	people_see(w, &s);
	assert_int_equal(people_state(w, "3"), MFA_STATE_NEW);
	people_open_record(w, WORLD_LEADER);
	logins_read_records(w->logins, w->now);
	assert_int_equal(people_state(w, "3"), MFA_STATE_ATTESTED);
}

static void a_session_without_a_record_ends_in_five_seconds(void **state)
{
	struct people *w = *state;
	struct login_session s = people_session("3", WORLD_LEADER);

	people_see(w, &s);
	assert_int_equal(logins_deadline(w->logins), w->now + S(5));
	people_pass(w, 4);
	assert_int_equal(dry_run_count(w->hand), 0);
	people_pass(w, 1);
	assert_int_equal(people_asked(w, "terminate 3"), 1);
	assert_int_equal(people_asked(w, "terminate_user 1001"), 1);
	const struct record *record = people_last(w,
						  RECORD_MFA_SESSION_VIOLATION);
	assert_int_equal(record->decision.reason,
			 RECORD_REASON_LOGIN_UNATTESTED);
	assert_string_equal(record->u.login.reaction, "terminate");
}

static void the_services_of_a_user_with_another_session_stay(void **state)
{
	struct people *w = *state;
	struct login_session s = people_session("4", WORLD_LEADER + 1);

	(void)people_attested(w);
	people_see(w, &s);
	people_pass(w, 5);
	assert_int_equal(people_asked(w, "terminate 4"), 1);
	assert_int_equal(people_asked(w, "terminate_user 1001"), 0);
	assert_int_equal(people_asked(w, "terminate 3"), 0);
}

static void report_mode_only_tells(void **state)
{
	struct people *w = *state;
	struct login_session s = people_session("3", WORLD_LEADER);

	w->policy.mode = LOGIN_MODE_REPORT;
	people_set_policy(w);
	people_see(w, &s);
	people_pass(w, 5);
	assert_int_equal(dry_run_count(w->hand), 0);
	const struct record *record = people_last(w,
						  RECORD_MFA_SESSION_VIOLATION);
	assert_int_equal(record->policy->mode, RECORD_MODE_MONITOR);
	assert_string_equal(record->u.login.reaction, "report");
}

static void without_login_rules_nothing_is_asked(void **state)
{
	struct people *w = *state;
	struct login_session s = people_session("3", WORLD_LEADER);

	w->policy.mode = LOGIN_MODE_OFF;
	people_set_policy(w);
	people_see(w, &s);
	people_pass(w, 60);
	assert_int_equal(logins_deadline(w->logins), 0);
	assert_int_equal(dry_run_count(w->hand), 0);
	assert_int_equal(people_told(w, RECORD_MFA_SESSION_VIOLATION), 0);
}

static void another_process_with_the_pid_is_not_the_leader(void **state)
{
	struct people *w = *state;
	struct login_session s = people_session("3", WORLD_LEADER);

	people_open_record(w, WORLD_LEADER);
	s.leader_start = WORLD_START + 1;
	people_see(w, &s);
	people_pass(w, 5);
	assert_int_equal(people_state(w, "3"), MFA_STATE_VIOLATION);
}

static void an_id_that_is_used_again_is_another_session(void **state)
{
	struct people *w = *state;
	struct login_session s = people_attested(w);

	s.leader_start = WORLD_START + 1; /* even the pid is the same */
	people_see(w, &s);
	assert_int_equal(people_state(w, "3"), MFA_STATE_NEW);
	assert_int_equal(people_told(w, RECORD_MFA_SESSION_ENDED), 1);
}

static void what_was_saved_of_another_leader_is_not_his(void **state)
{
	struct people *w = *state;
	struct login_session s = people_attested(w);

	assert_int_equal(logins_save(w->logins), 0);
	fake_remove(&w->tree, LOGIN_RUN_DIR "/open/700-100000");
	people_restart(w);
	s.leader_start = WORLD_START + 1;
	people_see(w, &s);
	assert_int_equal(people_state(w, "3"), MFA_STATE_NEW);
}

static void a_record_under_anothers_name_is_not_believed(void **state)
{
	struct people *w = *state;
	struct login_session s = people_session("3", WORLD_LEADER);
	struct login_record record = people_record(WORLD_LEADER, w->now);

	record.process.start = WORLD_START - 1;
	people_write(w, &record, "700-100000");
	people_see(w, &s);
	assert_int_equal(people_state(w, "3"), MFA_STATE_NEW);
}

static void a_leader_that_is_gone_matches_nobody(void **state)
{
	struct people *w = *state;
	struct login_session s = people_session("3", WORLD_LEADER);
	struct login_record record = people_record(WORLD_LEADER, w->now);

	record.process.start = 0;
	people_write(w, &record, "700-0");
	s.leader_start = 0;
	people_see(w, &s);
	people_pass(w, 5);
	assert_int_equal(people_state(w, "3"), MFA_STATE_VIOLATION);
}

static void a_record_of_somebody_else_does_not_bind(void **state)
{
	struct people *w = *state;
	struct login_session s = people_session("3", WORLD_LEADER);

	people_open_record(w, WORLD_LEADER);
	s.uid = 1002;
	people_see(w, &s);
	people_pass(w, 5);
	assert_int_equal(people_state(w, "3"), MFA_STATE_VIOLATION);
}

static void a_record_in_an_open_folder_is_not_believed(void **state)
{
	struct people *w = *state;
	struct login_session s = people_session("3", WORLD_LEADER);

	people_open_record(w, WORLD_LEADER);
	assert_int_equal(fchmodat(w->tree.fd, LOGIN_RUN_DIR "/open", 0777, 0),
			 0);
	people_see(w, &s);
	people_pass(w, 5);
	assert_int_equal(people_state(w, "3"), MFA_STATE_VIOLATION);
}

static void services_that_log_nobody_in_are_exempt(void **state)
{
	struct people *w = *state;
	struct login_session greeter = people_session("c1", WORLD_LEADER);
	struct login_session person = people_session("c2", WORLD_LEADER + 1);

	snprintf(greeter.service, sizeof(greeter.service),
		 "gdm-launch-environment");
	greeter.uid = 110;
	person = greeter;
	snprintf(person.id, sizeof(person.id), "c2");
	person.uid = 1001; /* the class and the service do not exempt him */
	people_see(w, &greeter);
	people_see(w, &person);
	assert_int_equal(people_state(w, "c1"), MFA_STATE_EXEMPT);
	people_pass(w, 5);
	assert_int_equal(people_asked(w, "terminate c1"), 0);
	assert_int_equal(people_asked(w, "terminate c2"), 1);
}

static void who_was_there_before_stays_until_the_next_lock(void **state)
{
	struct people *w = *state;
	struct login_session s = people_session("3", WORLD_LEADER);

	s.leader_start = 40000; /* 400 s: logins are looked at since 500 s */
	people_see(w, &s);
	assert_int_equal(people_state(w, "3"), MFA_STATE_GRANDFATHERED);
	people_pass(w, 3600);
	assert_int_equal(dry_run_count(w->hand), 0);
	s.is_hint_locked = true;
	people_see(w, &s);
	s.is_hint_locked = false;
	people_see(w, &s);
	people_pass(w, 31);
	assert_int_equal(people_asked(w, "terminate 3"), 1);
}

static void root_on_the_console_is_never_locked_out(void **state)
{
	struct people *w = *state;
	struct login_session console = people_session("3", WORLD_LEADER);
	struct login_session network = people_session("4", WORLD_LEADER + 1);

	console.uid = network.uid = 0;
	network.is_remote = true;
	network.tty[0] = network.seat[0] = '\0';
	people_see(w, &console);
	people_see(w, &network);
	people_pass(w, 5);
	assert_int_equal(people_state(w, "3"), MFA_STATE_BREAKGLASS);
	assert_int_equal(people_asked(w, "terminate 3"), 0);
	assert_int_equal(people_asked(w, "terminate 4"), 1);
	assert_int_equal(people_asked(w, "terminate_user 0"), 0);
	assert_int_equal(people_told(w, RECORD_MFA_BREAKGLASS_USED), 1);
	assert_true(logins_is_glass_broken(w->logins));
	people_pass(w, 3600);
	assert_int_equal(people_asked(w, "terminate 3"), 1);
	assert_int_equal(
		people_last(w, RECORD_MFA_SESSION_VIOLATION)->decision.reason,
		RECORD_REASON_LOGIN_BREAKGLASS);
}

static void the_sealed_account_needs_no_record_on_the_spot(void **state)
{
	struct people *w = *state;
	struct login_session s = people_session("3", WORLD_LEADER);

	snprintf(s.user, sizeof(s.user), "kinkyu");
	s.uid = 1009;
	people_see(w, &s);
	people_pass(w, 5);
	assert_int_equal(people_state(w, "3"), MFA_STATE_BREAKGLASS);
}

/* --- lock and proof -------------------------------------------------------- */

static void an_old_proof_locks_and_a_lock_without_effect_ends(void **state)
{
	struct people *w = *state;

	(void)people_attested(w);
	people_pass(w, 10 * 3600);
	assert_int_equal(people_asked(w, "lock 3"), 1);
	assert_int_equal(
		people_last(w, RECORD_MFA_SESSION_LOCKED)->decision.reason,
		RECORD_REASON_LOGIN_MAX_AGE);
	people_pass(w, 9);
	assert_int_equal(people_asked(w, "terminate 3"), 0);
	people_pass(w, 1);
	assert_int_equal(people_asked(w, "terminate 3"), 1);
	assert_int_equal(
		people_last(w, RECORD_MFA_SESSION_VIOLATION)->decision.reason,
		RECORD_REASON_LOGIN_LOCK);
}

static void freezing_keeps_the_work_until_there_is_proof(void **state)
{
	struct people *w = *state;

	w->policy.on_lock_ineffective = LOGIN_REACT_FREEZE;
	people_set_policy(w);
	(void)people_attested(w);
	people_pass(w, 10 * 3600);
	people_pass(w, 10);
	assert_int_equal(people_asked(w, "freeze session-3.scope"), 1);
	assert_int_equal(people_asked(w, "terminate 3"), 0);
	people_process(w, 900, WORLD_START,
		       "0::/user.slice/user-1001.slice/session-3.scope\n");
	people_evidence(w, 900, 'a');
	assert_int_equal(people_asked(w, "thaw session-3.scope"), 1);
	assert_int_equal(people_state(w, "3"), MFA_STATE_ATTESTED);
}

static void unlocking_oneself_is_a_violation(void **state)
{
	struct people *w = *state;
	struct login_session s = people_attested(w);

	w->now += S(60);
	s.is_hint_locked = true;
	people_see(w, &s);
	assert_int_equal(people_state(w, "3"), MFA_STATE_LOCKED);
	s.is_hint_locked = false;
	people_see(w, &s);
	people_pass(w, 30);
	assert_int_equal(people_asked(w, "terminate 3"), 1);
	assert_int_equal(
		people_last(w, RECORD_MFA_SESSION_VIOLATION)->decision.reason,
		RECORD_REASON_LOGIN_UNLOCK);
}

static void evidence_of_a_process_in_the_session_unlocks(void **state)
{
	struct people *w = *state;
	struct login_session s = people_attested(w);

	people_lock(w, &s);
	people_process(w, 900, WORLD_START,
		       "0::/user.slice/user-1001.slice/session-3.scope\n");
	people_evidence(w, 900, 'a');
	assert_int_equal(people_state(w, "3"), MFA_STATE_ATTESTED);
	assert_int_equal(people_told(w, RECORD_MFA_SESSION_UNLOCKED), 1);
	s.is_hint_locked = false;
	people_see(w, &s);
	people_pass(w, 60);
	assert_int_equal(dry_run_count(w->hand), 0);
}

static void evidence_of_another_session_does_not(void **state)
{
	struct people *w = *state;
	struct login_session s = people_attested(w);

	people_lock(w, &s);
	people_process(w, 900, WORLD_START,
		       "0::/user.slice/user-1001.slice/session-4.scope\n");
	people_evidence(w, 900, 'a');
	/* of a login on another console, which is no unlocking */
	people_process(w, 901, WORLD_START,
		       "0::/system.slice/system-getty.slice\n");
	people_evidence(w, 901, 'b');
	/* of a process that is not the one that wrote */
	people_process(w, 902, WORLD_START + 1,
		       "0::/user.slice/user-1001.slice/session-3.scope\n");
	people_evidence(w, 902, 'c');
	/* a session's own word in its name */
	people_process(
		w, 903, WORLD_START,
		"0::/user.slice/user-1001.slice/user@1001.service/app.slice/"
		"session-3.scope/x\n");
	assert_int_equal(people_state(w, "3"), MFA_STATE_LOCKED);
}

/* The administrator who proves himself in her session, for a dialog of hers. */
static void evidence_of_another_user_unlocks_nothing(void **state)
{
	static const char *const cgroups[] = {
		"0::/user.slice/user-1001.slice/session-3.scope\n",
		"0::/user.slice/user-1002.slice/session-3.scope\n",
	};
	struct people *w = *state;
	struct login_session s = people_attested(w);

	people_lock(w, &s);
	for (uint32_t i = 0; i < 2; i++) {
		struct login_record record = people_record(900 + i, w->now);

		record.kind = LOGIN_RECORD_EVIDENCE;
		record.uid = 1002;
		memset(record.id, 'a' + (int)i, LOGIN_ID_CHARS);
		memset(record.secret, 'f', LOGIN_ID_CHARS);
		people_process(w, 900 + i, WORLD_START, cgroups[i]);
		people_write(w, &record, record.id);
		logins_read_records(w->logins, w->now);
		assert_int_equal(people_state(w, "3"), MFA_STATE_LOCKED);
	}
}

static void a_display_manager_unlocks_the_only_locked_session(void **state)
{
	struct people *w = *state;
	struct login_session s = people_attested(w);
	struct login_record record;

	people_lock(w, &s);
	record = people_record(950, w->now);
	record.kind = LOGIN_RECORD_EVIDENCE;
	memset(record.id, 'd', LOGIN_ID_CHARS);
	memset(record.secret, 'f', LOGIN_ID_CHARS);
	snprintf(record.service, sizeof(record.service), "gdm-password");
	people_process(w, 950, WORLD_START, "0::/system.slice/gdm.service\n");
	people_write(w, &record, record.id);
	logins_read_records(w->logins, w->now);
	assert_int_equal(people_state(w, "3"), MFA_STATE_ATTESTED);
}

static void evidence_from_another_machine_unlocks_nothing(void **state)
{
	struct people *w = *state;
	struct login_session s = people_attested(w);
	struct login_record record;

	people_lock(w, &s);
	record = people_record(950, w->now);
	record.kind = LOGIN_RECORD_EVIDENCE;
	memset(record.id, 'd', LOGIN_ID_CHARS);
	snprintf(record.service, sizeof(record.service), "gdm-password");
	snprintf(record.rhost, sizeof(record.rhost), "192.0.2.7");
	people_write(w, &record, record.id);
	logins_read_records(w->logins, w->now);
	assert_int_equal(people_state(w, "3"), MFA_STATE_LOCKED);
}

static void evidence_in_the_session_is_a_step_up(void **state)
{
	struct people *w = *state;
	struct decide_context context = {0};

	(void)people_attested(w);
	people_pass(w, 16 * 60);
	logins_context(w->logins, w->now, &context);
	assert_true(context.has_session);
	assert_false(context.is_mfa); /* older than the step-up age */
	(void)logins_take_change(w->logins);
	people_process(w, 900, WORLD_START,
		       "0::/user.slice/user-1001.slice/session-3.scope\n");
	people_evidence(w, 900, 'a');
	assert_int_equal(people_told(w, RECORD_MFA_STEPUP_OK), 1);
	assert_true(logins_take_change(w->logins)); /* media are judged anew */
	logins_context(w->logins, w->now, &context);
	assert_true(context.is_mfa);
	/* … and its end is a change, in time */
	(void)logins_take_change(w->logins);
	people_pass(w, 15 * 60 - 1);
	assert_false(logins_take_change(w->logins));
	assert_int_equal(logins_deadline(w->logins), w->now + S(1));
	people_pass(w, 1);
	assert_true(logins_take_change(w->logins));
}

static void polkit_without_factors_is_no_step_up(void **state)
{
	struct people *w = *state;

	(void)people_attested(w);
	people_pass(w, 60);
	assert_int_equal(logins_step_up(w->logins, 1001, w->now),
			 LOGINS_NOT_PROVEN);
	assert_int_equal(people_told(w, RECORD_MFA_STEPUP_DENIED), 1);
	people_process(w, 900, WORLD_START,
		       "0::/user.slice/user-1001.slice/session-3.scope\n");
	people_evidence(w, 900, 'a');
	assert_int_equal(logins_step_up(w->logins, 1002, w->now),
			 LOGINS_NOT_PROVEN);
	assert_int_equal(logins_step_up(w->logins, 1001, w->now), 0);
}

static void old_evidence_is_taken_away(void **state)
{
	struct people *w = *state;
	struct stat st;
	char path[96];

	(void)people_attested(w);
	people_evidence(w, 901, 'b');
	snprintf(path, sizeof(path), LOGIN_RUN_DIR "/ev/%032d", 0);
	memset(strrchr(path, '/') + 1, 'b', LOGIN_ID_CHARS);
	assert_int_equal(fstatat(w->tree.fd, path, &st, 0), 0);
	w->now += S(181);
	logins_read_records(w->logins, w->now);
	assert_int_equal(fstatat(w->tree.fd, path, &st, 0), -1);
}

static void a_refusal_is_told_once(void **state)
{
	struct people *w = *state;
	struct login_record record = people_record(WORLD_LEADER, w->now);

	record.kind = LOGIN_RECORD_DENIED;
	memset(record.id, 'e', LOGIN_ID_CHARS);
	record.outcome = LOGIN_DENY_FACTORS;
	record.factors = MFA_KNOWLEDGE;
	record.proof_count = 1;
	people_write(w, &record, record.id);
	logins_read_records(w->logins, w->now);
	logins_read_records(w->logins, w->now);
	assert_int_equal(people_told(w, RECORD_MFA_SESSION_DENIED), 1);
	assert_int_equal(
		people_last(w, RECORD_MFA_SESSION_DENIED)->decision.reason,
		RECORD_REASON_LOGIN_FACTORS);
	assert_int_equal(
		people_last(w, RECORD_MFA_SESSION_DENIED)->u.login.factors, 1);
}

/* --- idle, switching, restart ---------------------------------------------- */

static void an_idle_console_is_looked_at_in_time(void **state)
{
	struct people *w = *state;
	struct login_session s = people_session("3", WORLD_LEADER);

	people_open_record(w, WORLD_LEADER);
	s.idle_since_boot_ns = w->now;
	people_see(w, &s);
	people_pass(w, 599);
	assert_int_equal(w->looks, 0);
	people_pass(w, 1);
	assert_int_equal(w->looks, 1);
	assert_int_equal(dry_run_count(w->hand), 0);
	/* A key was pressed a second ago */
	s.idle_since_boot_ns = w->now - S(1);
	people_see(w, &s);
	assert_int_equal(people_state(w, "3"), MFA_STATE_ATTESTED);
	people_pass(w, 600);
	people_see(w, &s);
	assert_int_equal(people_state(w, "3"), MFA_STATE_LOCK_PENDING);
	assert_int_equal(
		people_last(w, RECORD_MFA_SESSION_LOCKED)->decision.reason,
		RECORD_REASON_LOGIN_IDLE);
}

static void only_the_session_in_front_counts(void **state)
{
	struct people *w = *state;
	struct login_session s = people_attested(w);
	struct decide_context context = {0};

	logins_context(w->logins, w->now, &context);
	assert_true(context.is_mfa);
	assert_string_equal(context.user, "sato");
	assert_int_equal(context.group_count, 2);
	assert_string_equal(context.groups[0], "staff");
	assert_string_equal(context.groups[1], "shimin");
	struct record_actor actor;
	assert_true(logins_actor(w->logins, w->now, &actor));
	assert_string_equal(actor.user, "sato");
	assert_string_equal(actor.session, "3");
	assert_int_equal(actor.is_mfa, RECORD_YES);
	(void)logins_take_change(w->logins);
	s.is_active = false;
	people_see(w, &s);
	assert_true(logins_take_change(w->logins));
	assert_int_equal(people_asked(w, "lock 3"), 1);
	context = (struct decide_context){0};
	logins_context(w->logins, w->now, &context);
	assert_false(context.has_session);
	assert_false(context.is_mfa);
	assert_false(logins_actor(w->logins, w->now, &actor));
}

static void a_remote_session_grants_nothing(void **state)
{
	struct people *w = *state;
	struct login_session s = people_session("3", WORLD_LEADER);
	struct decide_context context = {0};

	s.is_remote = true;
	people_open_record(w, WORLD_LEADER);
	people_see(w, &s);
	logins_context(w->logins, w->now, &context);
	assert_false(context.has_session);
}

static void a_restart_forgets_nothing(void **state)
{
	struct people *w = *state;
	struct login_session s = people_attested(w);
	struct login_session other = people_session("4", WORLD_LEADER + 1);

	people_lock(w, &s);
	people_restart(w);
	people_see(w, &s);
	assert_int_equal(people_state(w, "3"), MFA_STATE_LOCKED);
	/* nor does it make an old session of a new one */
	people_see(w, &other);
	logins_listed(w->logins, w->now);
	people_pass(w, 5);
	assert_int_equal(people_asked(w, "terminate 4"), 1);
	assert_int_equal(people_told(w, RECORD_MFA_MODE_CHANGED), 1);
}

static void an_unlock_while_nobody_looked_is_found(void **state)
{
	struct people *w = *state;
	struct login_session s = people_attested(w);

	people_lock(w, &s);
	people_restart(w);
	s.is_hint_locked = false;
	people_see(w, &s);
	logins_listed(w->logins, w->now);
	people_pass(w, 30);
	assert_int_equal(people_asked(w, "terminate 3"), 1);
}

static void a_trial_that_nobody_confirms_ends(void **state)
{
	struct people *w = *state;
	struct login_session s = people_session("3", WORLD_LEADER);

	w->policy.trial_until_boot_ns = w->now + S(300);
	snprintf(w->policy.trial_boot_id, sizeof(w->policy.trial_boot_id),
		 WORLD_BOOT_ID);
	people_set_policy(w);
	assert_int_equal(logins_mode(w->logins, w->now), LOGIN_MODE_ENFORCE);
	assert_int_equal(logins_deadline(w->logins), w->now + S(300));
	people_pass(w, 300);
	assert_int_equal(logins_mode(w->logins, w->now), LOGIN_MODE_REPORT);
	assert_string_equal(
		people_last(w, RECORD_MFA_MODE_CHANGED)->u.login.mode,
		"report");
	people_see(w, &s);
	people_pass(w, 5);
	assert_int_equal(dry_run_count(w->hand), 0);
}

static void an_end_is_told_and_the_record_goes(void **state)
{
	struct people *w = *state;
	struct stat st;

	(void)people_attested(w);
	logins_gone(w->logins, "3", w->now);
	assert_null(logins_find(w->logins, "3"));
	assert_int_equal(people_told(w, RECORD_MFA_SESSION_ENDED), 1);
	assert_int_equal(fstatat(w->tree.fd, LOGIN_RUN_DIR "/open/700-100000",
				 &st, 0),
			 -1);
}

#define TEST(name)                                                             \
	cmocka_unit_test_setup_teardown(name, people_setup, people_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_session_is_bound_by_its_leader),
		TEST(a_record_after_the_session_binds_too),
		TEST(a_session_without_a_record_ends_in_five_seconds),
		TEST(the_services_of_a_user_with_another_session_stay),
		TEST(report_mode_only_tells),
		TEST(without_login_rules_nothing_is_asked),
		TEST(another_process_with_the_pid_is_not_the_leader),
		TEST(an_id_that_is_used_again_is_another_session),
		TEST(what_was_saved_of_another_leader_is_not_his),
		TEST(a_record_under_anothers_name_is_not_believed),
		TEST(a_leader_that_is_gone_matches_nobody),
		TEST(a_record_of_somebody_else_does_not_bind),
		TEST(a_record_in_an_open_folder_is_not_believed),
		TEST(services_that_log_nobody_in_are_exempt),
		TEST(who_was_there_before_stays_until_the_next_lock),
		TEST(root_on_the_console_is_never_locked_out),
		TEST(the_sealed_account_needs_no_record_on_the_spot),
		TEST(an_old_proof_locks_and_a_lock_without_effect_ends),
		TEST(freezing_keeps_the_work_until_there_is_proof),
		TEST(unlocking_oneself_is_a_violation),
		TEST(evidence_of_a_process_in_the_session_unlocks),
		TEST(evidence_of_another_session_does_not),
		TEST(evidence_of_another_user_unlocks_nothing),
		TEST(a_display_manager_unlocks_the_only_locked_session),
		TEST(evidence_from_another_machine_unlocks_nothing),
		TEST(evidence_in_the_session_is_a_step_up),
		TEST(polkit_without_factors_is_no_step_up),
		TEST(old_evidence_is_taken_away),
		TEST(a_refusal_is_told_once),
		TEST(an_idle_console_is_looked_at_in_time),
		TEST(only_the_session_in_front_counts),
		TEST(a_remote_session_grants_nothing),
		TEST(a_restart_forgets_nothing),
		TEST(an_unlock_while_nobody_looked_is_found),
		TEST(a_trial_that_nobody_confirms_ends),
		TEST(an_end_is_told_and_the_record_goes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
