/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What counts as a factor, through libpam: every argument, claim and enrolment
 * that made one factor look like two on real modules has a row here.
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

static void two_kinds_pass_in_either_order(void **state)
{
	static const struct row rows[] = {
		{"password, key", TWO, {"pw", "key"}, OK, OK, OK},
		{"key, password",
		 "auth requisite " P "auth requisite " K GATE AFTER,
		 {"key", "pw"},
		 OK,
		 OK,
		 OK},
		{"password, finger",
		 "auth requisite " K "auth requisite " FINGER GATE AFTER,
		 {"pw", "finger"},
		 OK,
		 OK,
		 OK},
		{"card with its PIN",
		 "auth requisite " CARD GATE AFTER,
		 {"pin"},
		 OK,
		 OK,
		 OK},
		{"all lines optional, gate required",
		 "auth optional " K "auth optional " P GATE AFTER,
		 {"pw", "key"},
		 OK,
		 OK,
		 OK},
		{"controls that ignore success",
		 "auth [success=ignore default=die] " K
		 "auth [success=ignore default=die] " P GATE AFTER,
		 {"pw", "key"},
		 OK,
		 OK,
		 OK},
		{"the jumps of a stock Debian stack",
		 "auth [success=1 default=ignore] " K
		 "auth requisite pam_deny.so\nauth required pam_permit.so\n"
		 "auth optional " P GATE AFTER,
		 {"pw", "key"},
		 OK,
		 OK,
		 OK},
		{"the second reads the first's password",
		 "auth requisite " K "auth requisite %M wrap factor=possession "
		 "%D/pam_oath.so answer=pw use_first_pass\n" GATE AFTER,
		 {"pw"},
		 OK,
		 OK,
		 OK},
		{"bare module names",
		 "auth requisite %M wrap factor=knowledge pam_unix.so "
		 "answer=pw\nauth requisite %M wrap factor=possession "
		 "pam_u2f.so answer=key authfile=%W/etc/u2f_keys\n" GATE AFTER,
		 {"pw", "key"},
		 OK,
		 OK,
		 OK},
	};

	RUN(rows);
}

static void one_factor_is_refused(void **state)
{
	static const struct row rows[] = {
		{"password",
		 "auth requisite " K GATE AFTER,
		 {"pw"},
		 DENY,
		 NONE,
		 NONE},
		{"key",
		 "auth requisite " P GATE AFTER,
		 {"key"},
		 DENY,
		 NONE,
		 NONE},
		{"finger",
		 "auth requisite " FINGER GATE AFTER,
		 {"finger"},
		 DENY,
		 NONE,
		 NONE},
		{"wrong password",
		 TWO,
		 {"xx", "key"},
		 PAM_AUTH_ERR,
		 NONE,
		 NONE},
		{"wrong key", TWO, {"pw", "xx"}, PAM_AUTH_ERR, NONE, NONE},
		{"wrong PIN",
		 "auth requisite " CARD GATE AFTER,
		 {"0000"},
		 PAM_AUTH_ERR,
		 NONE,
		 NONE},
		{"card absent, password instead",
		 "auth [success=2 default=ignore] %M wrap "
		 "factor=possession+knowledge %D/pam_pkcs11.so absent\n"
		 "auth requisite " K "auth required pam_permit.so\n" GATE AFTER,
		 {"pw"},
		 DENY,
		 NONE,
		 NONE},
		{"nothing proven at all",
		 "auth required pam_permit.so\n" GATE AFTER,
		 {NULL},
		 DENY,
		 NONE,
		 NONE},
	};

	RUN(rows);
}

static void two_of_one_kind_are_one_factor(void **state)
{
	static const struct row rows[] = {
		{"two passwords",
		 "auth requisite " K "auth requisite %M wrap factor=knowledge "
		 "%D/pam_unix.so answer=pw2\n" GATE AFTER,
		 {"pw", "pw2"},
		 DENY,
		 NONE,
		 NONE},
		{"two tokens",
		 "auth requisite " P "auth requisite " OATH GATE AFTER,
		 {"key", "123456"},
		 DENY,
		 NONE,
		 NONE},
	};

	RUN(rows);
}

#define BAD_U2F(arguments)                                                     \
	"auth requisite " K                                                    \
	"auth required %M wrap factor=possession %D/pam_u2f.so "               \
	"authfile=%W/etc/u2f_keys " arguments "\n" GATE AFTER
#define BAD_GA(arguments)                                                      \
	"auth requisite " K "auth required %M wrap factor=possession "         \
	"%D/pam_google_authenticator.so secret=%W/etc/u2f_keys " arguments     \
	"\n" GATE AFTER

