/* SPDX-License-Identifier: Apache-2.0 */
/*
 * files: what the kernel tells of a file system of our own (a tmpfs in a mount
 * namespace of this process). Needs root; without, all but the names is
 * skipped.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "agent/sense/files.h"

#define TEXT_MAX 4096

struct scene {
	char top[64];
	struct files_watch *watch;
	char told[TEXT_MAX];
	bool is_quieting;
};

/* One line an event: "closed a/b 5" … */
static void take(const struct files_event *event, void *userdata)
{
	static const char *const names[] = {"none",    "modified", "closed",
					    "created", "deleted",  "renamed",
					    "resized", "lost"};
	struct scene *scene = userdata;
	size_t used = strlen(scene->told);

	if (event->change != FILES_LOST)
		assert_int_equal(event->pid, getpid());
	(void)snprintf(scene->told + used, sizeof(scene->told) - used,
		       "%s %s%s%s%s\n", names[event->change],
		       event->path ? event->path : "(no name)",
		       event->to ? " > " : "", event->to ? event->to : "",
		       event->is_directory ? " /" : "");
	if (event->fd < 0)
		return;
	assert_true(event->has_stat);
	if (scene->is_quieting && event->change == FILES_MODIFIED)
		files_watch_quiet(scene->watch, event->fd);
	if (scene->is_quieting && event->change == FILES_CLOSED)
		files_watch_loud(scene->watch, event->fd);
}

static const char *told(struct scene *scene)
{
	scene->told[0] = '\0';
	files_watch_read(scene->watch, take, scene);
	return scene->told;
}

static int open_at(struct scene *scene, unsigned int flags)
{
	scene->watch = files_watch_close(scene->watch);
	return files_watch_open(scene->top, flags, &scene->watch);
}

static int make_scene(void **state)
{
	struct scene *scene = calloc(1, sizeof(*scene));

	assert_non_null(scene);
	*state = scene;
	(void)snprintf(scene->top, sizeof(scene->top), "/tmp/sekimori-XXXXXX");
	if (!mkdtemp(scene->top))
		return -1;
	if (unshare(CLONE_NEWNS) < 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("tmpfs", scene->top, "tmpfs", 0, "size=8m") < 0)
		return 0; /* no root: the tests skip */
	if (open_at(scene, 0) < 0)
		print_message("no fanotify here\n");
	return chdir(scene->top);
}

static int end_scene(void **state)
{
	struct scene *scene = *state;

	files_watch_close(scene->watch);
	assert_int_equal(chdir("/"), 0);
	(void)umount2(scene->top, MNT_DETACH);
	(void)rmdir(scene->top);
	free(scene);
	return 0;
}

#define NEED_WATCH(scene)                                                      \
	do {                                                                   \
		if (!(scene)->watch)                                           \
			skip();                                                \
	} while (0)

static int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	return fd;
}

static void put(const char *path, const char *text)
{
	assert_int_equal(close(write_file(path, text)), 0);
}

static void a_file_is_told_when_made_written_and_closed(void **state)
{
	struct scene *scene = *state;

	NEED_WATCH(scene);
	assert_true(files_watch_has_names(scene->watch));
	assert_int_equal(mkdir("d", 0755), 0);
	int fd = write_file("d/名簿.csv", "12345");
	assert_string_equal(told(scene),
			    "created d/名簿.csv\nresized d/名簿.csv\n"
			    "modified d/名簿.csv\n");
	assert_int_equal(close(fd), 0);
	assert_string_equal(told(scene), "closed d/名簿.csv\n");
	assert_string_equal(told(scene), "");
	fd = open("d/名簿.csv", O_RDONLY | O_CLOEXEC);
	assert_int_equal(close(fd), 0);
	assert_string_equal(told(scene), "");
}

