/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a login leaves on file, what it waits for (nobody), how the wrapped
 * module is called, and what the person reads.
 */
#include <setjmp.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/base/clock.h"
#include "agent/pam/store.h"
#include "tests/pam/rows.h"

static void write_stack(struct world *world, const char *stack)
{
	world_file(world, "pam.d/login", 0644, stack);
	world_file(world, "pam.d/sshd", 0644, stack);
}

/* ---- records ------------------------------------------------------------ */

static void an_open_session_has_a_record_that_only_root_reads(void **state)
{
	struct world *world = *state;
	struct login login = {
		.tty = "tty3",
		.env = "XDG_SESSION_ID=c7",
		.answers = {"pw", "key"},
	};
	struct login_record record;
	struct login_process self;
	struct stat st;
	char path[400];
	char name[256];

	write_stack(world, TWO);
	login_start(world, &login);
	login_auth(&login);
	login_account(&login);
	login_session(&login);
	assert_true(world_record(world, "open", &record));
	assert_int_equal(store_process((uint32_t)getpid(), &self), 0);
	assert_int_equal(record.process.pid, self.pid);
	assert_int_equal(record.process.start, self.start);
	assert_int_equal(record.outcome, LOGIN_ALLOW_FACTORS);
	assert_true(record.is_enforced);
	assert_int_equal(record.uid, 1001);
	assert_string_equal(record.tty, "tty3");
	assert_string_equal(record.session, "c7");
	assert_string_equal(record.service, "login");
	assert_int_equal(record.proof_count, 2);
	assert_string_equal(record.proofs[0].module, "pam_unix");
	assert_string_equal(record.proofs[1].module, "pam_u2f");
	assert_true(record.proof_boot_ns <= record.boot_ns);

	world_count(world, "run/mfa/open", name);
	snprintf(path, sizeof(path), "run/mfa/open/%s", name);
	assert_null(strstr(world_read(world, path), "answer"));
	snprintf(path, sizeof(path), "%s/run/mfa/open/%s", world->dir, name);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	snprintf(path, sizeof(path), "%s/run/mfa", world->dir);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	login_end(&login);
	assert_int_equal(world_count(world, "run/mfa/open", name), 0);
}

static void a_refusal_has_a_record(void **state)
{
	struct login login = {.answers = {"pw"}};
	struct login_record record;

	write_stack(*state, "auth requisite " K GATE AFTER);
	login_run(*state, &login);
	assert_true(world_record(*state, "denied", &record));
	assert_int_equal(record.outcome, LOGIN_DENY_FACTORS);
	assert_int_equal(record.factors, MFA_KNOWLEDGE);
	assert_string_equal(record.phase, "auth");
	assert_true(record.is_enforced);
}

static void report_mode_records_the_refusal_once(void **state)
{
	struct login login = {.answers = {"pw"}};
	struct login_record record;

	world_file(*state, "etc/login.policy", 0644, "mode=report\n");
	write_stack(*state, "auth requisite " K GATE AFTER REST);
	login_start(*state, &login);
	login_auth(&login);
	login_account(&login);
	login_session(&login);
	assert_int_equal(login.session, PAM_SUCCESS);
	assert_true(world_record(*state, "denied", &record));
	assert_false(record.is_enforced);
	assert_true(world_record(*state, "open", &record));
	assert_int_equal(record.outcome, LOGIN_DENY_FACTORS);
	login_end(&login);
}

static void a_folder_open_to_others_gets_no_record(void **state)
{
	struct world *world = *state;
	struct login login = {.answers = {"pw", "key"}};
	char path[128];
	char name[256];

	snprintf(path, sizeof(path), "%s/run/mfa", world->dir);
	assert_int_equal(mkdir(path, 0755), 0);
	write_stack(world, TWO);
	login_run(world, &login);
	assert_int_equal(login.session, PAM_SUCCESS);
	assert_int_equal(world_count(world, "run/mfa", name), 0);
}

