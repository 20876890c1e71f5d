/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whole stacks through libpam, as a login program sees them: every way around
 * the gates that was found on real systems has a row here that passes when its
 * defence is taken out.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/pam/rows.h"

static void a_stack_that_jumps_over_the_gate_fails_at_the_next(void **state)
{
	static const struct row rows[] = {
		{"sufficient password",
		 "auth sufficient " K "auth requisite " P GATE AFTER,
		 {"pw"},
		 OK,
		 DENY,
		 NONE},
		{"sufficient and an account jump",
		 "auth sufficient " K "auth requisite " P GATE
		 "account [success=1 default=ignore] pam_permit.so\n"
		 "account required %M gate\naccount required pam_permit.so\n"
		 "session required %M gate\n",
		 {"pw"},
		 OK,
		 OK,
		 SESS},
		{"done by permit",
		 "auth [success=done default=ignore] pam_permit.so\n" GATE
			 AFTER,
		 {NULL},
		 OK,
		 DENY,
		 NONE},
		{"all optional and permit, wrong key",
		 "auth optional " K "auth optional " P
		 "auth required pam_permit.so\n" GATE AFTER,
		 {"pw", "xx"},
		 DENY,
		 NONE,
		 NONE},
		{"all optional and permit, wrong password",
		 "auth optional " K "auth optional " P
		 "auth required pam_permit.so\n" GATE AFTER,
		 {"xx", "key"},
		 DENY,
		 NONE,
		 NONE},
		/* ssh with a public key never calls auth: see test_module.c */
		{"no gate in auth",
		 "auth requisite " K AFTER,
		 {"pw"},
		 OK,
		 DENY,
		 NONE},
		{"no gate in auth and account",
		 "auth requisite " K "account required pam_permit.so\n"
		 "session required %M gate\n",
		 {"pw"},
		 OK,
		 OK,
		 SESS},
	};

	RUN(rows);
}

static void only_what_was_proven_here_counts(void **state)
{
	struct world *world = *state;
	static const struct row rows[] = {
		{"forged token",
		 "auth requisite " K AFTER,
		 {"pw"},
		 OK,
		 DENY,
		 NONE,
		 .env = "SEKIMORI_MFA=0123456789abcdef0123456789abcdef"
			"0123456789abcdef0123456789abcdef"},
		{"forged path",
		 "auth requisite " K AFTER,
		 {"pw"},
		 OK,
		 DENY,
		 NONE,
		 .env = "SEKIMORI_MFA=../../../../../../../../etc/forged"
			"0123456789abcdef0123456789abcde"},
		{"junk",
		 "auth requisite " K AFTER,
		 {"pw"},
		 OK,
		 DENY,
		 NONE,
		 .env = "SEKIMORI_MFA=forged"},
		{"the name of a card token",
		 "auth requisite " K AFTER,
		 {"pw"},
		 OK,
		 DENY,
		 NONE,
		 .env = "PKCS11_LOGIN_TOKEN_NAME=sato-card"},
		{"a token from the user's environment file",
		 "auth requisite " K "account required pam_permit.so\n"
		 "session required pam_env.so envfile=%W/home/env readenv=1\n"
		 "session required %M gate\n",
		 {"pw"},
		 OK,
		 OK,
		 SESS},
		{"the same beside two factors",
		 "auth requisite " K "auth requisite " P GATE
		 "account required %M gate\n"
		 "session required pam_env.so envfile=%W/home/env readenv=1\n"
		 "session required %M gate\n",
		 {"pw", "key"},
		 OK,
		 OK,
		 OK},
		{"another user's factor",
		 "auth requisite " K
		 "auth requisite %M wrap factor=possession " U2F
		 " become=suzuki\n" GATE AFTER,
		 {"pw", "key"},
		 DENY,
		 NONE,
		 NONE},
		{"both of the mapped user",
		 "auth requisite %M wrap factor=knowledge %D/pam_unix.so "
		 "answer=pw become=suzuki\nauth requisite " P GATE AFTER,
		 {"pw", "key"},
		 OK,
		 OK,
		 OK},
	};

	world_file(world, "home/env", 0644,
		   "SEKIMORI_MFA=0123456789abcdef0123456789abcdef"
		   "0123456789abcdef0123456789abcdef\n");
	RUN(rows);
}

