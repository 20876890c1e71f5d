/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One handle, two handles, two processes: what may be added up and what may
 * not, and what sshd's parent takes over from its child.
 */
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/base/clock.h"
#include "tests/pam/rows.h"

#define SOFT                                                                   \
	"auth optional " K "auth optional " P "auth required pam_permit.so\n"

static void write_stack(struct world *world, const char *stack)
{
	world_file(world, "pam.d/login", 0644, stack);
	world_file(world, "pam.d/sshd", 0644, stack);
}

static void two_passes_through_one_handle_are_not_added_up(void **state)
{
	static const char *const stacks[] = {SOFT AFTER, SOFT GATE AFTER};

	for (size_t i = 0; i < 2; i++) {
		struct login login = {.answers = {"pw", "xx", "xx", "key"}};

		write_stack(*state, stacks[i]);
		login_start(*state, &login);
		login_auth(&login);
		login_auth(&login);
		assert_int_equal(login.answer_count, 4);
		login_account(&login);
		assert_int_equal(login.account, PAM_PERM_DENIED);
		login_end(&login);
	}
}

/* The second pass jumps over the line whose proof the first one kept. */
static void what_a_gate_refused_is_not_carried_on(void **state)
{
	struct login login = {.answers = {"xx", "pw", "key"}};

	write_stack(*state, "auth [success=1 default=ignore] " P
			    "auth optional " K GATE AFTER);
	login_start(*state, &login);
	login_auth(&login);
	login_auth(&login);
	assert_int_equal(login.answer_count, 3);
	assert_int_equal(login.auth, PAM_PERM_DENIED);
	login_end(&login);
}

static void a_second_try_that_is_whole_passes(void **state)
{
	struct login login = {.answers = {"pw", "xx", "pw", "key"}};

	write_stack(*state, TWO);
	login_start(*state, &login);
	login_auth(&login);
	assert_int_equal(login.auth, PAM_AUTH_ERR);
	login_auth(&login);
	assert_int_equal(login.auth, PAM_SUCCESS);
	login_account(&login);
	assert_int_equal(login.account, PAM_SUCCESS);
	login_end(&login);
}

/* GDM runs a worker for the password and one for the fingerprint. */
static void two_handles_are_not_added_up(void **state)
{
	struct login a = {.service = "login", .answers = {"pw", "xx"}};
	struct login b = {.service = "login", .answers = {"xx", "key"}};

	write_stack(*state, SOFT AFTER);
	login_start(*state, &a);
	login_start(*state, &b);
	login_auth(&a);
	login_auth(&b);
	login_account(&a);
	login_account(&b);
	assert_int_equal(a.account, PAM_PERM_DENIED);
	assert_int_equal(b.account, PAM_PERM_DENIED);
	login_end(&a);
	login_end(&b);
}

static void a_change_of_user_drops_what_was_proven(void **state)
{
	struct login login = {.answers = {"pw", "key"}};

	write_stack(*state, TWO);
	login_start(*state, &login);
	login_auth(&login);
	assert_int_equal(login.auth, PAM_SUCCESS);
	pam_set_item(login.pamh, PAM_USER, "suzuki");
	login_account(&login);
	assert_int_equal(login.account, PAM_PERM_DENIED);
	login_end(&login);
}

static void wait_ms(int ms)
{
	poll(NULL, 0, ms);
}

/* A password that must be changed is typed between account and session. */
static void what_one_gate_took_holds_for_the_next(void **state)
{
	struct login login = {.answers = {"pw", "key", "pw", "key"}};

	world_file(*state, "etc/login.policy", 0644,
		   "evidence_ttl_ns=200000000\n");
	write_stack(*state, TWO);
	login_start(*state, &login);
	login_auth(&login);
	assert_int_equal(login.auth, PAM_SUCCESS);
	wait_ms(300);
	login_account(&login);
	assert_int_equal(login.account, PAM_SUCCESS);
	login_end(&login);

	/* Without a gate that took it in time, proof grows old. */
	write_stack(*state, "auth requisite " K "auth requisite " P AFTER);
	login_start(*state, &login);
	login_auth(&login);
	assert_int_equal(login.auth, PAM_SUCCESS);
	wait_ms(300);
	login_account(&login);
	assert_int_equal(login.account, PAM_PERM_DENIED);
	login_end(&login);
}

