/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From mount points and swap areas down to disks. A live system (overlay over
 * a squashfs in a loop file on a stick) is followed too: its stick is what
 * the machine runs from.
 */
#include "agent/enforce/guard_system.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "agent/bpf/guard.h"
#include "agent/base/cleanup.h"
#include "agent/base/fd.h"
#include "agent/enforce/devnum.h"
#include "agent/base/banned.h"

enum { PATH_LIMIT = 1024, SLAVES_MAX = 64 };

struct search {
	int sys_fd;
	int root_fd;
	struct guard_system *system;
};

bool guard_system_has(const struct guard_system *system, uint64_t disk)
{
	for (size_t i = 0; i < system->count; i++) {
		if (system->disks[i] == disk)
			return true;
	}
	return false;
}

static int add_disk(struct guard_system *system, uint64_t disk)
{
	if (guard_system_has(system, disk))
		return 0;
	if (system->count == GUARD_SYSTEM_DISKS_MAX)
		return -ENOSPC;
	system->disks[system->count++] = disk;
	return 0;
}

/* ---- down the stack ---------------------------------------------------- */

static int follow_number(const struct search *search, dev_t number,
			 unsigned int depth);

/* PATH is absolute, as the kernel prints it; it may name a file on some file
 * system, or a block device itself. */
static int follow_path(const struct search *search, const char *path,
		       unsigned int depth)
{
	struct stat st;

	if (*path != '/')
		return 0;
	while (*path == '/')
		path++;
	if (fstatat(search->root_fd, *path ? path : ".", &st, 0) < 0)
		return 0;
	return follow_number(search,
			     S_ISBLK(st.st_mode) ? st.st_rdev : st.st_dev,
			     depth);
}

static int read_number(int dir_fd, const char *path, dev_t *ret_number)
{
	char text[32];
	unsigned int major_number;
	unsigned int minor_number;
	int r = read_line_file(dir_fd, path, text, sizeof(text));

	if (r < 0)
		return r;
	r = devnum_parse(text, &major_number, &minor_number);
	if (r < 0)
		return r;
	*ret_number = makedev(major_number, minor_number);
	return 0;
}