static void a_module_file_that_is_not_roots_alone_is_not_run(void **state)
{
	struct world *world = *state;
	static const struct row rows[] = {
		{"outside the module directories",
		 "auth requisite %M wrap factor=knowledge "
		 "%W/home/pam_unix.so answer=pw\nauth requisite " P GATE AFTER,
		 {"pw", "key"},
		 PAM_SYSTEM_ERR,
		 NONE,
		 NONE},
		{"writable for others",
		 "auth requisite %M wrap factor=knowledge "
		 "%D/pam_unix.so answer=pw\nauth requisite " P GATE AFTER,
		 {"pw", "key"},
		 PAM_SYSTEM_ERR,
		 NONE,
		 NONE},
		{"link out of the directory",
		 "auth requisite " P
		 "auth requisite %M wrap factor=knowledge %D/pam_link.so\n" GATE
			 AFTER,
		 {"key"},
		 PAM_SYSTEM_ERR,
		 NONE,
		 NONE},
		{"missing",
		 "auth requisite " P
		 "auth requisite %M wrap factor=knowledge %D/pam_no.so\n" GATE
			 AFTER,
		 {"key"},
		 PAM_SYSTEM_ERR,
		 NONE,
		 NONE},
		{"itself",
		 "auth requisite %M wrap factor=knowledge %M gate\n" GATE AFTER,
		 {NULL},
		 PAM_SERVICE_ERR,
		 NONE,
		 NONE},
		{"a directory",
		 "auth requisite %M wrap factor=knowledge %D\n" GATE AFTER,
		 {NULL},
		 PAM_SYSTEM_ERR,
		 NONE,
		 NONE},
	};
	char from[128];
	char to[128];

	/* Sound but for the folder that it lies in. */
	snprintf(from, sizeof(from), "%s/modules/pam_oath.so", world->dir);
	snprintf(to, sizeof(to), "%s/home/pam_unix.so", world->dir);
	assert_int_equal(link(from, to), 0);
	snprintf(from, sizeof(from), "%s/modules/pam_unix.so", world->dir);
	assert_int_equal(chmod(from, 0777), 0);
	snprintf(from, sizeof(from), "%s/modules/pam_link.so", world->dir);
	assert_int_equal(symlink(to, from), 0);
	RUN(rows);
}

static void a_misspelt_line_refuses(void **state)
{
	static const struct row rows[] = {
		{"no word",
		 "auth required %M\n" AFTER,
		 {NULL},
		 PAM_SERVICE_ERR,
		 NONE,
		 NONE},
		{"unknown word",
		 "auth required %M mark\n" AFTER,
		 {NULL},
		 PAM_SERVICE_ERR,
		 NONE,
		 NONE},
		{"unknown factor",
		 "auth required %M wrap factor=thought %D/pam_unix.so\n" AFTER,
		 {NULL},
		 PAM_SERVICE_ERR,
		 NONE,
		 NONE},
		{"gate option",
		 "auth required %M gate min=1\n" AFTER,
		 {NULL},
		 PAM_SERVICE_ERR,
		 NONE,
		 NONE},
		{"wrap in account",
		 "auth requisite " K "auth requisite " P GATE
		 "account required " K,
		 {"pw", "key"},
		 OK,
		 PAM_SERVICE_ERR,
		 NONE},
	};

	RUN(rows);
}

