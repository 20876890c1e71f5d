/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files are compared by the device number of their file system and by the id
 * of their mount (btrfs has a number of its own), both from statx(2) through
 * /proc/PID/fd with AT_STATX_DONT_SYNC, which asks no FUSE or network server:
 * a hostile one must not hold up the search.
 */
#include "agent/sense/holders.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/base/cleanup.h"
#include "agent/base/clock.h"
#include "agent/base/fd.h"
#include "agent/sense/mount.h"

#define STATUS_MAX    4096
#define MAP_LINE_MAX  1024
#define PROC_PATH_MAX 64
/* Descriptors between two looks at the clock. */
#define FDS_PER_LOOK 256

/* --- device numbers ------------------------------------------------------ */

static bool has_number(const struct holders *holders, uint32_t major,
		       uint32_t minor)
{
	for (size_t i = 0; i < holders->number_count; i++)
		if (holders->numbers[i].major == major &&
		    holders->numbers[i].minor == minor)
			return true;
	return false;
}

static void add_number(struct holders *holders, const char *name,
		       uint32_t major, uint32_t minor)
{
	struct holders_number *number;

	if (has_number(holders, major, minor))
		return;
	if (holders->number_count == HOLDERS_NUMBERS_MAX) {
		holders->is_partial = true;
		return;
	}
	number = &holders->numbers[holders->number_count++];
	number->major = major;
	number->minor = minor;
	(void)snprintf(number->name, sizeof(number->name), "%s", name);
}

struct stack {
	int root_fd;
	struct holders *holders;
};

static int add_named(const char *name, void *userdata)
{
	struct stack *stack = userdata;
	_cleanup_close_ int dir = -1;
	char path[SYSFS_PATH_MAX];
	uint32_t major, minor;

	(void)snprintf(path, sizeof(path), "sys/class/block/%s", name);
	dir = openat(stack->root_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir >= 0 && sysfs_read_devnum(dir, "dev", &major, &minor) == 0)
		add_number(stack->holders, name, major, minor);
	return 0;
}

/* A loop device whose file is on the medium. */
static int add_loop(const char *name, void *userdata)
{
	struct stack *stack = userdata;
	char path[SYSFS_PATH_MAX], file[SYSFS_PATH_MAX];
	struct statx stx;

	if (strncmp(name, "loop", 4) != 0)
		return 0;
	(void)snprintf(path, sizeof(path), "sys/class/block/%s", name);
	_cleanup_close_ int dir = openat(stack->root_fd, path,
					 O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0 ||
	    sysfs_read_text(dir, "loop/backing_file", file, sizeof(file)) < 0 ||
	    file[0] != '/' ||
	    statx(stack->root_fd, file + 1,
		  AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT, STATX_TYPE, &stx) < 0)
		return 0;
	if (has_number(stack->holders, stx.stx_dev_major, stx.stx_dev_minor))
		return add_named(name, userdata);
	return 0;
}

/* What is stacked is found at the end of the list, and looked at in turn. */
static void add_stacked(int root_fd, struct holders *holders)
{
	struct stack stack = {.root_fd = root_fd, .holders = holders};

	for (size_t i = 0; i < holders->number_count; i++) {
		char link[64], devpath[SYSFS_PATH_MAX];
		char path[SYSFS_PATH_MAX + 16];
		(void)snprintf(link, sizeof(link), "sys/class/block/%s",
			       holders->numbers[i].name);
		if (sysfs_devpath_of(root_fd, link, devpath) < 0)
			continue;
		(void)snprintf(path, sizeof(path), "sys%s/holders", devpath);
		/* No such folder: nothing can be stacked on it */
		(void)!sysfs_each(root_fd, path, add_named, &stack);
		if (i + 1 == holders->number_count)
			(void)!sysfs_each(root_fd, "sys/class/block", add_loop,
					  &stack);
	}
}

static int find_numbers(int root_fd, const struct block_disk *disk,
			struct holders *holders)
{
	_cleanup_free_ struct block_partition *parts =
		calloc(BLOCK_PARTITIONS_MAX, sizeof(*parts));
	unsigned int count = 0;

