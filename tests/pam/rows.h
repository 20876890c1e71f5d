/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One login a row: a stack, the answers, and what each phase must return.
 * Rows name only what matters to them.
 */
#pragma once

#include "tests/pam/world.h"

/* The rest of a row is zero, and that is meant. */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

#define K      "%M wrap factor=knowledge %D/pam_unix.so answer=pw\n"
#define U2F    "%D/pam_u2f.so answer=key authfile=%W/etc/u2f_keys"
#define P      "%M wrap factor=possession " U2F "\n"
#define OATH   "%M wrap factor=possession %D/pam_oath.so answer=123456\n"
#define FINGER "%M wrap factor=inherence %D/pam_fprintd.so answer=finger\n"
#define CARD   "%M wrap factor=possession+knowledge %D/pam_pkcs11.so answer=pin\n"
#define GATE   "auth required %M gate\n"
#define AFTER  "account required %M gate\nsession required %M gate\n"
/* The rest of a real stack, for logins that the gate leaves to it. */
#define REST "account required pam_permit.so\nsession required pam_permit.so\n"
#define TWO  "auth requisite " K "auth requisite " P GATE AFTER

#define OK   PAM_SUCCESS
#define DENY PAM_PERM_DENIED
#define SESS PAM_SESSION_ERR
#define NONE (-1) /* not reached */

struct row {
	const char *name;
	const char *stack;
	const char *answers[4];
	int auth;
	int account;
	int session;
	const char *policy;
	const char *service;
	const char *user;
	const char *tty;
	const char *rhost;
	const char *env;
};

/* Runs rows in the world that *state is; fails at the first that differs. */
void run_rows(void **state, const struct row *rows, size_t count);

#define RUN(rows) run_rows(state, rows, sizeof(rows) / sizeof(*(rows)))

/* cmocka set-up and tear-down of a world with a key file of root's. */
int rows_setup(void **state);
int rows_teardown(void **state);