static void a_quiet_file_tells_its_first_write_alone(void **state)
{
	struct scene *scene = *state;

	NEED_WATCH(scene);
	scene->is_quieting = true;
	int fd = write_file("q", "1");
	assert_string_equal(told(scene), "created q\nresized q\nmodified q\n");
	for (int i = 0; i < 100; i++)
		assert_int_equal(write(fd, "2", 1), 1);
	assert_string_equal(told(scene), "");
	assert_int_equal(close(fd), 0);
	assert_string_equal(told(scene), "closed q\n");
	fd = open("q", O_WRONLY | O_CLOEXEC);
	assert_int_equal(write(fd, "3", 1), 1);
	assert_string_equal(told(scene), "resized q\nmodified q\n");
	assert_int_equal(close(fd), 0);
	(void)told(scene);
}

static void a_file_cut_by_its_name_is_told(void **state)
{
	struct scene *scene = *state;

	NEED_WATCH(scene);
	put("list", "12345");
	(void)told(scene);
	assert_int_equal(truncate("list", 3), 0);
	assert_string_equal(told(scene), "resized list\n");
}

static void names_change(struct scene *scene)
{
	put("a", "1");
	assert_int_equal(mkdir("dir", 0755), 0);
	(void)told(scene);
	assert_int_equal(rename("a", "dir/b"), 0);
	assert_string_equal(told(scene), "renamed a > dir/b\n");
	assert_int_equal(rename("dir", "dir2"), 0);
	assert_string_equal(told(scene), "renamed dir > dir2 /\n");
	assert_int_equal(unlink("dir2/b"), 0);
	assert_string_equal(told(scene), "deleted dir2/b\n");
	assert_int_equal(rmdir("dir2"), 0);
}

static void names_change_are_told(void **state)
{
	struct scene *scene = *state;

	NEED_WATCH(scene);
	names_change(scene);
	(void)told(scene);
}

static void two_halves_of_a_rename_are_put_together(void **state)
{
	struct scene *scene = *state;

	NEED_WATCH(scene);
	assert_int_equal(open_at(scene, FILES_NO_RENAME), 0);
	names_change(scene);
	(void)told(scene);
}