static void gates_may_stand_twice(void **state)
{
	struct login login = {.answers = {"pw", "key"}};
	struct login_record record;
	char name[256];

	write_stack(*state, "auth requisite " K
			    "auth requisite " P GATE GATE AFTER AFTER);
	login_start(*state, &login);
	login_auth(&login);
	assert_int_equal(login.auth, PAM_SUCCESS);
	assert_int_equal(world_count(*state, "run/mfa/ev", name), 1);
	login_account(&login);
	assert_int_equal(login.account, PAM_SUCCESS);
	assert_true(world_record(*state, "ev", &record));
	assert_string_equal(record.phase, "auth"); /* not written again */
	login_session(&login);
	assert_int_equal(login.session, PAM_SUCCESS);
	assert_int_equal(world_count(*state, "run/mfa/open", name), 1);
	login_end(&login);
	assert_int_equal(world_count(*state, "run/mfa/open", name), 0);
}

static void account_and_session_without_auth_are_refused(void **state)
{
	/* sshd with a public key: auth is never called. */
	struct login login = {.service = "sshd", .rhost = "10.0.0.9"};

	write_stack(*state, TWO);
	login_start(*state, &login);
	login_account(&login);
	assert_int_equal(login.account, PAM_PERM_DENIED);
	login_session(&login);
	assert_int_equal(login.session, PAM_SESSION_ERR);
	login_end(&login);
}

/* ---- sshd keyboard-interactive: a child authenticates ------------------- */

/* Authenticates in a child, as sshd does, and brings its environment back.
 * Returns the child's account result. */
static int auth_in_child(struct login *login)
{
	char token[256] = "";
	int fds[2];
	int status = -1;

	assert_int_equal(pipe(fds), 0);
	pid_t child = fork();
	if (child == 0) {
		login_auth(login);
		if (login->auth == PAM_SUCCESS)
			login_account(login);
		const char *value = pam_getenv(login->pamh, "SEKIMORI_MFA");
		dprintf(fds[1], "%s", value ? value : "");
		_exit(login->account == -1 ? 99 : login->account);
	}
	close(fds[1]);
	ssize_t n = read(fds[0], token, sizeof(token) - 1);
	close(fds[0]);
	assert_int_equal(waitpid(child, &status, 0), child);
	if (n > 0) {
		char env[300];

		snprintf(env, sizeof(env), "SEKIMORI_MFA=%s", token);
		pam_putenv(login->pamh, env);
	}
	return WEXITSTATUS(status);
}

static void start_ssh(void **state, struct login *login)
{
	*login = (struct login){.service = "sshd",
				.rhost = "10.0.0.9",
				.tty = "ssh",
				.answers = {"pw", "key"}};
	write_stack(*state, TWO);
	login_start(*state, login);
}

static void sshds_parent_takes_over_what_its_child_proved(void **state)
{
	struct login login;
	struct login_record record;
	char name[256];

	start_ssh(state, &login);
	login_end(&login);
	write_stack(*state, TWO AFTER); /* gates twice */
	login_start(*state, &login);
	assert_int_equal(auth_in_child(&login), PAM_SUCCESS);
	assert_true(world_record(*state, "ev", &record));
	login_session(&login);
	assert_int_equal(login.session, PAM_SUCCESS);

	/* Spent: neither on file nor in the user's environment. */
	assert_int_equal(world_count(*state, "run/mfa/ev", name), 0);
	assert_null(pam_getenv(login.pamh, "SEKIMORI_MFA"));
	assert_true(world_record(*state, "open", &record));
	assert_int_equal(record.process.pid, getpid());
	assert_int_equal(record.factors, MFA_KNOWLEDGE | MFA_POSSESSION);
	assert_string_equal(record.user, "sato");
	assert_string_equal(record.rhost, "10.0.0.9");
	login_end(&login);
}

