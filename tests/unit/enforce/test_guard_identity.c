/* SPDX-License-Identifier: Apache-2.0 */
/* Who the daemon is, read from a made /proc and cgroup tree. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "agent/enforce/guard_identity.h"
#include "tests/fakes/tree.h"

#define STAT_REST                                                              \
	" S 1 2 3 0 -1 4194560 100 0 0 0 5 6 0 0 20 0 1 0 7654321 8 9 10\n"

struct fixture {
	struct fake_tree tree;
	struct guard_place place;
	int cgroup_fd;
};

static int setup(void **state)
{
	static struct fixture f;

	fake_tree_init(&f.tree);
	fake_text(&f.tree, "proc/self/stat", "42 (sekimorid)" STAT_REST);
	fake_text(&f.tree, "proc/self/cgroup", "0::/system.slice/x.service\n");
	fake_dir(&f.tree, "cgroup/system.slice/x.service");
	f.place.sys_fd = openat(f.tree.fd, "sys", O_RDONLY | O_DIRECTORY);
	f.place.proc_fd = openat(f.tree.fd, "proc", O_RDONLY | O_DIRECTORY);
	f.cgroup_fd = openat(f.tree.fd, "cgroup", O_RDONLY | O_DIRECTORY);
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	(void)close(f->place.sys_fd);
	(void)close(f->place.proc_fd);
	(void)close(f->cgroup_fd);
	fake_tree_fini(&f->tree);
	return 0;
}

static uint64_t cgroup_of(struct fixture *f)
{
	struct guard_config config;

	assert_int_equal(guard_identity_fill(&f->place, f->cgroup_fd, &config),
			 0);
	return config.daemon_cgroup;
}

static void it_is_this_process_with_its_start_time(void **state)
{
	struct fixture *f = *state;
	struct guard_config config;

	assert_int_equal(guard_identity_fill(&f->place, f->cgroup_fd, &config),
			 0);
	assert_int_equal(config.daemon_tgid, getpid());
	assert_int_equal(config.daemon_start_ticks, 7654321);
	assert_int_equal(config.flags, 0);
	assert_int_equal(config.probe_hook, GUARD_HOOK_NONE);
}

static void a_name_with_parentheses_does_not_shift_the_fields(void **state)
{
	struct fixture *f = *state;
	struct guard_config config;

	fake_text(&f->tree, "proc/self/stat", "42 (a) 1 (b) c)" STAT_REST);
	assert_int_equal(guard_identity_fill(&f->place, f->cgroup_fd, &config),
			 0);
	assert_int_equal(config.daemon_start_ticks, 7654321);
}

static void a_stat_that_does_not_read_is_an_error(void **state)
{
	static const char *const bad[] = {"", "42 (x", "42 (x) S 1 2 3\n"};
	struct fixture *f = *state;
	struct guard_config config = {.daemon_tgid = 7};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		fake_text(&f->tree, "proc/self/stat", "%s", bad[i]);
		assert_int_equal(guard_identity_fill(&f->place, f->cgroup_fd,
						     &config),
				 -EINVAL);
		assert_int_equal(config.daemon_tgid, 7);
	}
}

static void the_cgroup_is_its_directorys_inode(void **state)
{
	struct fixture *f = *state;
	struct stat st;

	assert_int_equal(
		fstatat(f->cgroup_fd, "system.slice/x.service", &st, 0), 0);
	assert_int_equal(cgroup_of(f), st.st_ino);

	/* systemd's hybrid layout lists v1 hierarchies first. */
	fake_text(&f->tree, "proc/self/cgroup",
		  "12:devices:/x\n1:name=systemd:/y\n"
		  "0::/system.slice/x.service\n");
	assert_int_equal(cgroup_of(f), st.st_ino);
}

static void nobody_is_exempt_in_the_root_cgroup(void **state)
{
	static const char *const rows[] = {"0::/\n", "", "12:devices:/x\n",
					   "0::/no/such\n"};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		fake_text(&f->tree, "proc/self/cgroup", "%s", rows[i]);
		assert_int_equal(cgroup_of(f), 0);
	}
	fake_remove(&f->tree, "proc/self/cgroup");
	assert_int_equal(cgroup_of(f), 0);
}

static void a_plain_directory_is_no_cgroup_root(void **state)
{
	struct fixture *f = *state;

	fake_dir(&f->tree, "sys/fs/cgroup/unified");
	assert_int_equal(guard_identity_open_cgroup(&f->place), -ENOENT);
}

int main(void)
{
#define ROW(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		ROW(it_is_this_process_with_its_start_time),
		ROW(a_name_with_parentheses_does_not_shift_the_fields),
		ROW(a_stat_that_does_not_read_is_an_error),
		ROW(the_cgroup_is_its_directorys_inode),
		ROW(nobody_is_exempt_in_the_root_cgroup),
		ROW(a_plain_directory_is_no_cgroup_root),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
