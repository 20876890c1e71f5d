/* SPDX-License-Identifier: Apache-2.0 */
/* files: what is said to the kernel guard of mounts, and taken from it. */
#include "tests/unit/daemon/files_fixture.h"

static void the_guard_hears_what_is_watched(void **state)
{
	struct scene *scene = *state;

	NEED_WATCH(scene);
	scene->born_ns = 7;
	begin(scene);
	for (int i = 0; i < 2000 && scene->watched_ns == 0; i++)
		take_some(scene);
	assert_int_equal(scene->watched_ns, 7);
	assert_int_equal(scene->watched_minor, minor_of(scene->top));
	/* Another file system has this number now: watched anew, said anew */
	scene->born_ns = 8;
	files_sync(scene->files);
	for (int i = 0; i < 2000 && scene->watched_ns == 7; i++)
		take_some(scene);
	assert_int_equal(scene->watched_ns, 8);
	unmount(scene);
	assert_int_equal(scene->watched_ns, 0);
	(void)wait_summary(scene);
}

static void what_lies_under_another_mount_is_not_called_watched(void **state)
{
	struct scene *scene = *state;

	NEED_WATCH(scene);
	scene->born_ns = 7;
	mount_line(scene, scene->top);
	assert_int_equal(mount("tmpfs", scene->top, "tmpfs", 0, NULL), 0);
	files_sync(scene->files);
	for (int i = 0; i < 20; i++)
		take_some(scene);
	assert_int_equal(scene->watched_ns, 0);
	assert_int_equal(files_release(scene->files, "sdb"), 0);
	assert_int_equal(umount2(scene->top, MNT_DETACH), 0);
}

static void writing(const struct scene *scene, const char *name,
		    struct guard_writing *ret_writing)
{
	struct stat st = {0};

	memset(ret_writing, 0, sizeof(*ret_writing));
	(void)stat(name, &st);
	ret_writing->event.key = GUARD_KEY(false, 8, 16);
	ret_writing->event.uid = 1014;
	ret_writing->file_system = GUARD_KEY(false, 0, minor_of(scene->top));
	ret_writing->inode = st.st_ino;
	(void)snprintf(ret_writing->path, sizeof(ret_writing->path), "%s/%s",
		       scene->top, name);
}

static void what_the_guard_tells_of_is_recorded(void **state)
{
	const struct timespec old[2] = {{.tv_sec = 1}, {.tv_sec = 1}};
	struct guard_writing told;
	struct scene *scene = *state;

	NEED_WATCH(scene);
	put("early", "12345");
	assert_int_equal(utimensat(AT_FDCWD, "early", old, 0), 0);
	writing(scene, "early", &told);
	mount_line(scene, scene->top);
	files_writing(scene->files, &told);
	wait_records(scene, 1);
	/* Where the walk was faster it only guesses who, and it is told again */
	if (record_of(scene, "early")->uid != 1014)
		wait_records(scene, 2);
	assert_string_equal(record_of(scene, "early")->sha256, HASH_OF_12345);
	assert_int_equal(record_of(scene, "early")->uid, 1014);
}

static void what_is_unmounted_again_is_told_without_its_hash(void **state)
{
	struct guard_writing told;
	struct scene *scene = *state;

	writing(scene, "gone", &told);
	files_writing(scene->files, &told);
	assert_int_equal(scene->count, 1);
	const struct kept *kept = record_of(scene, told.path);
	assert_int_equal(kept->code, RECORD_FILE_WRITTEN);
	assert_string_equal(kept->unhashed, "unmounted before it was read");
	assert_int_equal(kept->uid, 1014);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCENE(the_guard_hears_what_is_watched),
		SCENE(what_lies_under_another_mount_is_not_called_watched),
		SCENE(what_the_guard_tells_of_is_recorded),
		SCENE(what_is_unmounted_again_is_told_without_its_hash),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