static void a_full_folder_takes_no_more_and_stops_no_login(void **state)
{
	struct world *world = *state;
	struct timespec old[2] = {{1, 0}, {1, 0}};
	char path[128];
	char name[256];

	write_stack(world, TWO);
	for (unsigned i = 0; i < STORE_FILES_MAX; i++) {
		struct login login = {.answers = {"pw", "key"}};

		if (i == 0)
			login_run(world, &login);
		snprintf(path, sizeof(path), "run/mfa/ev/%032x", i);
		world_file(world, path, 0600, "");
	}
	struct login full = {.answers = {"pw", "key"}};
	login_start(world, &full);
	login_auth(&full);
	assert_int_equal(full.auth, PAM_SUCCESS);
	assert_int_equal(world_count(world, "run/mfa/ev", name),
			 STORE_FILES_MAX);
	login_end(&full);

	/* What nobody fetched for an hour makes room. */
	snprintf(path, sizeof(path), "%s/run/mfa/ev/%032x", world->dir, 5);
	assert_int_equal(utimensat(AT_FDCWD, path, old, 0), 0);
	struct login room = {.answers = {"pw", "key"}};
	login_start(world, &room);
	login_auth(&room);
	assert_int_not_equal(access(path, F_OK), 0);
	assert_int_equal(world_count(world, "run/mfa/ev", name),
			 STORE_FILES_MAX);
	login_end(&room);
}

/* ---- nobody to wait for ------------------------------------------------- */

static uint64_t time_login(void **state, struct login *login)
{
	uint64_t start = clock_mono_ns();

	login_run(*state, login);
	return clock_mono_ns() - start;
}

static void without_a_daemon_two_pass_and_one_does_not(void **state)
{
	struct login two = {.answers = {"pw", "key"}};
	struct login one = {.answers = {"pw"}};

	/* Not even the folder that it would have made. */
	world_remove(*state, "run");
	write_stack(*state, TWO);
	assert_true(time_login(state, &two) < NS_PER_S);
	assert_int_equal(two.session, PAM_SUCCESS);
	write_stack(*state, "auth requisite " K GATE AFTER);
	assert_true(time_login(state, &one) < NS_PER_S);
	assert_int_equal(one.auth, PAM_PERM_DENIED);
}

static void the_switch_holds_whatever_the_policy_says(void **state)
{
	struct world *world = *state;
	static const struct {
		const char *text;
		mode_t mode;
		int auth;
	} rows[] = {
		{"mode=report\n", 0600, PAM_SUCCESS},
		{"mode=enforce\n", 0600, PAM_PERM_DENIED},
		/* A trial of another boot is over. */
		{"mode=enforce\ntrial_until_boot_ns=9000000000000000000\n"
		 "trial_boot_id=00000000-0000-0000-0000-000000000000\n",
		 0600, PAM_SUCCESS},
		/* What cannot be believed weakens nothing. */
		{"mode=report\n", 0666, PAM_PERM_DENIED},
		{"mode=rep", 0600, PAM_PERM_DENIED},
		{"", 0600, PAM_PERM_DENIED},
	};

	world_file(world, "etc/login.policy", 0644, "mode=enforce\n");
	write_stack(world, "auth required " K GATE AFTER);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct login login = {.answers = {"pw"}};

		world_file(world, "var/login.switch", rows[i].mode,
			   rows[i].text);
		login_run(world, &login);
		if (login.auth != rows[i].auth)
			fail_msg("row %zu: auth %d", i, login.auth);
	}
	world_remove(world, "var/login.switch");
}