static void the_glass_breaks_for_root_here_and_the_sealed_account(void **state)
{
#define SOFT "auth requisite " K "auth optional " P GATE AFTER REST
	static const struct row rows[] = {
		{"root on tty1",
		 SOFT,
		 {"pw"},
		 OK,
		 OK,
		 OK,
		 .user = "root",
		 .tty = "tty1"},
		{"root on /dev/tty6",
		 SOFT,
		 {"pw"},
		 OK,
		 OK,
		 OK,
		 .user = "root",
		 .tty = "/dev/tty6"},
		{"root on tty1, no factor",
		 "auth required pam_permit.so\n" GATE AFTER REST,
		 {NULL},
		 DENY,
		 NONE,
		 NONE,
		 .user = "root",
		 .tty = "tty1"},
		{"root on a serial line",
		 SOFT,
		 {"pw"},
		 DENY,
		 NONE,
		 NONE,
		 .user = "root",
		 .tty = "ttyS0"},
		{"root on tty7",
		 SOFT,
		 {"pw"},
		 DENY,
		 NONE,
		 NONE,
		 .user = "root",
		 .tty = "tty7"},
		{"root over ssh",
		 SOFT,
		 {"pw"},
		 DENY,
		 NONE,
		 NONE,
		 .user = "root",
		 .tty = "ssh",
		 .rhost = "10.0.0.9",
		 .service = "sshd"},
		{"root over ssh that says tty1",
		 SOFT,
		 {"pw"},
		 DENY,
		 NONE,
		 NONE,
		 .user = "root",
		 .tty = "tty1",
		 .rhost = "10.0.0.9"},
		{"sealed account",
		 SOFT,
		 {"pw"},
		 OK,
		 OK,
		 OK,
		 .user = "kinkyu",
		 .tty = ":0"},
		{"sealed account from afar",
		 SOFT,
		 {"pw"},
		 DENY,
		 NONE,
		 NONE,
		 .user = "kinkyu",
		 .rhost = "10.0.0.9"},
		{"a name that the member's begins with",
		 SOFT,
		 {"pw"},
		 DENY,
		 NONE,
		 NONE,
		 .user = "kin",
		 .tty = "tty1"},
		{"anybody else on tty1",
		 SOFT,
		 {"pw"},
		 DENY,
		 NONE,
		 NONE,
		 .user = "sato",
		 .tty = "tty1"},
		{"root, switched off",
		 SOFT,
		 {"pw"},
		 DENY,
		 NONE,
		 NONE,
		 "breakglass_root_console=no\n",
		 .user = "root",
		 .tty = "tty1"},
		{"sealed account, no group",
		 SOFT,
		 {"pw"},
		 DENY,
		 NONE,
		 NONE,
		 "breakglass_group=\n",
		 .user = "kinkyu"},
	};

	RUN(rows);
}

static void services_that_log_nobody_in_go_on_by_themselves(void **state)
{
#define PERMIT "auth required pam_permit.so\n" GATE AFTER REST
	static const struct row rows[] = {
		{"cron", PERMIT, {NULL}, OK, OK, OK, .service = "cron"},
		{"greeter",
		 PERMIT,
		 {NULL},
		 OK,
		 OK,
		 OK,
		 .service = "lightdm-greeter",
		 .user = "gdm"},
		{"a person as a greeter",
		 PERMIT,
		 {NULL},
		 DENY,
		 NONE,
		 NONE,
		 .service = "lightdm-greeter"},
		{"root as a greeter",
		 PERMIT,
		 {NULL},
		 DENY,
		 NONE,
		 NONE,
		 .service = "lightdm-greeter",
		 .user = "root"},
		/* The gate itself vouches for nobody. */
		{"cron with nothing but gates",
		 GATE AFTER,
		 {NULL},
		 DENY,
		 NONE,
		 NONE,
		 .service = "cron"},
		{"policy's own list replaces ours",
		 PERMIT,
		 {NULL},
		 DENY,
		 NONE,
		 NONE,
		 "exempt=backup 0 999\n",
		 .service = "cron"},
		{"exempt by program",
		 PERMIT,
		 {NULL},
		 DENY,
		 NONE,
		 NONE,
		 "exempt=cron 0 4294967295 /usr/sbin/cron\n",
		 .service = "cron"},
		{"nobody of that name",
		 PERMIT,
		 {NULL},
		 DENY,
		 NONE,
		 NONE,
		 .user = "ghost"},
		{"logins from afar refused",
		 "auth requisite " K "auth requisite " P GATE AFTER,
		 {"pw", "key"},
		 DENY,
		 NONE,
		 NONE,
		 "refuse_remote=yes\n",
		 .rhost = "10.0.0.9"},
	};

	RUN(rows);
}