static void an_argument_that_allows_success_without_proof_does_not_count(
	void **state)
{
	static const struct row rows[] = {
		/* The bypass of marker lines: PAM_IGNORE, and on it goes. */
		{"nouserok, nobody enrolled",
		 BAD_U2F("absent nouserok"),
		 {"pw"},
		 DENY,
		 NONE,
		 NONE},
		{"PAM_IGNORE without any argument",
		 BAD_U2F("ignores"),
		 {"pw"},
		 DENY,
		 NONE,
		 NONE},
		{"nouserok, key used",
		 BAD_U2F("answer=key nouserok"),
		 {"pw", "key"},
		 DENY,
		 NONE,
		 NONE},
		{"alwaysok, no key",
		 BAD_U2F("alwaysok"),
		 {"pw"},
		 DENY,
		 NONE,
		 NONE},
		{"alwaysok=1, no key",
		 BAD_U2F("alwaysok=1"),
		 {"pw"},
		 DENY,
		 NONE,
		 NONE},
		{"manual",
		 BAD_U2F("answer=key manual"),
		 {"pw", "key"},
		 DENY,
		 NONE,
		 NONE},
		{"debug_file",
		 BAD_U2F("answer=key debug_file=/tmp/x"),
		 {"pw", "key"},
		 DENY,
		 NONE,
		 NONE},
		{"a file with more arguments",
		 BAD_U2F("answer=key conf=/x"),
		 {"pw", "key"},
		 DENY,
		 NONE,
		 NONE},
		{"nullok, no secret",
		 BAD_GA("absent nullok"),
		 {"pw"},
		 DENY,
		 NONE,
		 NONE},
		{"nullok, code typed",
		 BAD_GA("answer=1 nullok"),
		 {"pw", "1"},
		 DENY,
		 NONE,
		 NONE},
		{"grace period",
		 BAD_GA("answer=1 grace_period=3600"),
		 {"pw", "1"},
		 DENY,
		 NONE,
		 NONE},
		{"empty password",
		 "auth requisite %M wrap factor=knowledge %D/pam_unix.so "
		 "alwaysok nullok\nauth requisite " P GATE AFTER,
		 {"key"},
		 DENY,
		 NONE,
		 NONE},
		{"denied by policy",
		 BAD_U2F("answer=key cue"),
		 {"pw", "key"},
		 DENY,
		 NONE,
		 NONE,
		 "denied=cue\n"},
		{"… and only by policy",
		 BAD_U2F("answer=key cue"),
		 {"pw", "key"},
		 OK,
		 OK,
		 OK},
	};

	RUN(rows);
}

static void a_line_cannot_claim_more_than_the_module_proves(void **state)
{
	static const struct row rows[] = {
		{"password as two",
		 "auth requisite %M wrap factor=knowledge+possession "
		 "%D/pam_unix.so answer=pw\n" GATE AFTER,
		 {"pw"},
		 DENY,
		 NONE,
		 NONE},
		{"password as a token",
		 "auth requisite " K "auth requisite %M wrap factor=possession "
		 "%D/pam_unix.so answer=pw2\n" GATE AFTER,
		 {"pw", "pw2"},
		 DENY,
		 NONE,
		 NONE},
		{"key with PIN that is not forced",
		 "auth requisite %M wrap factor=possession+knowledge " U2F
		 "\n" GATE AFTER,
		 {"key"},
		 DENY,
		 NONE,
		 NONE},
		{"key with forced PIN",
		 "auth requisite %M wrap factor=possession+knowledge " U2F
		 " pinverification=1\n" GATE AFTER,
		 {"key"},
		 OK,
		 OK,
		 OK},
		{"key with forced fingerprint",
		 "auth requisite %M wrap factor=possession+inherence " U2F
		 " userverification=1\n" GATE AFTER,
		 {"key"},
		 OK,
		 OK,
		 OK},
		{"forced, then not forced",
		 "auth requisite %M wrap factor=possession+knowledge " U2F
		 " pinverification=1 pinverification=0\n" GATE AFTER,
		 {"key"},
		 DENY,
		 NONE,
		 NONE},
		{"policy does not take PIN for a second factor",
		 "auth requisite " CARD GATE AFTER,
		 {"pin"},
		 DENY,
		 NONE,
		 NONE,
		 "refuse_forced_second=yes\n"},
		{"… but a password beside the card",
		 "auth requisite " K "auth requisite " CARD GATE AFTER,
		 {"pw", "pin"},
		 OK,
		 OK,
		 OK,
		 "refuse_forced_second=yes\n"},
		{"a module that proves nothing",
		 "auth requisite " K "auth requisite %M wrap factor=possession "
		 "%D/pam_other.so alwaysok\n" GATE AFTER,
		 {"pw"},
		 DENY,
		 NONE,
		 NONE},
		{"policy knows the module",
		 "auth requisite " K "auth requisite %M wrap factor=inherence "
		 "%D/pam_other.so answer=vein\n" GATE AFTER,
		 {"pw", "vein"},
		 OK,
		 OK,
		 OK,
		 "module=pam_other inherence root local\n"},
		{"fingerprint from another machine",
		 "auth requisite " K "auth requisite " FINGER GATE AFTER,
		 {"pw", "finger"},
		 DENY,
		 NONE,
		 NONE,
		 .rhost = "10.0.0.9"},
		{"combination that policy wants",
		 "auth requisite " K "auth requisite " P GATE AFTER,
		 {"pw", "key"},
		 DENY,
		 NONE,
		 NONE,
		 "combination=knowledge+inherence\n"},
		{"three kinds wanted, two proven",
		 "auth requisite " K "auth requisite " P GATE AFTER,
		 {"pw", "key"},
		 DENY,
		 NONE,
		 NONE,
		 "required=3\n"},
	};

	RUN(rows);
}

