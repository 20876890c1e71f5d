/* SPDX-License-Identifier: Apache-2.0 */
/*
 * files: from a made mount table to records, with real files on a tmpfs in a
 * mount namespace of this process. Needs root for that; skipped without.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>
#include <cmocka.h>

#include "agent/base/clock.h"
#include "agent/daemon/files.h"
#include "agent/sense/files.h"
#include "policy/mynumber.h"
#include "policy/digest.h"
#include "tests/fakes/tree.h"

#define RECORDS_MAX 16384
#define WAIT_NS	    (20 * NS_PER_S)
#define GRANT	    "g-0123456789abcdef"
#define HASH_OF_12345                                                          \
	"5994471abb01112afcc18159f6cc74b4f511b99806da59b3caf5a9c173cacfc5"

struct kept {
	enum record_code code;
	char path[80];
	char to[80];
	char sha256[DIGEST_HEX_SIZE];
	bool has_mynumbers;
	uint64_t mynumber_count;
	char unhashed[64];
	char user_by[16];
	uint64_t size_bytes;
	uint32_t uid;
	uint32_t write_count;
	struct record_files files;
};

struct scene {
	char top[64];
	bool has_watch;
	struct fake_tree tree;
	struct log log;
	struct devices devices;
	struct medium_entry *medium;
	struct files *files;
	struct kept *records;
	size_t count;
	/* What the guard has, and was told */
	uint64_t born_ns;
	uint64_t watched_ns;
	uint64_t mynumbers; /* as told of the grant */
	uint32_t watched_minor;
};

static void copy(char *to, size_t size, const char *from)
{
	(void)snprintf(to, size, "%s", from ? from : "");
}

static void keep(void *userdata, const struct record *record)
{
	struct scene *scene = userdata;
	struct kept *kept = &scene->records[scene->count++];

	assert_true(scene->count < RECORDS_MAX);
	memset(kept, 0, sizeof(*kept));
	kept->code = record->code;
	if (record->code == RECORD_FILE_SUMMARY)
		kept->files = record->u.files;
	if (record->code == RECORD_LOG_GAP)
		kept->files.lost = record->u.gap.count;
	if (!record->file)
		return;
	assert_non_null(record->media);
	assert_string_equal(record->correlation, "plug-1");
	if (record->file->mount)
		assert_string_equal(record->file->mount, scene->top);
	copy(kept->path, sizeof(kept->path), record->file->path);
	copy(kept->to, sizeof(kept->to), record->file->to);
	copy(kept->sha256, sizeof(kept->sha256), record->file->sha256);
	kept->has_mynumbers = record->file->has_mynumbers;
	kept->mynumber_count = record->file->mynumber_count;
	copy(kept->unhashed, sizeof(kept->unhashed), record->file->unhashed);
	copy(kept->user_by, sizeof(kept->user_by), record->file->user_by);
	kept->size_bytes = record->file->size_bytes;
	kept->write_count = record->file->write_count;
	kept->uid = record->actor ? record->actor->uid : UINT32_MAX;
}

/* Takes finished records, or waits a moment for one. */
static void take_some(struct scene *scene)
{
	struct pollfd fd = {.fd = files_event_fd(scene->files),
			    .events = POLLIN};

	(void)poll(&fd, 1, 10);
	files_dispatch(scene->files);
}

/* Until there are COUNT, or for too long. */
static void wait_records(struct scene *scene, size_t count)
{
	uint64_t mono_end_ns = clock_mono_ns() + WAIT_NS;

	while (scene->count < count && clock_mono_ns() < mono_end_ns)
		take_some(scene);
	assert_true(scene->count >= count);
}

static const struct kept *record_of(const struct scene *scene, const char *path)
{
	for (size_t i = scene->count; i-- > 0;)
		if (strcmp(scene->records[i].path, path) == 0)
			return &scene->records[i];
	fail_msg("no record of '%s'", path);
	return NULL;
}

static uint64_t born(void *userdata, uint32_t major, uint32_t minor)
{
	const struct scene *scene = userdata;

	(void)minor;
	assert_int_equal(major, 0);
	return scene->born_ns;
}

static void watch(void *userdata, uint32_t major, uint32_t minor,
		  uint64_t born_ns)
{
	struct scene *scene = userdata;

	(void)major;
	scene->watched_ns = born_ns;
	scene->watched_minor = minor;
}

static unsigned int minor_of(const char *point)
{
	struct stat st = {0};

	(void)stat(point, &st);
	return minor(st.st_dev);
}

/* The number is the real one: whether it is watched is asked of the kernel */
static void mount_line(struct scene *scene, const char *point)
{
	fake_text(&scene->tree, "proc/self/mountinfo",
		  "21 1 8:1 / / rw - ext4 /dev/sda1 rw\n"
		  "36 21 0:%u / %s rw - vfat /dev/sdb rw\n",
		  minor_of(point), point);
}

static void on_mynumbers(void *userdata, const char *grant, uint64_t count)
{
	struct scene *scene = userdata;

	assert_string_equal(grant, GRANT);
	scene->mynumbers += count;
}

