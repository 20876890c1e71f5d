/* SPDX-License-Identifier: Apache-2.0 */
/* files: from a made mount table to records, with real files on a tmpfs. */
#include "tests/unit/daemon/files_fixture.h"

static void a_written_file_becomes_a_record(void **state)
{
	struct scene *scene = *state;

	NEED_WATCH(scene);
	begin(scene);
	put("名簿.csv", "12345");
	wait_records(scene, 1);
	const struct kept *kept = record_of(scene, "名簿.csv");
	assert_int_equal(kept->code, RECORD_FILE_WRITTEN);
	assert_string_equal(kept->sha256, HASH_OF_12345);
	assert_true(kept->has_mynumbers);
	assert_int_equal(kept->size_bytes, 5);
	assert_string_equal(kept->unhashed, "");
	/* The made tree has no /proc/PID: the owner it is */
	assert_string_equal(kept->user_by, "owner");
	assert_int_equal(kept->uid, getuid());
}

static void the_login_user_is_told_where_proc_has_one(void **state)
{
	struct scene *scene = *state;
	char path[64];

	NEED_WATCH(scene);
	(void)snprintf(path, sizeof(path), "proc/%d/status", getpid());
	fake_text(&scene->tree, path, "Name:\tcp\nUid:\t0\t0\t0\t0\n");
	(void)snprintf(path, sizeof(path), "proc/%d/loginuid", getpid());
	fake_text(&scene->tree, path, "1014");
	begin(scene);
	put("a", "12345");
	wait_records(scene, 1);
	assert_string_equal(record_of(scene, "a")->user_by, "login");
	assert_int_equal(record_of(scene, "a")->uid, 1014);
}

static void a_file_that_was_renamed_has_its_last_name(void **state)
{
	struct scene *scene = *state;

	NEED_WATCH(scene);
	begin(scene);
	put(".tmp", "12345");
	assert_int_equal(rename(".tmp", "final"), 0);
	wait_records(scene, 2);
	const struct kept *renamed = NULL, *written = NULL;
	for (size_t i = 0; i < scene->count; i++)
		if (scene->records[i].code == RECORD_FILE_RENAMED)
			renamed = &scene->records[i];
		else if (scene->records[i].code == RECORD_FILE_WRITTEN)
			written = &scene->records[i];
	assert_non_null(renamed);
	assert_non_null(written);
	assert_string_equal(renamed->path, ".tmp");
	assert_string_equal(renamed->to, "final");
	assert_true(strcmp(written->path, "final") == 0 ||
		    strcmp(written->path, ".tmp") == 0);
	assert_string_equal(written->sha256, HASH_OF_12345);
}

static void a_deletion_is_told_and_the_file_too(void **state)
{
	struct scene *scene = *state;

	NEED_WATCH(scene);
	begin(scene);
	put("gone", "12345");
	assert_int_equal(unlink("gone"), 0);
	wait_records(scene, 2);
	bool was_written = false, was_deleted = false;
	for (size_t i = 0; i < scene->count; i++) {
		const struct kept *kept = &scene->records[i];
		assert_string_equal(kept->path, "gone");
		was_written |= kept->code == RECORD_FILE_WRITTEN &&
			       (kept->sha256[0] || kept->unhashed[0]);
		was_deleted |= kept->code == RECORD_FILE_DELETED;
	}
	assert_true(was_written && was_deleted);
}

static void a_file_written_again_is_hashed_again(void **state)
{
	struct scene *scene = *state;

	NEED_WATCH(scene);
	begin(scene);
	put("a", "first");
	wait_records(scene, 1);
	for (int i = 0; i < 20; i++)
		put("a", "12345");
	/* Within a second of the first record: told once, with the last */
	wait_records(scene, 2);
	assert_string_equal(scene->records[1].sha256, HASH_OF_12345);
	/* The kernel puts what is not read yet together */
	assert_in_range(scene->records[1].write_count, 1, 20);
	assert_int_equal(scene->count, 2);
}

static void a_storm_is_recorded_all(void **state)
{
	struct scene *scene = *state;
	unsigned int hashed = 0;
	char name[32];

	NEED_WATCH(scene);
	begin(scene);
	for (int i = 0; i < 10000; i++) {
		(void)snprintf(name, sizeof(name), "f%d", i);
		put(name, "12345");
	}
	wait_records(scene, 10000);
	for (size_t i = 0; i < scene->count; i++) {
		assert_int_equal(scene->records[i].code, RECORD_FILE_WRITTEN);
		hashed += strcmp(scene->records[i].sha256, HASH_OF_12345) == 0;
	}
	assert_int_equal(hashed, 10000);
}

static void a_file_written_before_the_watch_is_found(void **state)
{
	struct scene *scene = *state;

	NEED_WATCH(scene);
	put("early", "12345");
	mount_line(scene, scene->top);
	files_sync(scene->files);
	wait_records(scene, 1);
	assert_string_equal(record_of(scene, "early")->sha256, HASH_OF_12345);
}

