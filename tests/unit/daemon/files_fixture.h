/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A made mount table and a tmpfs in a mount namespace of this process, for the
 * tests of what is told of its files. Needs root for that; they skip without.
 */
#pragma once

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

static inline void copy(char *to, size_t size, const char *from)
{
	(void)snprintf(to, size, "%s", from ? from : "");
}

static inline void keep(void *userdata, const struct record *record)
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
static inline void take_some(struct scene *scene)
{
	struct pollfd fd = {.fd = files_event_fd(scene->files),
			    .events = POLLIN};

	(void)poll(&fd, 1, 10);
	files_dispatch(scene->files);
}

/* Until there are COUNT, or for too long. */
static inline void wait_records(struct scene *scene, size_t count)
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

static inline uint64_t born(void *userdata, uint32_t major, uint32_t minor)
{
	const struct scene *scene = userdata;

	(void)minor;
	assert_int_equal(major, 0);
	return scene->born_ns;
}

static inline void watch(void *userdata, uint32_t major, uint32_t minor,
			 uint64_t born_ns)
{
	struct scene *scene = userdata;

	(void)major;
	scene->watched_ns = born_ns;
	scene->watched_minor = minor;
}

static inline unsigned int minor_of(const char *point)
{
	struct stat st = {0};

	(void)stat(point, &st);
	return minor(st.st_dev);
}

/* The number is the real one: whether it is watched is asked of the kernel */
static inline void mount_line(struct scene *scene, const char *point)
{
	fake_text(&scene->tree, "proc/self/mountinfo",
		  "21 1 8:1 / / rw - ext4 /dev/sda1 rw\n"
		  "36 21 0:%u / %s rw - vfat /dev/sdb rw\n",
		  minor_of(point), point);
}

static inline void on_mynumbers(void *userdata, const char *grant,
				uint64_t count)
{
	struct scene *scene = userdata;

	assert_string_equal(grant, GRANT);
	scene->mynumbers += count;
}

static inline void make_medium(struct scene *scene)
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

static inline int make_scene(void **state)
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

static inline int end_scene(void **state)
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

static inline void put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(close(fd), 0);
}

static inline bool is_told(const struct scene *scene, const char *path)
{
	for (size_t i = 0; i < scene->count; i++)
		if (strcmp(scene->records[i].path, path) == 0)
			return true;
	return false;
}

/* Recording has begun once a file of ours is told. */
static inline void begin(struct scene *scene)
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

static inline void unmount(struct scene *scene)
{
	assert_int_equal(chdir("/"), 0);
	assert_int_equal(umount2(scene->top, MNT_DETACH), 0);
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
static inline void make_number(char ret_number[13])
{
	uint8_t digits[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 7, 0};

	while (!mynumber_is_valid(digits))
		digits[11]++;
	for (size_t i = 0; i < 12; i++)
		ret_number[i] = (char)('0' + digits[i]);
	ret_number[12] = '\0';
}

static inline void numbers_are_counted_and_told_of_the_grant(void **state)
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

#define SCENE(test) cmocka_unit_test_setup_teardown(test, make_scene, end_scene)