static void a_child_with_one_factor_hands_nothing_over(void **state)
{
	struct login login;

	start_ssh(state, &login);
	login.answers[1] = "xx";
	assert_int_equal(auth_in_child(&login), 99);
	login_session(&login);
	assert_int_equal(login.session, PAM_SESSION_ERR);
	login_end(&login);
}

static void a_token_is_good_for_one_handle(void **state)
{
	struct login login;
	struct login second;
	char env[300];

	start_ssh(state, &login);
	assert_int_equal(auth_in_child(&login), PAM_SUCCESS);
	snprintf(env, sizeof(env), "SEKIMORI_MFA=%s",
		 pam_getenv(login.pamh, "SEKIMORI_MFA"));
	login_session(&login);
	assert_int_equal(login.session, PAM_SUCCESS);

	start_ssh(state, &second);
	pam_putenv(second.pamh, env);
	login_session(&second);
	assert_int_equal(second.session, PAM_SESSION_ERR);
	login_end(&second);
	login_end(&login);
}

static void a_token_is_good_for_the_parent_alone(void **state)
{
	struct login login;
	int status = -1;

	start_ssh(state, &login);
	assert_int_equal(auth_in_child(&login), PAM_SUCCESS);
	pid_t sibling = fork();
	if (sibling == 0) {
		login_session(&login);
		_exit(login.session);
	}
	assert_int_equal(waitpid(sibling, &status, 0), sibling);
	assert_int_equal(WEXITSTATUS(status), PAM_SESSION_ERR);
	login_end(&login);
}

/* Changes the evidence on file between child and parent. */
static void rewrite(struct world *world, void (*change)(struct login_record *))
{
	struct login_record record;
	char text[LOGIN_TEXT_MAX_BYTES];
	char path[64];

	assert_true(world_record(world, "ev", &record));
	snprintf(path, sizeof(path), "run/mfa/ev/%s", record.id);
	change(&record);
	assert_true(login_record_format(&record, text, sizeof(text)) > 0);
	world_file(world, path, 0600, text);
}

static void nothing(struct login_record *record)
{
	(void)record;
}

#define TTL_S 20 /* less than any machine that builds this is up */

static void make_old(struct login_record *record)
{
	uint64_t age_ns = (TTL_S + 1) * NS_PER_S;

	record->boot_ns -= age_ns;
	for (size_t i = 0; i < record->proof_count; i++)
		record->proofs[i].boot_ns -= age_ns;
}

static void make_another_start(struct login_record *record)
{
	record->parent.start++;
}

static void make_another_pid(struct login_record *record)
{
	record->parent.pid++;
}

static void make_another_user(struct login_record *record)
{
	snprintf(record->user, sizeof(record->user), "suzuki");
}

static void make_another_service(struct login_record *record)
{
	snprintf(record->service, sizeof(record->service), "login");
}

static void make_another_secret(struct login_record *record)
{
	record->secret[31] = record->secret[31] == '0' ? '1' : '0';
}

static void make_denied(struct login_record *record)
{
	record->kind = LOGIN_RECORD_DENIED;
}

static void evidence_that_does_not_fit_is_not_taken_over(void **state)
{
	static const struct {
		void (*change)(struct login_record *);
		int session;
	} rows[] = {
		{nothing, PAM_SUCCESS},
		{make_old, PAM_SESSION_ERR},
		{make_another_start, PAM_SESSION_ERR},
		{make_another_pid, PAM_SESSION_ERR},
		{make_another_user, PAM_SESSION_ERR},
		{make_another_service, PAM_SESSION_ERR},
		{make_another_secret, PAM_SESSION_ERR},
		{make_denied, PAM_SESSION_ERR},
	};

	world_file(*state, "etc/login.policy", 0644,
		   "evidence_ttl_ns=20000000000\n"); /* TTL_S */
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct login login;
		char name[256];
		char path[300];

		start_ssh(state, &login);
		assert_int_equal(auth_in_child(&login), PAM_SUCCESS);
		rewrite(*state, rows[i].change);
		login_session(&login);
		if (login.session != rows[i].session)
			fail_msg("row %zu: session %d", i, login.session);
		login_end(&login);
		if (world_count(*state, "run/mfa/ev", name)) {
			snprintf(path, sizeof(path), "run/mfa/ev/%s", name);
			world_remove(*state, path);
		}
	}
}