	if (!parts)
		return -ENOMEM;
	add_number(holders, disk->name, disk->major, disk->minor);
	int r = block_partitions(root_fd, disk, parts, &count);
	if (r < 0)
		return r;
	for (unsigned int i = 0; i < count; i++)
		add_number(holders, parts[i].name, parts[i].major,
			   parts[i].minor);
	add_stacked(root_fd, holders);
	return 0;
}

/* --- mounts -------------------------------------------------------------- */

struct table {
	struct holders *holders;
	uint32_t pid;
};

/* btrfs: its own number in mountinfo, the device in the source. */
static bool is_source(const struct holders *holders, const char *source)
{
	if (strncmp(source, "/dev/", 5) != 0)
		return false;
	for (size_t i = 0; i < holders->number_count; i++)
		if (strcmp(sysfs_basename(source), holders->numbers[i].name) ==
		    0)
			return true;
	return false;
}

static int take_mount(const struct mount_entry *entry, void *userdata)
{
	struct table *table = userdata;
	struct holders *holders = table->holders;
	struct holders_mount *mount;

	if (entry->major == 0
		    ? !is_source(holders, entry->source)
		    : !has_number(holders, entry->major, entry->minor))
		return 0;
	if (holders->mount_count == HOLDERS_MOUNTS_MAX) {
		holders->is_partial = true;
		return 1;
	}
	mount = &holders->mounts[holders->mount_count++];
	mount->id = entry->id;
	mount->pid = table->pid;
	mount->is_read_only = entry->is_read_only;
	memcpy(mount->point, entry->point, sizeof(mount->point));
	return 0;
}

struct processes {
	int root_fd;
	int proc_fd;
	struct holders *holders;
	size_t count;
	uint64_t mono_end_ns;
	uint32_t self;
	/* of find_mounts() */
	ino_t *namespaces;
	size_t namespace_count;
};

static bool parse_pid(const char *name, uint32_t *ret_pid)
{
	uint32_t pid = 0;

	for (const char *c = name; *c; c++) {
		if (*c < '0' || *c > '9' || c - name > 8)
			return false;
		pid = pid * 10 + (uint32_t)(*c - '0');
	}
	*ret_pid = pid;
	return pid != 0;
}

typedef void (*process_fn)(struct processes *processes, uint32_t pid);