static void report_mode_refuses_nobody_and_vouches_for_nobody(void **state)
{
	static const struct row rows[] = {
		{"one factor",
		 "auth requisite " K GATE AFTER REST,
		 {"pw"},
		 OK,
		 OK,
		 OK,
		 "mode=report\n"},
		{"by the lines",
		 "auth requisite " K "auth required %M gate report\n"
		 "account required %M gate report\n"
		 "session required %M gate report\n" REST,
		 {"pw"},
		 OK,
		 OK,
		 OK},
		{"wrong password",
		 "auth requisite " K GATE AFTER REST,
		 {"xx"},
		 PAM_AUTH_ERR,
		 NONE,
		 NONE,
		 "mode=report\n"},
		{"gates alone let nobody in",
		 GATE AFTER,
		 {NULL},
		 DENY,
		 NONE,
		 NONE,
		 "mode=report\n"},
		{"off",
		 "auth requisite " K GATE AFTER REST,
		 {"pw"},
		 OK,
		 OK,
		 OK,
		 "mode=off\n"},
		{"trial that ran out",
		 "auth requisite " K GATE AFTER REST,
		 {"pw"},
		 OK,
		 OK,
		 OK,
		 "trial_until_boot_ns=1\n"
		 "trial_boot_id=11111111-2222-3333-4444-555555555555\n"},
		{"trial that runs",
		 "auth requisite " K GATE AFTER REST,
		 {"pw"},
		 DENY,
		 NONE,
		 NONE,
		 "trial_until_boot_ns=18446744073709551615\n"
		 "trial_boot_id=11111111-2222-3333-4444-555555555555\n"},
		{"trial of another boot",
		 "auth requisite " K GATE AFTER REST,
		 {"pw"},
		 OK,
		 OK,
		 OK,
		 "trial_until_boot_ns=18446744073709551615\n"
		 "trial_boot_id=99999999-2222-3333-4444-555555555555\n"},
	};

	RUN(rows);
}

static void an_empty_auth_stack_falls_back_to_other_and_is_caught(void **state)
{
	struct world *world = *state;
	struct login login = {.service = "gdm-password"};

	/* An include cut to nothing by a power cut, and a lax `other`. */
	world_file(world, "pam.d/other", 0644, "auth required pam_permit.so\n");
	world_file(world, "pam.d/gdm-password", 0644, AFTER);
	login_run(world, &login);
	assert_int_equal(login.auth, PAM_SUCCESS);
	assert_int_equal(login.account, PAM_PERM_DENIED);
}

int main(void)
{
#define TEST(name)                                                             \
	cmocka_unit_test_setup_teardown(name, rows_setup, rows_teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_stack_that_jumps_over_the_gate_fails_at_the_next),
		TEST(only_what_was_proven_here_counts),
		TEST(a_module_file_that_is_not_roots_alone_is_not_run),
		TEST(a_misspelt_line_refuses),
		TEST(the_glass_breaks_for_root_here_and_the_sealed_account),
		TEST(services_that_log_nobody_in_go_on_by_themselves),
		TEST(report_mode_refuses_nobody_and_vouches_for_nobody),
		TEST(an_empty_auth_stack_falls_back_to_other_and_is_caught),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