static void the_end_of_a_mount_sums_up(void **state)
{
	struct scene *scene = *state;

	NEED_WATCH(scene);
	begin(scene);
	put("a", "12345");
	put("b", "12345");
	assert_int_equal(unlink("b"), 0);
	wait_records(scene, 3);
	unmount(scene);
	const struct kept *kept = wait_summary(scene);
	assert_true(kept->files.written >= 3); /* one to begin with */
	assert_true(kept->files.bytes >= 10);
	assert_int_equal(kept->files.deleted, 1);
	assert_int_equal(kept->files.lost, 0);
	assert_false(kept->files.is_partial);
	/* After it nothing is recorded */
	size_t count = scene->count;
	assert_int_equal(chdir(scene->top), 0);
	put("c", "12345");
	assert_int_equal(unlink("c"), 0);
	files_dispatch(scene->files);
	assert_int_equal(scene->count, count);
}

static void what_was_not_hashed_in_time_is_told_so(void **state)
{
	struct scene *scene = *state;
	int fd;

	NEED_WATCH(scene);
	begin(scene);
	fd = open("open", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	assert_int_equal(write(fd, "1", 1), 1);
	for (int i = 0; i < 50; i++)
		put("many", "12345"); /* the second record of it waits */
	assert_int_equal(files_release(scene->files, "sdb"), 0);
	(void)wait_summary(scene);
	assert_string_equal(record_of(scene, "open")->unhashed, "still open");
	assert_string_equal(record_of(scene, "many")->unhashed, "access ended");
	assert_int_equal(close(fd), 0);
}

static void released_media_can_be_unmounted(void **state)
{
	struct scene *scene = *state;
	static char block[1 << 20];

	NEED_WATCH(scene);
	begin(scene);
	int fd = open("big", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	for (int i = 0; i < 48; i++)
		assert_int_equal(write(fd, block, sizeof(block)),
				 sizeof(block));
	assert_int_equal(close(fd), 0);
	assert_int_equal(chdir("/"), 0);
	assert_int_equal(files_release(scene->files, "sdb"), 0);
	assert_int_equal(umount2(scene->top, 0), 0);
	const struct kept *kept = wait_summary(scene);
	assert_true(kept->files.written >= 1);
	(void)record_of(scene, "big");
}

static void media_that_are_not_read_write_are_not_recorded(void **state)
{
	struct scene *scene = *state;

	NEED_WATCH(scene);
	scene->medium->access = MEDIA_READ_ONLY;
	mount_line(scene, scene->top);
	files_sync(scene->files);
	put("a", "12345");
	files_dispatch(scene->files);
	assert_int_equal(files_release(scene->files, "sdb"), 0);
	assert_int_equal(scene->count, 0);
}

static void a_mount_that_cannot_be_watched_ends_with_a_reason(void **state)
{
	struct scene *scene = *state;

	NEED_WATCH(scene);
	mount_line(scene, "/nonexistent");
	files_sync(scene->files);
	const struct kept *kept = wait_summary(scene);
	assert_string_equal(kept->files.why, "cannot be watched");
	assert_int_equal(scene->records[0].code, RECORD_LOG_GAP);
}

static void a_file_cut_by_its_name_is_told(void **state)
{
	struct scene *scene = *state;

	NEED_WATCH(scene);
	put("list", "12345 and more");
	begin(scene);
	assert_int_equal(truncate("list", 5), 0);
	wait_records(scene, 1);
	const struct kept *kept = record_of(scene, "list");
	assert_int_equal(kept->code, RECORD_FILE_WRITTEN);
	assert_string_equal(kept->sha256, HASH_OF_12345);
	/* The first write of a file looks the same: it is told once */
	put("other", "12345");
	for (int i = 0; i < 200; i++)
		take_some(scene);
	assert_int_equal(scene->count, 2);
}

static void what_is_open_when_it_is_unmounted_is_told_too(void **state)
{
	struct scene *scene = *state;

	NEED_WATCH(scene);
	begin(scene);
	int fd = open("open", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	assert_true(fd >= 0);
	unmount(scene);
	for (int i = 0; i < 50; i++)
		take_some(scene);
	assert_int_equal(write(fd, "12345", 5), 5);
	assert_int_equal(close(fd), 0);
	const struct kept *kept = wait_summary(scene);
	assert_string_equal(kept->files.why, "unmounted");
	assert_int_equal(scene->records[0].code, RECORD_FILE_WRITTEN);
	assert_non_null(strstr(scene->records[0].path, "open"));
	assert_int_equal(scene->records[0].size_bytes, 5);
	assert_string_equal(scene->records[0].unhashed, "unmounted");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCENE(numbers_are_counted_and_told_of_the_grant),
		SCENE(a_written_file_becomes_a_record),
		SCENE(the_login_user_is_told_where_proc_has_one),
		SCENE(a_file_that_was_renamed_has_its_last_name),
		SCENE(a_deletion_is_told_and_the_file_too),
		SCENE(a_file_written_again_is_hashed_again),
		SCENE(a_storm_is_recorded_all),
		SCENE(a_file_written_before_the_watch_is_found),
		SCENE(the_end_of_a_mount_sums_up),
		SCENE(what_was_not_hashed_in_time_is_told_so),
		SCENE(released_media_can_be_unmounted),
		SCENE(media_that_are_not_read_write_are_not_recorded),
		SCENE(a_mount_that_cannot_be_watched_ends_with_a_reason),
		SCENE(a_file_cut_by_its_name_is_told),
		SCENE(what_is_open_when_it_is_unmounted_is_told_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