static void a_mapping_is_told_when_it_goes(void **state)
{
	struct scene *scene = *state;

	NEED_WATCH(scene);
	int fd = open("m", O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	assert_int_equal(ftruncate(fd, 4096), 0);
	char *map = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_ptr_not_equal(map, MAP_FAILED);
	assert_int_equal(close(fd), 0);
	assert_string_equal(told(scene), "created m\nresized m\n");
	memcpy(map, "written after close", 19);
	assert_int_equal(munmap(map, 4096), 0);
	assert_string_equal(told(scene), "closed m\n");
}

static void an_unnamed_file_has_the_name_it_is_linked_by(void **state)
{
	struct scene *scene = *state;
	char link[64];

	NEED_WATCH(scene);
	int fd = open(".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0644);
	if (fd < 0)
		skip();
	assert_int_equal(write(fd, "x", 1), 1);
	(void)told(scene);
	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	assert_int_equal(linkat(AT_FDCWD, link, AT_FDCWD, "named",
				AT_SYMLINK_FOLLOW),
			 0);
	assert_int_equal(close(fd), 0);
	assert_string_equal(told(scene), "created named\nclosed (no name)\n");
}

static void a_file_of_three_gibibytes_is_told(void **state)
{
	struct scene *scene = *state;

	NEED_WATCH(scene);
	int fd = open("large", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	assert_int_equal(ftruncate(fd, (off_t)3 << 30), 0);
	assert_int_equal(close(fd), 0);
	assert_string_equal(told(scene),
			    "created large\nresized large\nclosed large\n");
}

static void a_hard_link_is_a_new_name(void **state)
{
	struct scene *scene = *state;

	NEED_WATCH(scene);
	put("one", "1");
	(void)told(scene);
	assert_int_equal(link("one", "two"), 0);
	assert_string_equal(told(scene), "created two\n");
	/* A name that looks like what the kernel says of a deleted file */
	put("x (deleted)", "1");
	assert_string_equal(told(scene),
			    "created x (deleted)\nresized x (deleted)\n"
			    "closed x (deleted)\n");
}

static void another_mount_does_not_hide_a_file(void **state)
{
	struct scene *scene = *state;
	char other[80], file[96];

	NEED_WATCH(scene);
	(void)snprintf(other, sizeof(other), "%s-bind", scene->top);
	assert_int_equal(mkdir(other, 0755), 0);
	assert_int_equal(mount(scene->top, other, NULL, MS_BIND, NULL), 0);
	(void)snprintf(file, sizeof(file), "%s/inside", other);
	put(file, "1");
	assert_string_equal(told(scene),
			    "created inside\nresized inside\nclosed inside\n");
	assert_int_equal(umount2(other, 0), 0);
	assert_int_equal(rmdir(other), 0);
}

static void an_unread_write_is_dropped_with_its_watch(void **state)
{
	struct scene *scene = *state;

	NEED_WATCH(scene);
	put("late", "1");
	scene->watch = files_watch_close(scene->watch);
	assert_int_equal(chdir("/"), 0);
	assert_int_equal(umount2(scene->top, 0), 0);
	assert_int_equal(mount("tmpfs", scene->top, "tmpfs", 0, NULL), 0);
	assert_int_equal(chdir(scene->top), 0);
}

static void a_renewed_watch_sees_the_next_file_system(void **state)
{
	struct scene *scene = *state;

	NEED_WATCH(scene);
	assert_int_equal(chdir("/"), 0);
	assert_int_equal(umount2(scene->top, 0), 0);
	assert_int_equal(mount("tmpfs", scene->top, "tmpfs", 0, NULL), 0);
	assert_int_equal(chdir(scene->top), 0);
	put("a", "1");
	assert_string_equal(told(scene), "");
	assert_int_equal(files_watch_renew(scene->watch), 0);
	put("b", "1");
	assert_string_equal(told(scene), "created b\nresized b\nclosed b\n");
}

static void a_flood_is_told_as_lost(void **state)
{
	struct scene *scene = *state;
	char name[32];
	bool is_lost = false;

	NEED_WATCH(scene);
	for (int i = 0; i < 17000; i++) {
		(void)snprintf(name, sizeof(name), "f%d", i);
		assert_int_equal(
			close(open(name, O_WRONLY | O_CREAT | O_CLOEXEC, 0644)),
			0);
		assert_int_equal(unlink(name), 0);
	}
	do {
		is_lost |= strstr(told(scene), "lost") != NULL;
	} while (scene->told[0]);
	assert_true(is_lost);
}

static void a_path_is_below_its_mount_or_not(void **state)
{
	(void)state;
	assert_string_equal(files_below("/media/a", "/media/a/b/c"), "b/c");
	assert_string_equal(files_below("/media/a/", "/media/a/b"), "b");
	assert_string_equal(files_below("/media/a", "/media/a"), "");
	assert_string_equal(files_below("/", "/x"), "x");
	assert_null(files_below("/media/a", "/media/ab"));
	assert_null(files_below("/media/a", "/"));
}

static void what_is_no_mount_is_refused(void **state)
{
	struct files_watch *watch = NULL;
	(void)state;

	assert_true(files_watch_open("/nonexistent", 0, &watch) < 0);
	assert_null(watch);
}

#define WATCHED(test)                                                          \
	cmocka_unit_test_setup_teardown(test, make_scene, end_scene)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_path_is_below_its_mount_or_not),
		cmocka_unit_test(what_is_no_mount_is_refused),
		WATCHED(a_file_is_told_when_made_written_and_closed),
		WATCHED(a_quiet_file_tells_its_first_write_alone),
		WATCHED(a_file_cut_by_its_name_is_told),
		WATCHED(names_change_are_told),
		WATCHED(two_halves_of_a_rename_are_put_together),
		WATCHED(a_mapping_is_told_when_it_goes),
		WATCHED(an_unnamed_file_has_the_name_it_is_linked_by),
		WATCHED(a_file_of_three_gibibytes_is_told),
		WATCHED(a_hard_link_is_a_new_name),
		WATCHED(another_mount_does_not_hide_a_file),
		WATCHED(an_unread_write_is_dropped_with_its_watch),
		WATCHED(a_renewed_watch_sees_the_next_file_system),
		WATCHED(a_flood_is_told_as_lost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
