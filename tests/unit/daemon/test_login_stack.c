/* SPDX-License-Identifier: Apache-2.0 */
/* A change of what PAM really runs is told once, a comment never. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/daemon/login_stack.h"
#include "tests/fakes/tree.h"

#define LOGIN "auth required pam_unix.so\n"

static int compare(struct fake_tree *tree, struct record *ret_record)
{
	static char hash[LOGIN_STACK_SIZE];

	return login_stack_compare(tree->fd, getuid(), hash, ret_record);
}

static void a_change_is_told_once(void **state)
{
	struct fake_tree tree;
	struct record record = {0};
	char first[LOGIN_STACK_SIZE];
	(void)state;

	(void)umask(022);
	fake_tree_init(&tree);
	fake_dir(&tree, "var/lib/sekimori/state");
	fake_text(&tree, "etc/pam.d/login", "%s", LOGIN);
	assert_int_equal(compare(&tree, &record), 0); /* the first ever */
	assert_int_equal(compare(&tree, &record), 0);
	fake_text(&tree, "etc/pam.d/login", "%s", "# by hand\n" LOGIN);
	assert_int_equal(compare(&tree, &record), 0);
	fake_text(&tree, "etc/pam.d/login", "%s",
		  "auth required pam_permit.so");
	assert_int_equal(compare(&tree, &record), 1);
	assert_int_equal(record.code, RECORD_MFA_STACK_CHANGED);
	assert_int_equal(strlen(record.u.login.stack_sha256), 64);
	assert_true(record.u.login.lint_errors > 0);
	memcpy(first, record.u.login.stack_sha256, sizeof(first));
	assert_int_equal(compare(&tree, &record), 0);
	/* A daemon that was away finds it all the same. */
	fake_text(&tree, "etc/pam.d/sshd", "%s", LOGIN);
	assert_int_equal(compare(&tree, &record), 1);
	assert_string_not_equal(record.u.login.stack_sha256, first);
	fake_tree_fini(&tree);
}

static void without_a_place_nothing_is_remembered(void **state)
{
	struct fake_tree tree;
	struct record record = {0};
	(void)state;

	fake_tree_init(&tree);
	fake_text(&tree, "etc/pam.d/login", "%s", LOGIN);
	assert_true(compare(&tree, &record) < 0); /* /var comes later */
	fake_dir(&tree, "var/lib/sekimori/state");
	fake_text(&tree, LOGIN_STACK_FILE, "%s", "not a hash\n");
	assert_int_equal(compare(&tree, &record), 1);
	assert_int_equal(compare(&tree, &record), 0);
	fake_tree_fini(&tree);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_change_is_told_once),
		cmocka_unit_test(without_a_place_nothing_is_remembered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
