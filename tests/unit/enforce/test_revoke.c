/* SPDX-License-Identifier: Apache-2.0 */
/* What must be refused before any mount is touched; that mounts end without
 * harm is proved in tests/e2e/cases/35_ending.py. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/enforce/enforce.h"
#include "agent/enforce/revoke.h"
#include "tests/fakes/tree.h"

static void another_mount_at_the_place_is_left_alone(void **state)
{
	struct statx stx;

	(void)state;
	assert_int_equal(statx(AT_FDCWD, "/proc", 0, STATX_MNT_ID, &stx), 0);
	uint64_t other = stx.stx_mnt_id + 1000000;
	assert_int_equal(revoke_sync("/proc", other), -ESTALE);
	assert_int_equal(revoke_read_only("/proc", other), -ESTALE);
	assert_int_equal(revoke_read_write("/proc", other), -ESTALE);
	assert_int_equal(revoke_unmount("/proc", other, true), -ESTALE);
	assert_int_equal(access("/proc/self", F_OK), 0);
}

static void a_place_that_is_gone_is_an_outcome(void **state)
{
	(void)state;
	assert_int_equal(revoke_sync("/nowhere", 1), ENFORCE_GONE);
	assert_int_equal(revoke_unmount("/nowhere/at/all", 1, false),
			 ENFORCE_GONE);
}

static void only_the_disk_that_was_meant_is_flushed(void **state)
{
	struct fake_tree tree;

	(void)state;
	fake_tree_init(&tree);
	fake_text(&tree, "dev/sdb", "%s", "");
	int dev_fd = openat(tree.fd, "dev", O_RDONLY | O_DIRECTORY);
	assert_int_equal(revoke_flush(dev_fd, "sdb", 8, 16), -ESTALE);
	assert_int_equal(revoke_flush(dev_fd, "sdc", 8, 16), -ENOENT);
	assert_int_equal(revoke_flush(dev_fd, "../etc", 8, 16), -EINVAL);
	(void)close(dev_fd);
	fake_tree_fini(&tree);
}

static void init_and_the_daemon_are_never_stopped(void **state)
{
	int proc_fd = open("/proc", O_RDONLY | O_DIRECTORY);

	(void)state;
	assert_int_equal(revoke_hold(proc_fd, 0, true), -EPERM);
	assert_int_equal(revoke_hold(proc_fd, 1, true), -EPERM);
	assert_int_equal(revoke_hold(proc_fd, (uint32_t)getpid(), true),
			 -EPERM);
	assert_int_equal(revoke_hold(proc_fd, 4194305, true), -ENOENT);
	(void)close(proc_fd);
}

static void who_was_stopped_by_a_daemon_that_died_goes_on(void **state)
{
	char root[] = "/tmp/test-revoke-XXXXXX";
	int proc_fd = open("/proc", O_RDONLY | O_DIRECTORY), status = 0;

	(void)state;
	assert_non_null(mkdtemp(root));
	int root_fd = open(root, O_RDONLY | O_DIRECTORY);
	assert_int_equal(mkdirat(root_fd, "run", 0755), 0);
	assert_int_equal(mkdirat(root_fd, "run/sekimori", 0755), 0);
	assert_int_equal(revoke_free_held(root_fd, proc_fd), 0);
	pid_t pid = fork();
	if (pid == 0)
		for (;;)
			(void)pause();
	const uint32_t pids[] = {(uint32_t)pid, 4194305};
	assert_int_equal(revoke_note_held(root_fd, pids, 2), 0);
	assert_int_equal(revoke_hold(proc_fd, pids[0], true), 0);
	assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
	assert_true(WIFSTOPPED(status));
	assert_int_equal(revoke_free_held(root_fd, proc_fd), 2);
	assert_int_equal(waitpid(pid, &status, WCONTINUED), pid);
	assert_true(WIFCONTINUED(status));
	assert_int_equal(revoke_free_held(root_fd, proc_fd), 0);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(unlinkat(root_fd, "run/sekimori", AT_REMOVEDIR), 0);
	assert_int_equal(unlinkat(root_fd, "run", AT_REMOVEDIR), 0);
	(void)rmdir(root);
	(void)close(root_fd);
	(void)close(proc_fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(another_mount_at_the_place_is_left_alone),
		cmocka_unit_test(a_place_that_is_gone_is_an_outcome),
		cmocka_unit_test(only_the_disk_that_was_meant_is_flushed),
		cmocka_unit_test(init_and_the_daemon_are_never_stopped),
		cmocka_unit_test(who_was_stopped_by_a_daemon_that_died_goes_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
