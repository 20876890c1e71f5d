/* SPDX-License-Identifier: Apache-2.0 */
/* files_walk: what is new and what is not, links, depth and number. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "agent/sense/files_walk.h"
#include "tests/fakes/tree.h"

struct scene {
	struct fake_tree tree;
	char top[80];
	char told[4096];
	unsigned int count;
};

static void take(const struct files_event *event, void *userdata)
{
	struct scene *scene = userdata;
	size_t used = strlen(scene->told);

	assert_int_equal(event->change, FILES_CLOSED);
	assert_int_equal(event->fd, -1);
	assert_int_equal(event->pid, 0);
	assert_true(event->has_stat);
	(void)snprintf(scene->told + used, sizeof(scene->told) - used,
		       "%s %llu\n", event->path,
		       (unsigned long long)event->size_bytes);
	scene->count++;
}

static int walk(struct scene *scene, int64_t since)
{
	scene->told[0] = '\0';
	scene->count = 0;
	return files_walk(scene->top, since, take, scene);
}

static int make_scene(void **state)
{
	struct scene *scene = calloc(1, sizeof(*scene));

	assert_non_null(scene);
	fake_tree_init(&scene->tree);
	fake_dir(&scene->tree, "m");
	(void)snprintf(scene->top, sizeof(scene->top), "%s/m",
		       scene->tree.path);
	*state = scene;
	return 0;
}

static int end_scene(void **state)
{
	struct scene *scene = *state;

	fake_tree_fini(&scene->tree);
	free(scene);
	return 0;
}

static void new_files_are_told_wherever_they_are(void **state)
{
	struct scene *scene = *state;
	int64_t now = time(NULL);

	fake_text(&scene->tree, "m/a/b/c", "%s", "12345");
	fake_dir(&scene->tree, "m/empty");
	fake_link(&scene->tree, "m/link", "/etc");
	fake_link(&scene->tree, "m/file-link", "/etc/passwd");
	assert_int_equal(walk(scene, now - 60), 0);
	assert_string_equal(scene->told, "a/b/c 5\n");
	assert_int_equal(walk(scene, now + 60), 0);
	assert_string_equal(scene->told, "");
}

static void a_file_with_an_old_time_was_still_changed_now(void **state)
{
	struct scene *scene = *state;
	const struct timespec old[2] = {{.tv_sec = 1}, {.tv_sec = 1}};

	fake_text(&scene->tree, "m/old", "%s", "1");
	assert_int_equal(utimensat(scene->tree.fd, "m/old", old, 0), 0);
	assert_int_equal(walk(scene, time(NULL) - 60), 0);
	assert_string_equal(scene->told, "old 1\n");
}

static void a_tree_too_deep_or_too_large_is_told_so(void **state)
{
	struct scene *scene = *state;
	char path[256] = "m/d";

	for (int i = 0; i < FILES_WALK_DEPTH_MAX; i++)
		(void)strncat(path, "/d", sizeof(path) - strlen(path) - 1);
	fake_dir(&scene->tree, path);
	assert_int_equal(walk(scene, 0), FILES_WALK_LIMIT);
	fake_remove(&scene->tree, "m/d");
	for (unsigned int i = 0; i <= FILES_WALK_ENTRIES_MAX; i++) {
		(void)snprintf(path, sizeof(path), "m/f%u", i);
		int fd = openat(scene->tree.fd, path,
				O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
		assert_int_equal(close(fd), 0);
	}
	assert_int_equal(walk(scene, 0), FILES_WALK_LIMIT);
	assert_in_range(scene->count, 1, FILES_WALK_ENTRIES_MAX);
}

static void what_is_not_there_is_an_error(void **state)
{
	(void)state;
	assert_int_equal(files_walk("/nonexistent", 0, take, NULL), -ENOENT);
}

#define SCENE(test) cmocka_unit_test_setup_teardown(test, make_scene, end_scene)

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCENE(new_files_are_told_wherever_they_are),
		SCENE(a_file_with_an_old_time_was_still_changed_now),
		SCENE(a_tree_too_deep_or_too_large_is_told_so),
		cmocka_unit_test(what_is_not_there_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
