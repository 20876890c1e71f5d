/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What recording costs those who write: 1 GiB in one file, and 10,000 small
 * files, with and without, in turn. On a tmpfs, where nothing but the cost is
 * left: a stick is a hundred times slower. Needs root; must not touch what is
 * mounted outside its own namespace.
 */
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/sysinfo.h>
#include <time.h>
#include <unistd.h>

#include "agent/base/clock.h"
#include "agent/daemon/files.h"
#include "tests/fakes/tree.h"

#define TURNS	    6
#define BLOCK	    ((size_t)128 * 1024) /* as cp(1) */
#define BLOCKS	    (((size_t)1 << 30) / BLOCK)
#define SMALL_FILES 10000
#define NEEDED	    ((uint64_t)3 << 30)

struct scene {
	char top[64];
	struct fake_tree tree;
	struct log log;
	struct devices devices;
	struct files *files;
	uint64_t written;
	uint64_t hashed;
};

static void take(void *userdata, const struct record *record)
{
	struct scene *scene = userdata;

	if (record->code != RECORD_FILE_WRITTEN)
		return;
	scene->written++;
	scene->hashed += record->file->sha256[0] != '\0';
}

static bool mount_top(struct scene *scene)
{
	(void)snprintf(scene->top, sizeof(scene->top), "/tmp/sekimori-XXXXXX");
	return mkdtemp(scene->top) && unshare(CLONE_NEWNS) == 0 &&
	       mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
	       mount("tmpfs", scene->top, "tmpfs", 0, "size=2g") == 0;
}

static bool make_files(struct scene *scene)
{
	const struct files_options options = {
		.root_fd = scene->tree.fd,
		.log = &scene->log,
		.devices = &scene->devices,
		.sink = {.emit = take, .userdata = scene},
	};
	struct block_disk disk = {.name = "sdb", .major = 8, .minor = 16};
	struct medium_entry *medium = NULL;

	fake_disk_add(&scene->tree, NULL, "sdb", 16, 0);
	(void)snprintf(disk.devpath, sizeof(disk.devpath), "%s",
		       fake_devpath(&scene->tree, "sdb"));
	if (devices_add_medium(&scene->devices, &disk, &medium) < 0)
		return false;
	medium->access = MEDIA_READ_WRITE;
	return files_new(&options, &scene->files) == 0;
}

/* Until COUNT files have been told, if that takes less than a minute. */
static void drain(struct scene *scene, uint64_t count)
{
	struct pollfd fd = {.fd = files_event_fd(scene->files),
			    .events = POLLIN};
	uint64_t mono_end_ns = clock_mono_ns() + 60 * NS_PER_S;

	while (scene->written < count && clock_mono_ns() < mono_end_ns) {
		(void)poll(&fd, 1, 100);
		files_dispatch(scene->files);
	}
}

static void record(struct scene *scene, bool is_on)
{
	fake_text(&scene->tree, "proc/self/mountinfo",
		  is_on ? "36 1 8:16 / %s rw - vfat /dev/sdb rw\n" : "%.0s",
		  scene->top);
	files_sync(scene->files);
	(void)usleep(300 * 1000); /* the threads have taken it up by then */
	files_dispatch(scene->files);
}

static bool write_file(const char *path, const char *block, size_t size,
		       size_t times)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	if (fd < 0)
		return false;
	for (size_t i = 0; i < times; i++)
		if (write(fd, block, size) != (ssize_t)size)
			return false;
	return close(fd) == 0;
}

/* Time of the clock, and of this thread's processor: the first is what people
 * wait for, the second does not mind what else the machine does. */
struct cost {
	double wall_ms;
	double cpu_ms;
};

static struct cost now(void)
{
	struct timespec cpu;

	(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &cpu);
	return (struct cost){
		.wall_ms = (double)clock_mono_ns() / 1e6,
		.cpu_ms = (double)cpu.tv_sec * 1e3 + (double)cpu.tv_nsec / 1e6,
	};
}

static struct cost since(struct cost begin)
{
	struct cost end = now();

	end.wall_ms -= begin.wall_ms;
	end.cpu_ms -= begin.cpu_ms;
	return end;
}

static struct cost large(const char *block)
{
	struct cost begin = now();

	if (!write_file("large", block, BLOCK, BLOCKS))
		abort();
	struct cost took = since(begin);
	return took;
}

static struct cost small(const char *block)
{
	struct cost begin = now();
	char name[32];

	for (int i = 0; i < SMALL_FILES; i++) {
		(void)snprintf(name, sizeof(name), "s%d", i);
		if (!write_file(name, block, 4096, 1))
			abort();
	}
	return since(begin);
}

static void remove_small(void)
{
	char name[32];

	for (int i = 0; i < SMALL_FILES; i++) {
		(void)snprintf(name, sizeof(name), "s%d", i);
		(void)unlink(name);
	}
}

static double lesser(double a, double b)
{
	return a == 0 || b < a ? b : a;
}

static void keep_least(struct cost *least, struct cost cost)
{
	least->wall_ms = lesser(least->wall_ms, cost.wall_ms);
	least->cpu_ms = lesser(least->cpu_ms, cost.cpu_ms);
}

static void show(const char *what, const struct cost costs[2])
{
	printf("files_write_%s_unrecorded %.1f ms\n", what, costs[0].wall_ms);
	printf("files_write_%s_recorded %.1f ms\n", what, costs[1].wall_ms);
	printf("files_write_%s_ratio %.3f x\n", what,
	       costs[1].wall_ms / costs[0].wall_ms);
	printf("files_write_%s_processor_ratio %.3f x\n", what,
	       costs[1].cpu_ms / costs[0].cpu_ms);
}

static void measure(struct scene *scene, const char *block)
{
	struct cost of_large[2] = {0}, of_small[2] = {0};

	for (int turn = 0; turn < 2 * TURNS; turn++) {
		/* Off, on, on, off, …: what comes after what is even */
		int is_on = (turn + 1) / 2 % 2;
		if (is_on)
			record(scene, true);
		keep_least(&of_large[is_on], large(block));
		drain(scene, is_on ? scene->written + 1 : 0);
		(void)unlink("large");
		keep_least(&of_small[is_on], small(block));
		drain(scene, is_on ? scene->written + SMALL_FILES : 0);
		if (is_on)
			record(scene, false);
		remove_small();
	}
	show("1gib", of_large);
	show("10k_small", of_small);
	printf("files_recorded %llu files\n",
	       (unsigned long long)scene->written);
	printf("files_recorded_without_sha256 %llu files\n",
	       (unsigned long long)(scene->written - scene->hashed));
}

int main(void)
{
	struct scene scene = {0};
	struct sysinfo info;
	char *block = calloc(1, BLOCK);

	log_init(&scene.log, "bench");
	(void)log_set_level(&scene.log, "error");
	fake_tree_init(&scene.tree);
	if (!block || sysinfo(&info) < 0 ||
	    (uint64_t)info.freeram * info.mem_unit < NEEDED ||
	    !mount_top(&scene) || chdir(scene.top) < 0 || !make_files(&scene)) {
		printf("# files: skipped, needs root and 3 GiB of memory\n");
		return 0;
	}
	measure(&scene, block);
	files_free(scene.files);
	(void)!chdir("/");
	(void)umount2(scene.top, MNT_DETACH);
	(void)rmdir(scene.top);
	devices_fini(&scene.devices);
	fake_tree_fini(&scene.tree);
	free(block);
	return 0;
}
