/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Without memory: each allocation of a login and of a lint run fails in turn.
 * One factor never becomes enough, nothing is called sound that was not looked
 * at, and nothing crashes. Not under a sanitizer, which has an allocator of its
 * own.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/pam/lint.h"
#include "tests/fakes/tree.h"
#include "tests/pam/rows.h"

#ifndef __SANITIZE_ADDRESS__
#define TRIES 5000

/* Allocations until one fails; < 0: none does. */
static long countdown = -1;

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);

static bool is_failing(void)
{
	if (countdown < 0)
		return false;
	return countdown-- == 0;
}

void *malloc(size_t size)
{
	return is_failing() ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
	return is_failing() ? NULL : __libc_calloc(count, size);
}

void *realloc(void *old, size_t size)
{
	return is_failing() ? NULL : __libc_realloc(old, size);
}

/* The phases with the n-th allocation failing; false when none did. */
static bool login_failing(struct world *world, struct login *login, long n)
{
	login_start(world, login);
	countdown = n;
	login_auth(login);
	if (login->auth == PAM_SUCCESS)
		login_account(login);
	if (login->account == PAM_SUCCESS)
		login_session(login);
	bool was_met = countdown < 0;
	countdown = -1;
	login_end(login);
	return was_met;
}

static void one_factor_is_never_enough(void **state)
{
	struct world *world = *state;
	long n = 0;

	world_file(world, "pam.d/login", 0644,
		   "auth requisite " K "auth optional " P GATE AFTER);
	for (bool was_met = true; was_met; n++) {
		struct login login = {.answers = {"pw", "xx"}};

		was_met = login_failing(world, &login, n);
		assert_int_not_equal(login.auth, PAM_SUCCESS);
		assert_true(n < TRIES);
	}
	assert_true(n > 3);
}

static void two_factors_pass_or_fail_whole(void **state)
{
	struct world *world = *state;
	unsigned passed = 0;
	bool was_met = true;

	world_file(world, "pam.d/login", 0644, TWO);
	for (long n = 0; was_met; n++) {
		struct login login = {.answers = {"pw", "key"}};
		char name[256];

		was_met = login_failing(world, &login, n);
		passed += login.session == PAM_SUCCESS;
		assert_true(was_met || login.session == PAM_SUCCESS);
		/* A session that failed behind the gate may leave its record;
		 * it is of a process that ends. */
		size_t left = world_count(world, "run/mfa/open", name);
		assert_true(login.session != PAM_SUCCESS || left == 0);
		assert_true(n < TRIES);
	}
	assert_true(passed > 0);
}

static void the_linter_says_when_it_could_not_look(void **state)
{
	struct login_policy policy;
	struct fake_tree tree;
	bool was_met = true;
	(void)state;

	login_policy_default(&policy);
	fake_tree_init(&tree);
	fake_text(&tree, "etc/pam.d/other", "%s",
		  "auth required pam_deny.so\n");
	fake_text(&tree, "etc/pam.d/login", "%s",
		  "@include common-auth\naccount required pam_permit.so\n");
	fake_text(&tree, "etc/pam.d/common-auth", "%s",
		  "auth sufficient pam_rootok.so\nauth include other\n"
		  "auth required pam_sekimori.so gate\n");
	fake_text(&tree, "etc/sddm.conf", "%s", "User=sato\n");
	fake_text(&tree, "var/lib/systemd/linger/sato", "%s", "");
	fake_text(&tree, "etc/systemd/system/getty@.service", "%s",
		  "ExecStart=agetty -a root\n");

	size_t whole = 0;
	for (long n = -1; was_met; n++) {
		struct lint_finding findings[32];
		struct lint_report report = {.findings = findings,
					     .capacity = 32};
		_cleanup_buf_ struct buf stacks = BUF_INIT(LINT_TEXT_MAX);
		struct lint_source source = {tree.fd, getuid(), &policy};

		countdown = n;
		int r = lint_run(&source, &report, &stacks);
		was_met = n < 0 || countdown < 0;
		countdown = -1;
		if (n < 0)
			whole = report.error_count;
		if (r != -ENOMEM) {
			assert_int_equal(r, 0);
			assert_true(report.error_count >= whole);
		}
		assert_true(n < TRIES);
	}
	assert_true(whole > 3);
	fake_tree_fini(&tree);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(one_factor_is_never_enough,
						rows_setup, rows_teardown),
		cmocka_unit_test_setup_teardown(two_factors_pass_or_fail_whole,
						rows_setup, rows_teardown),
		cmocka_unit_test(the_linter_says_when_it_could_not_look),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
#else
static void the_allocator_belongs_to_the_sanitizer(void **state)
{
	(void)state;
	skip();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_allocator_belongs_to_the_sanitizer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
#endif