static void a_stopped_daemon_holds_up_nobody(void **state)
{
	struct world *world = *state;
	struct login first = {.answers = {"pw", "key"}};
	char path[128];
	int fds[2];

	/* The folders exist, and a watcher that never reads its events. */
	write_stack(world, TWO);
	login_run(world, &first);
	assert_int_equal(pipe(fds), 0);
	pid_t daemon = fork();
	if (daemon == 0) {
		int watch = inotify_init1(IN_CLOEXEC);

		snprintf(path, sizeof(path), "%s/run/mfa/ev", world->dir);
		inotify_add_watch(watch, path, IN_ALL_EVENTS);
		snprintf(path, sizeof(path), "%s/run/mfa/open", world->dir);
		inotify_add_watch(watch, path, IN_ALL_EVENTS);
		close(fds[1]);
		raise(SIGSTOP);
		_exit(0);
	}
	close(fds[1]);
	assert_int_equal(read(fds[0], path, 1), 0); /* it is watching */
	close(fds[0]);
	int status = 0;
	assert_int_equal(waitpid(daemon, &status, WUNTRACED), daemon);
	assert_true(WIFSTOPPED(status));

	struct login two = {.answers = {"pw", "key"}};
	struct login one = {.answers = {"pw", "xx"}};
	assert_true(time_login(state, &two) < NS_PER_S);
	assert_int_equal(two.session, PAM_SUCCESS);
	assert_true(time_login(state, &one) < NS_PER_S);
	assert_int_not_equal(one.auth, PAM_SUCCESS);
	kill(daemon, SIGKILL);
	waitpid(daemon, &status, 0);
}

static void a_fifo_in_the_policys_place_holds_up_nobody(void **state)
{
	struct world *world = *state;
	struct login login = {.answers = {"pw"}};
	char path[128];

	snprintf(path, sizeof(path), "%s/var/login.policy", world->dir);
	assert_int_equal(mkfifo(path, 0600), 0);
	write_stack(world, "auth requisite " K GATE AFTER);
	alarm(5); /* ends the test where open() waits for a writer */
	login_run(world, &login);
	alarm(0);
	assert_int_equal(login.auth, PAM_PERM_DENIED);
}

static void the_first_policy_that_reads_well_holds(void **state)
{
	static const struct {
		const char *kept;
		mode_t mode;
		const char *installed;
		int auth;
	} rows[] = {
		{"mode=report\n", 0644, "", PAM_SUCCESS},
		{"mode=enforce\n", 0644, "mode=report\n", PAM_PERM_DENIED},
		/* Writable for others: passed over. */
		{"mode=report\n", 0666, "", PAM_PERM_DENIED},
		{"mode=report\n", 0664, "mode=enforce\n", PAM_PERM_DENIED},
		/* Cut short or misspelt: passed over as a whole. */
		{"mode=repo", 0644, "mode=enforce\n", PAM_PERM_DENIED},
		{"mode=report\nx=1\n", 0644, "", PAM_PERM_DENIED},
		{"required=0\n", 0644, "", PAM_PERM_DENIED},
		{"mode=junk\n", 0644, "mode=report\n", PAM_SUCCESS},
		/* Nothing readable at all: two factors. */
		{"\001", 0644, "\001", PAM_PERM_DENIED},
	};

	write_stack(*state, "auth requisite " K GATE AFTER REST);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct login login = {.answers = {"pw"}};

		world_file(*state, "var/login.policy", rows[i].mode,
			   rows[i].kept);
		world_file(*state, "etc/login.policy", 0644, rows[i].installed);
		login_run(*state, &login);
		if (login.auth != rows[i].auth)
			fail_msg("row %zu: auth %d", i, login.auth);
	}
}

/* ---- the wrapped module -------------------------------------------------- */

static void the_module_gets_its_own_arguments_and_the_flags(void **state)
{
	struct login login = {
		.flags = PAM_DISALLOW_NULL_AUTHTOK,
		.answers = {"pw", "key"},
	};

	write_stack(*state,
		    "auth requisite %M wrap factor=knowledge %D/pam_unix.so "
		    "answer=pw log=%W/log [two words] last\n"
		    "auth requisite " P GATE AFTER);
	login_run(*state, &login);
	assert_int_equal(login.session, PAM_SUCCESS);
	assert_string_equal(world_read(*state, "log"),
			    "authenticate flags=0x1 answer=pw two words last\n"
			    "setcred flags=0x2 answer=pw two words last\n");
}

static void setcred_returns_what_the_module_returns(void **state)
{
	struct login login = {.answers = {"pw", "key"}};

	write_stack(*state,
		    "auth requisite %M wrap factor=knowledge %D/pam_unix.so "
		    "answer=pw cred_fails\nauth requisite " P GATE AFTER);
	login_run(*state, &login);
	assert_int_equal(login.setcred, PAM_CRED_EXPIRED);
}