/* Positive: how many there were; then DIR_FD is not a disk by itself. */
static int follow_slaves(const struct search *search, int dir_fd,
			 unsigned int depth)
{
	_cleanup_closedir_ DIR *dir = NULL;
	_cleanup_close_ int fd = -1;
	struct dirent *entry;
	char path[300];
	int found = 0;
	dev_t number;
	int r;

	fd = openat(dir_fd, "slaves", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	dir = fdopendir(fd);
	if (!dir)
		return -errno;
	(void)TAKE_FD(fd); /* DIR's now */

	while (found < SLAVES_MAX && (entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		found++;
		(void)snprintf(path, sizeof(path), "slaves/%s/dev",
			       entry->d_name);
		if (read_number(dir_fd, path, &number) < 0)
			continue;
		r = follow_number(search, number, depth);
		if (r < 0)
			return r;
	}
	return found;
}

static int follow_number(const struct search *search, dev_t number,
			 unsigned int depth)
{
	_cleanup_close_ int fd = -1;
	char path[PATH_LIMIT];
	struct stat st;
	int r;

	/* Anonymous numbers (btrfs, overlay, tmpfs) are nobody's disk. */
	if (major(number) == 0 || depth == 0)
		return 0;
	(void)snprintf(path, sizeof(path), "dev/block/%u:%u", major(number),
		       minor(number));
	fd = openat(search->sys_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	if (fstatat(fd, "partition", &st, 0) == 0)
		return read_number(fd, "../dev", &number) < 0
			       ? 0
			       : follow_number(search, number, depth - 1);

	r = follow_slaves(search, fd, depth - 1);
	if (r != 0)
		return r < 0 ? r : 0;
	if (read_line_file(fd, "loop/backing_file", path, sizeof(path)) == 0)
		return follow_path(search, path, depth - 1);
	return add_disk(search->system,
			GUARD_KEY(false, major(number), minor(number)));
}

/* ---- mountinfo, swaps -------------------------------------------------- */

/* proc(5): space, tab, newline and backslash come as \ooo. In place. */
static void unescape(char *text)
{
	char *out = text;

	for (const char *in = text; *in;) {
		if (in[0] == '\\' && in[1] >= '0' && in[1] <= '3' &&
		    in[2] >= '0' && in[2] <= '7' && in[3] >= '0' &&
		    in[3] <= '7') {
			*out++ = (char)((in[1] - '0') << 6 |
					(in[2] - '0') << 3 | (in[3] - '0'));
			in += 4;
		} else {
			*out++ = *in++;
		}
	}
	*out = '\0';
}

static bool is_system_mount(const char *point)
{
	static const char *const exact[] = {"/", "/usr", "/efi", "/var",
					    "/boot"};

	for (size_t i = 0; i < sizeof(exact) / sizeof(exact[0]); i++) {
		if (strcmp(point, exact[i]) == 0)
			return true;
	}
	return strncmp(point, "/boot/", strlen("/boot/")) == 0;
}

/* Each of overlay's lowerdir=/a:/b, which may be a mounted squashfs. */
static int follow_overlay(const struct search *search, char *options)
{
	char *lower = strstr(options, "lowerdir=");
	char *save = NULL;
	int r = 0;

	if (!lower)
		return 0;
	lower += strlen("lowerdir=");
	lower[strcspn(lower, ",\n")] = '\0';
	for (char *dir = strtok_r(lower, ":", &save); dir && r == 0;
	     dir = strtok_r(NULL, ":", &save)) {
		unescape(dir);
		r = follow_path(search, dir, GUARD_SYSTEM_DEPTH_MAX);
	}
	return r;
}

/* proc(5), mountinfo, in the order of the line. */
enum { MOUNT_ID, MOUNT_PARENT, MOUNT_NUMBER, MOUNT_ROOT, MOUNT_POINT, FIELDS };

/* Cuts TEXT at blanks into at most COUNT fields; false when there are less. */
static bool cut(char *text, char **ret_fields, size_t count)
{
	char *save = NULL;

	for (size_t i = 0; i < count; i++) {
		ret_fields[i] = strtok_r(i == 0 ? text : NULL, " ", &save);
		if (!ret_fields[i])
			return false;
	}
	return true;
}

/* ID PARENT MAJ:MIN ROOT POINT OPTIONS … - TYPE SOURCE SUPEROPTIONS; the
 * number of optional fields before the dash varies. */
static int follow_mount(const struct search *search, char *line)
{
	enum { TYPE, SOURCE, OPTIONS, REST };
	unsigned int major_number;
	unsigned int minor_number;
	char *dash = strstr(line, " - ");
	char *fields[FIELDS];
	char *rest[REST];

	if (!dash)
		return 0;
	*dash = '\0';
	if (!cut(line, fields, FIELDS) ||
	    !cut(dash + strlen(" - "), rest, REST) ||
	    devnum_parse(fields[MOUNT_NUMBER], &major_number, &minor_number) <
		    0)
		return 0;
	unescape(fields[MOUNT_POINT]);
	if (!is_system_mount(fields[MOUNT_POINT]))
		return 0;
	if (major_number != 0)
		return follow_number(search,
				     makedev(major_number, minor_number),
				     GUARD_SYSTEM_DEPTH_MAX);
	if (strcmp(rest[TYPE], "overlay") == 0)
		return follow_overlay(search, rest[OPTIONS]);
	unescape(rest[SOURCE]); /* btrfs: the device is the source */
	return follow_path(search, rest[SOURCE], GUARD_SYSTEM_DEPTH_MAX);
}

/* proc(5), swaps: a heading, then PATH TYPE … */
static int follow_swap(const struct search *search, char *line)
{
	char *end = strpbrk(line, " \t");

	if (*line != '/' || !end)
		return 0;
	*end = '\0';
	unescape(line);
	return follow_path(search, line, GUARD_SYSTEM_DEPTH_MAX);
}

static int each_line(const struct search *search, char *text,
		     int (*follow)(const struct search *search, char *line))
{
	char *save = NULL;
	int r = 0;

	for (char *line = strtok_r(text, "\n", &save); line && r == 0;
	     line = strtok_r(NULL, "\n", &save))
		r = follow(search, line);
	return r;
}

int guard_system_read(int sys_fd, int proc_fd, int root_fd,
		      struct guard_system *ret_system)
{
	struct guard_system system = {.count = 0};
	const struct search search = {.sys_fd = sys_fd,
				      .root_fd = root_fd,
				      .system = &system};
	_cleanup_free_ char *mounts = NULL;
	_cleanup_free_ char *swaps = NULL;
	int r;

	r = read_small_file(proc_fd, "self/mountinfo", GUARD_SYSTEM_MOUNTS_MAX,
			    &mounts, NULL);
	if (r < 0)
		return r;
	r = each_line(&search, mounts, follow_mount);
	if (r < 0)
		return r;

	/* A kernel without swap has no such file. */
	if (read_small_file(proc_fd, "swaps", GUARD_SYSTEM_SWAPS_MAX, &swaps,
			    NULL) == 0)
		r = each_line(&search, swaps, follow_swap);
	if (r == 0)
		*ret_system = system;
	return r;
}