static void make_medium(struct scene *scene)
{
	struct block_disk disk = {.name = "sdb", .major = 8, .minor = 16};

	fake_tree_init(&scene->tree);
	fake_disk_add(&scene->tree, NULL, "sdb", 16, 0);
	copy(disk.devpath, sizeof(disk.devpath),
	     fake_devpath(&scene->tree, "sdb"));
	assert_int_equal(
		devices_add_medium(&scene->devices, &disk, &scene->medium), 0);
	scene->medium->access = MEDIA_READ_WRITE;
	copy(scene->medium->plug, sizeof(scene->medium->plug), "plug-1");
	copy(scene->medium->decision.grant,
	     sizeof(scene->medium->decision.grant), GRANT);
}

static int make_scene(void **state)
{
	struct scene *scene = calloc(1, sizeof(*scene));
	struct files_watch *probe = NULL;

	assert_non_null(scene);
	*state = scene;
	scene->records = calloc(RECORDS_MAX, sizeof(*scene->records));
	assert_non_null(scene->records);
	log_init(&scene->log, "test");
	(void)log_set_level(&scene->log, "error");
	make_medium(scene);
	const struct files_options options = {
		.root_fd = scene->tree.fd,
		.log = &scene->log,
		.devices = &scene->devices,
		.sink = {.emit = keep, .userdata = scene},
		.guard = {.born_ns = born, .watch = watch, .userdata = scene},
		.on_mynumbers = on_mynumbers,
		.userdata = scene,
	};
	assert_int_equal(files_new(&options, &scene->files), 0);
	copy(scene->top, sizeof(scene->top), "/tmp/sekimori-XXXXXX");
	assert_non_null(mkdtemp(scene->top));
	if (unshare(CLONE_NEWNS) < 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("tmpfs", scene->top, "tmpfs", 0, "size=64m") < 0)
		return 0; /* no root: the tests skip */
	scene->has_watch = files_watch_open(scene->top, 0, &probe) == 0;
	files_watch_close(probe);
	return chdir(scene->top);
}

static int end_scene(void **state)
{
	struct scene *scene = *state;

	files_free(scene->files);
	assert_int_equal(chdir("/"), 0);
	(void)umount2(scene->top, MNT_DETACH);
	(void)rmdir(scene->top);
	devices_fini(&scene->devices);
	fake_tree_fini(&scene->tree);
	free(scene->records);
	free(scene);
	return 0;
}

#define NEED_WATCH(scene)                                                      \
	do {                                                                   \
		if (!(scene)->has_watch)                                       \
			skip();                                                \
	} while (0)

static void put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(close(fd), 0);
}

static bool is_told(const struct scene *scene, const char *path)
{
	for (size_t i = 0; i < scene->count; i++)
		if (strcmp(scene->records[i].path, path) == 0)
			return true;
	return false;
}

/* Recording has begun once a file of ours is told. */
static void begin(struct scene *scene)
{
	mount_line(scene, scene->top);
	files_sync(scene->files);
	for (int i = 0; i < 2000 && scene->count == 0; i++) {
		char name[32];
		(void)snprintf(name, sizeof(name), "begin-%d", i);
		put(name, "");
		take_some(scene);
	}
	assert_true(scene->count > 0);
	/* A name that is told last: nothing of the others is left after it */
	put("begun", "");
	for (int i = 0; i < 2000 && !is_told(scene, "begun"); i++)
		take_some(scene);
	assert_true(is_told(scene, "begun"));
	scene->count = 0;
}

static void unmount(struct scene *scene)
{
	fake_text(&scene->tree, "proc/self/mountinfo",
		  "21 1 8:1 / / rw - ext4 /dev/sda1 rw\n");
	files_sync(scene->files);
}

static const struct kept *wait_summary(struct scene *scene)
{
	for (int i = 0; i < 2000; i++) {
		for (size_t k = 0; k < scene->count; k++)
			if (scene->records[k].code == RECORD_FILE_SUMMARY)
				return &scene->records[k];
		take_some(scene);
	}
	fail_msg("no summary");
	return NULL;
}

/* A number of the formula, of nobody we know of. */
static void make_number(char ret_number[13])
{
	uint8_t digits[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 7, 0};

	while (!mynumber_is_valid(digits))
		digits[11]++;
	for (size_t i = 0; i < 12; i++)
		ret_number[i] = (char)('0' + digits[i]);
	ret_number[12] = '\0';
}

static void numbers_are_counted_and_told_of_the_grant(void **state)
{
	struct scene *scene = *state;
	char number[13];
	char text[64];

	NEED_WATCH(scene);
	make_number(number);
	begin(scene);
	(void)snprintf(text, sizeof(text), "%s,%s\n", number, number);
	put("名簿.csv", text);
	wait_records(scene, 1);
	assert_int_equal(record_of(scene, "名簿.csv")->mynumber_count, 2);
	assert_int_equal(scene->mynumbers, 2);
	put("空.csv", "");
	wait_records(scene, 2);
	assert_int_equal(scene->mynumbers, 2);
	unmount(scene);
	assert_int_equal(wait_summary(scene)->files.mynumbers, 2);
}

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
	put("c", "12345");
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

#define SCENE(test) cmocka_unit_test_setup_teardown(test, make_scene, end_scene)

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
		SCENE(the_guard_hears_what_is_watched),
		SCENE(what_lies_under_another_mount_is_not_called_watched),
		SCENE(what_the_guard_tells_of_is_recorded),
		SCENE(what_is_unmounted_again_is_told_without_its_hash),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