static void the_return_value_is_the_modules_own(void **state)
{
	struct login login = {.answers = {"pw"}};

	write_stack(*state,
		    "auth [authinfo_unavail=ignore default=die] %M wrap "
		    "factor=possession %D/pam_u2f.so absent\n"
		    "auth requisite " K AFTER);
	login_start(*state, &login);
	login_auth(&login);
	assert_int_equal(login.auth, PAM_SUCCESS);
	login_end(&login);
}

/* ---- what the person reads ------------------------------------------------ */

static void a_refusal_is_explained_in_both_languages(void **state)
{
	struct login login = {.answers = {"pw"}};

	world_file(*state, "etc/login.policy", 0644,
		   "contact=情報政策課 内線2345\n");
	write_stack(*state, "auth requisite " K GATE AFTER);
	login_run(*state, &login);
	assert_non_null(strstr(login.said, "ログインできません"));
	assert_non_null(strstr(login.said, "内線2345"));
	assert_non_null(strstr(login.said, "Login refused"));
	/* Which factor was right would help to guess the password. */
	assert_null(strstr(login.said, "pam_unix"));
}

static void the_text_console_gets_letters_it_can_show(void **state)
{
	struct login login = {.tty = "tty2", .answers = {"pw"}};

	write_stack(*state, "auth requisite " K GATE AFTER);
	login_run(*state, &login);
	for (const char *c = login.said; *c; c++)
		assert_true((unsigned char)*c < 0x80);
	assert_non_null(strstr(login.said, "Login refused"));
}

static void a_silent_login_says_nothing(void **state)
{
	struct login login = {.flags = PAM_SILENT, .answers = {"pw"}};

	write_stack(*state, "auth requisite " K GATE AFTER);
	login_run(*state, &login);
	assert_int_equal(login.auth, PAM_PERM_DENIED);
	assert_string_equal(login.said, "");
}

static void an_emergency_login_is_told_and_recorded_as_such(void **state)
{
	struct login login = {.user = "kinkyu", .answers = {"pw", "xx"}};
	struct login_record record;

	write_stack(*state,
		    "auth requisite " K "auth optional " P GATE AFTER REST);
	login_start(*state, &login);
	login_auth(&login);
	assert_true(world_record(*state, "ev", &record));
	assert_int_equal(record.outcome, LOGIN_ALLOW_BREAKGLASS);
	login_account(&login);
	login_session(&login);
	assert_non_null(strstr(login.said, "緊急用"));
	assert_true(world_record(*state, "open", &record));
	assert_int_equal(record.outcome, LOGIN_ALLOW_BREAKGLASS);
	login_end(&login);
}

int main(void)
{
#define TEST(name)                                                             \
	cmocka_unit_test_setup_teardown(name, rows_setup, rows_teardown)
	const struct CMUnitTest tests[] = {
		TEST(an_open_session_has_a_record_that_only_root_reads),
		TEST(a_refusal_has_a_record),
		TEST(report_mode_records_the_refusal_once),
		TEST(a_folder_open_to_others_gets_no_record),
		TEST(a_full_folder_takes_no_more_and_stops_no_login),
		TEST(without_a_daemon_two_pass_and_one_does_not),
		TEST(the_switch_holds_whatever_the_policy_says),
		TEST(a_stopped_daemon_holds_up_nobody),
		TEST(a_fifo_in_the_policys_place_holds_up_nobody),
		TEST(the_first_policy_that_reads_well_holds),
		TEST(the_module_gets_its_own_arguments_and_the_flags),
		TEST(setcred_returns_what_the_module_returns),
		TEST(the_return_value_is_the_modules_own),
		TEST(a_refusal_is_explained_in_both_languages),
		TEST(the_text_console_gets_letters_it_can_show),
		TEST(a_silent_login_says_nothing),
		TEST(an_emergency_login_is_told_and_recorded_as_such),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
