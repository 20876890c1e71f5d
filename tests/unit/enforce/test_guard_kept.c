/* SPDX-License-Identifier: Apache-2.0 */
/* Descriptors that came back from the service manager, by set and name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent/enforce/guard_kept.h"

static int null_fd(void)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

static bool is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

static void what_was_kept_is_found_by_set_and_name(void **state)
{
	struct guard_kept kept = {.count = 0};
	int old = null_fd(), config = null_fd(), policy = null_fd();

	(void)state;
	assert_true(guard_kept_add(&kept, "aa-lsm.config", old));
	assert_true(guard_kept_add(&kept, "bb-fmod.config", config));
	assert_true(guard_kept_add(&kept, "bb-fmod.policy", policy));
	assert_int_equal(guard_kept_find(&kept, "bb-fmod", "config"), config);
	assert_int_equal(guard_kept_find(&kept, NULL, "config"), old);
	assert_int_equal(guard_kept_find(&kept, NULL, "policy"), policy);
	assert_int_equal(guard_kept_find(&kept, "bb-fmo", "config"), -ENOENT);
	assert_int_equal(guard_kept_find(&kept, "bb-fmod", "conf"), -ENOENT);
	assert_int_equal(guard_kept_find(&kept, NULL, "events"), -ENOENT);
	guard_kept_close(&kept);
	assert_false(is_open(config));
	assert_int_equal(kept.count, 3);
	guard_kept_fini(&kept);
	assert_int_equal(kept.count, 0);
}

static void what_is_of_no_use_is_closed(void **state)
{
	struct guard_kept kept = {.count = 0};
	char name[2 * GUARD_KEPT_NAME_MAX];
	int fd = null_fd();

	(void)state;
	assert_false(guard_kept_add(&kept, "stored", fd));
	assert_false(is_open(fd));
	memset(name, 'a', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	name[4] = '.';
	fd = null_fd();
	assert_false(guard_kept_add(&kept, name, fd));
	assert_false(is_open(fd));
	for (int i = 0; i < GUARD_KEPT_MAX; i++)
		assert_true(guard_kept_add(&kept, "a.b", null_fd()));
	fd = null_fd();
	assert_false(guard_kept_add(&kept, "a.b", fd));
	assert_false(is_open(fd));
	guard_kept_fini(&kept);
}

static void names_are_made_as_they_are_found(void **state)
{
	struct guard_kept kept = {.count = 0};
	char name[GUARD_KEPT_NAME_MAX];
	int fd = null_fd();

	(void)state;
	guard_kept_name(name, "0123456789abcdef-lsm", "counters");
	assert_string_equal(name, "0123456789abcdef-lsm.counters");
	assert_true(guard_kept_add(&kept, name, fd));
	assert_int_equal(
		guard_kept_find(&kept, "0123456789abcdef-lsm", "counters"), fd);
	guard_kept_fini(&kept);
}

static void a_descriptor_that_is_no_map_is_left_alone(void **state)
{
	const struct guard_config own = {.daemon_tgid = 1};
	struct guard_kept kept = {.count = 0};

	(void)state;
	assert_true(guard_kept_add(&kept, "a.config", null_fd()));
	guard_kept_claim(&kept, &own);
	guard_kept_fini(&kept);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_kept_is_found_by_set_and_name),
		cmocka_unit_test(what_is_of_no_use_is_closed),
		cmocka_unit_test(names_are_made_as_they_are_found),
		cmocka_unit_test(a_descriptor_that_is_no_map_is_left_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