static int each_process(struct processes *processes, process_fn fn)
{
	_cleanup_closedir_ DIR *dir = NULL;
	const struct dirent *entry;
	uint32_t pid;

	int fd = openat(processes->proc_fd, ".",
			O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	dir = fdopendir(fd);
	if (!dir) {
		int r = -errno;
		cleanup_close(&fd);
		return r;
	}
	while ((entry = readdir(dir))) {
		if (!parse_pid(entry->d_name, &pid))
			continue;
		if (processes->count++ == HOLDERS_PROCESSES_MAX ||
		    clock_mono_ns() > processes->mono_end_ns) {
			processes->holders->is_partial = true;
			return 0;
		}
		fn(processes, pid);
	}
	return 0;
}

static void see_namespace(struct processes *processes, uint32_t pid)
{
	struct table table = {.holders = processes->holders, .pid = pid};
	char path[PROC_PATH_MAX];
	struct stat st;

	(void)snprintf(path, sizeof(path), "%u/ns/mnt", pid);
	if (fstatat(processes->proc_fd, path, &st, 0) < 0)
		return; /* it has ended, or is a zombie */
	for (size_t i = 0; i < processes->namespace_count; i++)
		if (processes->namespaces[i] == st.st_ino)
			return;
	if (processes->namespace_count == HOLDERS_NAMESPACES_MAX) {
		processes->holders->is_partial = true;
		return;
	}
	processes->namespaces[processes->namespace_count++] = st.st_ino;
	if (mount_each_of(processes->root_fd, pid, take_mount, &table) < 0)
		processes->namespace_count--; /* the next process tells */
}

/* Long enough for any terminal: only the first process of each namespace
 * costs more than one stat. */
#define MOUNTS_BUDGET_NS (5 * NS_PER_S)

int holders_find_mounts(int root_fd, const struct block_disk *disk,
			struct holders *ret_holders)
{
	_cleanup_free_ ino_t *namespaces = calloc(HOLDERS_NAMESPACES_MAX,
						  sizeof(*namespaces));
	_cleanup_close_ int proc_fd =
		openat(root_fd, "proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct processes processes = {
		.root_fd = root_fd,
		.proc_fd = proc_fd,
		.holders = ret_holders,
		.namespaces = namespaces,
		.mono_end_ns = clock_mono_ns() + MOUNTS_BUDGET_NS,
	};

	memset(ret_holders, 0, sizeof(*ret_holders));
	if (!namespaces)
		return -ENOMEM;
	if (proc_fd < 0)
		return -errno;
	int r = find_numbers(root_fd, disk, ret_holders);
	if (r < 0)
		return r;
	return each_process(&processes, see_namespace);
}

/* --- processes ----------------------------------------------------------- */

int holders_parse_uid(const char *text, uint32_t *ret_uid)
{
	const char *line = strstr(text, "\nUid:\t");
	char *end;

	if (!line)
		return -EBADMSG;
	line += strlen("\nUid:\t");
	if (*line < '0' || *line > '9')
		return -EBADMSG;
	errno = 0;
	unsigned long uid = strtoul(line, &end, 10);
	if (errno != 0 || uid > UINT32_MAX || *end != '\t')
		return -EBADMSG;
	*ret_uid = (uint32_t)uid;
	return 0;
}

int holders_parse_map(const char *line, uint32_t *ret_major,
		      uint32_t *ret_minor, const char **ret_path)
{
	const char *at = line;
	char *end;

	for (int i = 0; i < 3; i++) { /* range, permissions, offset */
		at = strchr(at, ' ');
		if (!at)
			return -EBADMSG;
		at++;
	}
	unsigned long major = strtoul(at, &end, 16);
	if (end == at || *end != ':' || major > UINT32_MAX)
		return -EBADMSG;
	at = end + 1;
	unsigned long minor = strtoul(at, &end, 16);
	if (end == at || *end != ' ' || minor > UINT32_MAX)
		return -EBADMSG;
	const char *path = strchr(end, '/');
	if (!path || (major == 0 && minor == 0))
		return -EBADMSG;
	*ret_major = (uint32_t)major;
	*ret_minor = (uint32_t)minor;
	*ret_path = path;
	return 0;
}

static bool is_on_medium(const struct holders *holders, const struct statx *stx)
{
	if (has_number(holders, stx->stx_dev_major, stx->stx_dev_minor))
		return true;
	if (!(stx->stx_mask & STATX_MNT_ID))
		return false;
	for (size_t i = 0; i < holders->mount_count; i++)
		if (holders->mounts[i].id == stx->stx_mnt_id)
			return true;
	return false;
}

struct process {
	uint32_t pid;
	bool is_found;
	struct holder holder;
};

/* The first thing found, or the first that is open for writing. */
static void look(const struct processes *processes, struct process *process,
		 const char *file)
{
	struct holder *holder = &process->holder;
	char path[PROC_PATH_MAX];
	struct statx stx;
	struct stat link = {0};

	(void)snprintf(path, sizeof(path), "%u/%s", process->pid, file);
	if (statx(processes->proc_fd, path,
		  AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT,
		  STATX_TYPE | STATX_MNT_ID, &stx) < 0)
		return;
	bool is_raw = S_ISBLK(stx.stx_mode) &&
		      has_number(processes->holders, stx.stx_rdev_major,
				 stx.stx_rdev_minor);
	if (!is_raw && !is_on_medium(processes->holders, &stx))
		return;
	/* How it was opened stands in the mode of the link (fs/proc/fd.c) */
	(void)fstatat(processes->proc_fd, path, &link, AT_SYMLINK_NOFOLLOW);
	bool is_writer = strncmp(file, "fd/", 3) == 0 &&
			 (link.st_mode & S_IWUSR);
	holder->is_raw |= is_raw;
	if (process->is_found && (holder->is_writer || !is_writer))
		return;
	process->is_found = true;
	holder->is_writer |= is_writer;
	ssize_t n = readlinkat(processes->proc_fd, path, holder->path,
			       sizeof(holder->path) - 1);
	holder->path[n > 0 ? n : 0] = '\0';
}

static void look_at_files(const struct processes *processes,
			  struct process *process)
{
	_cleanup_closedir_ DIR *dir = NULL;
	const struct dirent *entry;
	char path[PROC_PATH_MAX];
	uint32_t number, count = 0;

	(void)snprintf(path, sizeof(path), "%u/fd", process->pid);
	int fd = openat(processes->proc_fd, path,
			O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return;
	dir = fdopendir(fd);
	if (!dir) {
		cleanup_close(&fd);
		return;
	}
	while ((entry = readdir(dir))) {
		if (!parse_pid(entry->d_name, &number) &&
		    strcmp(entry->d_name, "0") != 0)
			continue;
		if (++count % FDS_PER_LOOK == 0 &&
		    clock_mono_ns() > processes->mono_end_ns) {
			processes->holders->is_partial = true;
			return;
		}
		(void)snprintf(path, sizeof(path), "fd/%.12s", entry->d_name);
		look(processes, process, path);
	}
}

/* A mapping holds its file when the descriptor is closed. */
static void look_at_maps(const struct processes *processes,
			 struct process *process)
{
	_cleanup_fclose_ FILE *file = NULL;
	char path[PROC_PATH_MAX], line[MAP_LINE_MAX];
	uint32_t major, minor, count = 0;
	const char *name;

	(void)snprintf(path, sizeof(path), "%u/maps", process->pid);
	int fd = openat(processes->proc_fd, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	file = fdopen(fd, "re");
	if (!file) {
		cleanup_close(&fd);
		return;
	}
	while (fgets(line, sizeof(line), file)) {
		if (++count % FDS_PER_LOOK == 0 &&
		    clock_mono_ns() > processes->mono_end_ns) {
			processes->holders->is_partial = true;
			return;
		}
		if (holders_parse_map(line, &major, &minor, &name) < 0 ||
		    !has_number(processes->holders, major, minor))
			continue;
		process->is_found = true;
		(void)snprintf(process->holder.path,
			       sizeof(process->holder.path), "%.*s",
			       (int)strcspn(name, "\n"), name);
		return;
	}
}

static void describe(const struct processes *processes, struct holder *holder)
{
	char path[PROC_PATH_MAX], text[STATUS_MAX], comm[64];
	size_t size = 0;

	(void)snprintf(path, sizeof(path), "%u/comm", holder->pid);
	if (read_line_file(processes->proc_fd, path, comm, sizeof(comm)) == 0)
		(void)snprintf(holder->comm, sizeof(holder->comm), "%.15s",
			       comm);
	(void)snprintf(path, sizeof(path), "%u/status", holder->pid);
	_cleanup_close_ int fd = openat(processes->proc_fd, path,
					O_RDONLY | O_CLOEXEC);
	if (fd < 0 || read_full(fd, text, sizeof(text) - 1, &size) < 0)
		return;
	text[size] = '\0';
	(void)!holders_parse_uid(text, &holder->uid);
}

static void see_process(struct processes *processes, uint32_t pid)
{
	struct holders *holders = processes->holders;
	struct process process = {.pid = pid, .holder = {.pid = pid}};

	if (pid == processes->self)
		return;
	look_at_files(processes, &process);
	look(processes, &process, "cwd");
	look(processes, &process, "root");
	look(processes, &process, "exe");
	if (!process.is_found)
		look_at_maps(processes, &process);
	if (!process.is_found)
		return;
	if (holders->process_count < HOLDERS_MAX) {
		describe(processes, &process.holder);
		holders->list[holders->process_count] = process.holder;
	}
	holders->process_count++;
}

int holders_find_processes(int root_fd, uint32_t budget_ms,
			   struct holders *holders)
{
	_cleanup_close_ int proc_fd =
		openat(root_fd, "proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct processes processes = {
		.root_fd = root_fd,
		.proc_fd = proc_fd,
		.holders = holders,
		.mono_end_ns = clock_mono_ns() + budget_ms * NS_PER_MS,
		.self = (uint32_t)getpid(),
	};

	if (proc_fd < 0)
		return -errno;
	holders->process_count = 0;
	return each_process(&processes, see_process);
}
