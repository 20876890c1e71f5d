/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The wrapper around real factor modules, where this machine has them
 * (Debian: libpam-oath, libpam-google-authenticator), or where
 * SEKIMORI_PAM_MODULES names a folder that has: codes of RFC 4226, appendix D.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/pam/rows.h"

/* pam_oath of Debian 12 does not free the answers of the conversation. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:pam_oath.so\nleak:pam_google_authenticator.so\n";
}

#define SECURITY "/lib/x86_64-linux-gnu/security"
#define SECRET	 "HOTP\tsato\t-\t3132333435363738393031323334353637383930\n"
#define HOTP                                                                   \
	"auth requisite %M wrap factor=possession %D/pam_oath.so "             \
	"usersfile=%W/etc/users.oath window=3 digits=6\n"

/* Puts the real module over the fake one; false: there is none. */
static bool take_real(struct world *world, const char *name)
{
	const char *dir = secure_getenv("SEKIMORI_PAM_MODULES");
	char from[256];
	char to[256];

	snprintf(from, sizeof(from), "%s/%s", dir ? dir : SECURITY, name);
	snprintf(to, sizeof(to), "%s/modules/%s", world->dir, name);
	if (access(from, R_OK) == 0) {
		world_copy(from, to);
		return true;
	}
	print_message("no %s\n", from);
	return false;
}

static void a_real_one_time_code_is_possession(void **state)
{
	static const struct row rows[] = {
		{"first code",
		 "auth requisite " K HOTP GATE AFTER,
		 {"pw", "755224"},
		 OK,
		 OK,
		 OK},
		{"the same again",
		 "auth requisite " K HOTP GATE AFTER,
		 {"pw", "755224"},
		 PAM_AUTH_ERR,
		 NONE,
		 NONE},
		{"second code",
		 "auth requisite " K HOTP GATE AFTER,
		 {"pw", "287082"},
		 OK,
		 OK,
		 OK},
		{"code alone", HOTP GATE AFTER, {"359152"}, DENY, NONE, NONE},
		{"wrong code, optional",
		 "auth requisite " K
		 "auth optional %M wrap factor=possession %D/pam_oath.so "
		 "usersfile=%W/etc/users.oath window=3 digits=6\n" GATE AFTER,
		 {"pw", "000000"},
		 DENY,
		 NONE,
		 NONE},
	};

	if (!take_real(*state, "pam_oath.so"))
		skip();
	world_file(*state, "etc/users.oath", 0600, SECRET);
	RUN(rows);
}

static void a_real_nullok_is_no_proof(void **state)
{
	static const struct row rows[] = {
		{"no secret",
		 "auth requisite " K "auth optional %M wrap factor=possession "
		 "%D/pam_google_authenticator.so nullok "
		 "secret=%W/etc/no_secret user=root\n" GATE AFTER,
		 {"pw"},
		 DENY,
		 NONE,
		 NONE},
	};

	if (!take_real(*state, "pam_google_authenticator.so"))
		skip();
	RUN(rows);
}

int main(void)
{
#define TEST(name)                                                             \
	cmocka_unit_test_setup_teardown(name, rows_setup, rows_teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_real_one_time_code_is_possession),
		TEST(a_real_nullok_is_no_proof),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