#define SELF(arguments)                                                        \
	"auth requisite " K "auth requisite %M wrap factor=possession "        \
	"%D/pam_u2f.so answer=key " arguments "\n" GATE AFTER

static void what_the_user_enrolled_alone_does_not_count(void **state)
{
	struct world *world = *state;
	static const struct row rows[] = {
		{"keys in the home directory",
		 SELF(""),
		 {"pw", "key"},
		 DENY,
		 NONE,
		 NONE},
		{"relative",
		 SELF("authfile=.keys"),
		 {"pw", "key"},
		 DENY,
		 NONE,
		 NONE},
		{"relative, to a file of root's",
		 SELF("authfile=etc/u2f_keys"),
		 {"pw", "key"},
		 DENY,
		 NONE,
		 NONE},
		{"~", SELF("authfile=~/keys"), {"pw", "key"}, DENY, NONE, NONE},
		{"%h",
		 SELF("authfile=%h/keys expand"),
		 {"pw", "key"},
		 DENY,
		 NONE,
		 NONE},
		{"out of root's directory by ..",
		 SELF("authfile=%W/etc/../home/sato/keys"),
		 {"pw", "key"},
		 DENY,
		 NONE,
		 NONE},
		{"absolute, in a directory others write",
		 SELF("authfile=%W/home/keys"),
		 {"pw", "key"},
		 DENY,
		 NONE,
		 NONE},
		{"absolute, a file others write",
		 SELF("authfile=%W/etc/loose_keys"),
		 {"pw", "key"},
		 DENY,
		 NONE,
		 NONE},
		{"absolute, missing",
		 SELF("authfile=%W/etc/none"),
		 {"pw", "key"},
		 DENY,
		 NONE,
		 NONE},
		{"two places",
		 SELF("authfile=%W/etc/u2f_keys authfile=~/k"),
		 {"pw", "key"},
		 DENY,
		 NONE,
		 NONE},
		{"one file a user, root's",
		 SELF("authfile=%W/etc/keys.%u"),
		 {"pw", "key"},
		 OK,
		 OK,
		 OK},
		{"policy takes them",
		 SELF(""),
		 {"pw", "key"},
		 OK,
		 OK,
		 OK,
		 "accept_self_enrolled=yes\n"},
	};
	char path[128];

	snprintf(path, sizeof(path), "%s/home", world->dir);
	world_file(world, "home/keys", 0644, "");
	assert_int_equal(chmod(path, 0777), 0);
	world_file(world, "etc/loose_keys", 0666, "");
	world_file(world, "etc/keys.sato", 0644, "");
	assert_int_equal(chdir(world->dir), 0);
	RUN(rows);
	assert_int_equal(chdir("/"), 0);
}

int main(void)
{
#define TEST(name)                                                             \
	cmocka_unit_test_setup_teardown(name, rows_setup, rows_teardown)
	const struct CMUnitTest tests[] = {
		TEST(two_kinds_pass_in_either_order),
		TEST(one_factor_is_refused),
		TEST(two_of_one_kind_are_one_factor),
		TEST(an_argument_that_allows_success_without_proof_does_not_count),
		TEST(a_line_cannot_claim_more_than_the_module_proves),
		TEST(what_the_user_enrolled_alone_does_not_count),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
