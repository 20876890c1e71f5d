/* SPDX-License-Identifier: Apache-2.0 */
/* files_person: login user before process user before owner; ended processes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "agent/daemon/files_person.h"
#include "tests/fakes/tree.h"

struct scene {
	struct fake_tree tree;
	struct person_cache cache;
};

static int make_scene(void **state)
{
	struct scene *scene = calloc(1, sizeof(*scene));

	assert_non_null(scene);
	fake_tree_init(&scene->tree);
	fake_text(&scene->tree, "etc/passwd",
		  "root:x:0:0:root:/root:/bin/sh\n"
		  "broken\n::\n"
		  "s012345:x:1014:1014::/home/s012345:/bin/sh\n");
	*state = scene;
	return 0;
}

static int end_scene(void **state)
{
	struct scene *scene = *state;

	person_cache_fini(&scene->cache);
	fake_tree_fini(&scene->tree);
	free(scene);
	return 0;
}

static void process(struct scene *scene, int pid, const char *comm,
		    unsigned int uid, const char *login)
{
	char path[64];

	(void)snprintf(path, sizeof(path), "proc/%d/status", pid);
	fake_text(&scene->tree, path,
		  "Name:\t%s\nUmask:\t0022\nUid:\t%u\t0\t0\t0\n", comm, uid);
	(void)snprintf(path, sizeof(path), "proc/%d/loginuid", pid);
	fake_text(&scene->tree, path, "%s", login);
}

static struct person *find(struct scene *scene, int pid, unsigned int owner)
{
	struct person *person = person_find(&scene->cache, scene->tree.fd, pid,
					    owner);

	assert_non_null(person);
	return person;
}

static void sudo_does_not_hide_who_logged_in(void **state)
{
	struct scene *scene = *state;

	process(scene, 42, "cp", 0, "1014\n");
	struct person *person = find(scene, 42, 7);
	assert_string_equal(person->known_by, "login");
	assert_string_equal(person->user, "s012345");
	assert_int_equal(person->person_uid, 1014);
	assert_int_equal(person->uid, 0);
	assert_string_equal(person->comm, "cp");
	person_unref(person);
}

static void without_a_login_the_process_speaks(void **state)
{
	struct scene *scene = *state;

	process(scene, 42, "a name that is too long for it", 0, "4294967295");
	struct person *person = find(scene, 42, 7);
	assert_string_equal(person->known_by, "process");
	assert_string_equal(person->user, "root");
	assert_string_equal(person->comm, "a name that is ");
	person_unref(person);
}

static void logind_knows_users_of_a_directory_service(void **state)
{
	struct scene *scene = *state;

	fake_text(&scene->tree, "run/systemd/users/5001",
		  "# private\nNAME=s500100\nSTATE=active\n");
	process(scene, 42, "cp", 5001, "5001");
	struct person *person = find(scene, 42, 7);
	assert_string_equal(person->user, "s500100");
	person_unref(person);
}

static void an_ended_process_is_remembered_then_the_owner_speaks(void **state)
{
	struct scene *scene = *state;

	process(scene, 42, "cp", 1014, "1014");
	person_unref(find(scene, 42, 7));
	fake_remove(&scene->tree, "proc/42/status");
	struct person *person = find(scene, 42, 7);
	assert_string_equal(person->known_by, "login");
	person_unref(person);
	person = find(scene, 43, 1014);
	assert_string_equal(person->known_by, "owner");
	assert_string_equal(person->user, "s012345");
	assert_false(person->has_uid);
	person_unref(person);
	person = find(scene, 44, 99);
	assert_string_equal(person->user, "");
	assert_int_equal(person->person_uid, 99);
	person_unref(person);
}

static void more_processes_than_the_cache_holds_are_fine(void **state)
{
	struct scene *scene = *state;

	for (int pid = 1; pid < 3 * PERSON_CACHE_MAX; pid++) {
		process(scene, pid, "cp", 1014, "1014");
		struct person *person = find(scene, pid, 0);
		assert_int_equal(person->pid, pid);
		person_unref(person);
	}
}

#define SCENE(test) cmocka_unit_test_setup_teardown(test, make_scene, end_scene)

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCENE(sudo_does_not_hide_who_logged_in),
		SCENE(without_a_login_the_process_speaks),
		SCENE(logind_knows_users_of_a_directory_service),
		SCENE(an_ended_process_is_remembered_then_the_owner_speaks),
		SCENE(more_processes_than_the_cache_holds_are_fine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