/* A sound record, but where no gate writes any. */
static void a_token_cannot_name_a_path(void **state)
{
	static const char id[] = "../../../home/forged.evidence.01";
	struct world *world = *state;
	struct login login;
	struct login_record record;
	char text[LOGIN_TEXT_MAX_BYTES];
	char env[128];

	start_ssh(state, &login);
	assert_int_equal(auth_in_child(&login), PAM_SUCCESS);
	assert_true(world_record(world, "ev", &record));
	memcpy(record.id, id, sizeof(id));
	assert_true(login_record_format(&record, text, sizeof(text)) > 0);
	world_file(world, "home/forged.evidence.01", 0600, text);
	snprintf(env, sizeof(env), "SEKIMORI_MFA=%s%s", id, record.secret);
	pam_putenv(login.pamh, env);
	login_session(&login);
	assert_int_equal(login.session, PAM_SESSION_ERR);
	login_end(&login);
}

static void a_loose_record_is_not_believed(void **state)
{
	struct login login;
	struct login_record record;
	char path[128];

	start_ssh(state, &login);
	assert_int_equal(auth_in_child(&login), PAM_SUCCESS);
	assert_true(world_record(*state, "ev", &record));
	snprintf(path, sizeof(path), "%s/run/mfa/ev/%s",
		 ((struct world *)*state)->dir, record.id);
	assert_int_equal(chmod(path, 0666), 0);
	login_session(&login);
	assert_int_equal(login.session, PAM_SESSION_ERR);
	login_end(&login);
}

/* A program that authenticates and opens the session in its child. */
static void a_child_inherits_and_a_grandchild_does_not(void **state)
{
	struct login login = {.answers = {"pw", "key"}};
	int status = -1;

	write_stack(*state, TWO);
	login_start(*state, &login);
	login_auth(&login);
	assert_int_equal(login.auth, PAM_SUCCESS);
	pid_t child = fork();
	if (child == 0) {
		pid_t grandchild = fork();

		if (grandchild == 0) {
			login_account(&login);
			_exit(login.account);
		}
		waitpid(grandchild, &status, 0);
		login_session(&login);
		_exit(WEXITSTATUS(status) == PAM_PERM_DENIED ? login.session
							     : 99);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(WEXITSTATUS(status), PAM_SUCCESS);
	login_end(&login);
}

int main(void)
{
#define TEST(name)                                                             \
	cmocka_unit_test_setup_teardown(name, rows_setup, rows_teardown)
	const struct CMUnitTest tests[] = {
		TEST(two_passes_through_one_handle_are_not_added_up),
		TEST(what_a_gate_refused_is_not_carried_on),
		TEST(a_second_try_that_is_whole_passes),
		TEST(two_handles_are_not_added_up),
		TEST(a_change_of_user_drops_what_was_proven),
		TEST(what_one_gate_took_holds_for_the_next),
		TEST(gates_may_stand_twice),
		TEST(account_and_session_without_auth_are_refused),
		TEST(sshds_parent_takes_over_what_its_child_proved),
		TEST(a_child_with_one_factor_hands_nothing_over),
		TEST(a_token_is_good_for_one_handle),
		TEST(a_token_is_good_for_the_parent_alone),
		TEST(evidence_that_does_not_fit_is_not_taken_over),
		TEST(a_token_cannot_name_a_path),
		TEST(a_loose_record_is_not_believed),
		TEST(a_child_inherits_and_a_grandchild_does_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
