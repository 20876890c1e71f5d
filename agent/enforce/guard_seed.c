/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads /sys/class/block and its neighbours. The rules of bus and kind are
 * those of bpf/guard_classify.h; tests/e2e/cases/21_guard.py holds the two
 * together, device by device.
 */
#include "agent/enforce/guard_seed.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "agent/base/cleanup.h"
#include "agent/base/fd.h"
#include "agent/enforce/devnum.h"
#include "agent/base/banned.h"

enum { ATTRIBUTE_MAX = 64, PATH_LIMIT = 1024 };

static bool begins(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* ---- small readers ----------------------------------------------------- */

static int read_text(int sys_fd, const char *dir, const char *name,
		     char *ret_text, size_t size)
{
	char path[PATH_LIMIT];
	int n = snprintf(path, sizeof(path), "%s/%s", dir, name);

	if (n < 0 || (size_t)n >= sizeof(path))
		return -ENAMETOOLONG;
	return read_line_file(sys_fd, path, ret_text, size);
}

static bool has_entry(int sys_fd, const char *dir, const char *name)
{
	char path[PATH_LIMIT];
	struct stat st;
	int n = snprintf(path, sizeof(path), "%s/%s", dir, name);

	return n > 0 && (size_t)n < sizeof(path) &&
	       fstatat(sys_fd, path, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

/* sysfs "dev": MAJOR:MINOR. */
static int read_key(int sys_fd, const char *dir, bool is_char,
		    uint64_t *ret_key)
{
	char text[ATTRIBUTE_MAX];
	unsigned int major_number;
	unsigned int minor_number;
	int r = read_text(sys_fd, dir, "dev", text, sizeof(text));

	if (r < 0)
		return r;
	r = devnum_parse(text, &major_number, &minor_number);
	if (r < 0)
		return r;
	*ret_key = GUARD_KEY(is_char, major_number, minor_number);
	return 0;
}

static uint64_t read_diskseq(int sys_fd, const char *dir)
{
	char text[ATTRIBUTE_MAX];

	if (read_text(sys_fd, dir, "diskseq", text, sizeof(text)) < 0)
		return 0;
	return strtoull(text, NULL, 10);
}

/*
 * Where LINK below sysfs points, from sysfs' root: the "../.." in front cut
 * off. sysfs itself writes these links; nothing else may be followed here.
 */
static int read_devpath(int sys_fd, const char *link, char *ret_path,
			size_t size)
{
	char target[PATH_LIMIT];
	const char *path = target;
	ssize_t n = readlinkat(sys_fd, link, target, sizeof(target) - 1);

	if (n < 0)
		return -errno;
	target[n] = '\0';
	while (begins(path, "../"))
		path += 3;
	if (strlen(path) >= size || strstr(path, "/../"))
		return -ENAMETOOLONG;
	memcpy(ret_path, path, strlen(path) + 1);
	return 0;
}

/* Last component cut off; false when nothing is left. */
static bool to_parent(char *path)
{
	char *slash = strrchr(path, '/');

	if (!slash)
		return false;
	*slash = '\0';
	return true;
}

static const char *last_component(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* ---- where a device hangs ---------------------------------------------- */

/* The name of the bus DIR is on; -ENOENT: none (a class device has one of
 * those links too, to class/). */
static int read_bus(int sys_fd, const char *dir, char *ret_name, size_t size)
{
	char link[PATH_LIMIT];
	char target[PATH_LIMIT];
	int n = snprintf(link, sizeof(link), "%s/subsystem", dir);
	int r;

	if (n < 0 || (size_t)n >= sizeof(link))
		return -ENAMETOOLONG;
	r = read_devpath(sys_fd, link, target, sizeof(target));
	if (r < 0)
		return r;
	if (!begins(target, "bus/"))
		return -ENOENT;
	n = snprintf(ret_name, size, "%s", target + strlen("bus/"));
	return n < 0 || (size_t)n >= size ? -ENAMETOOLONG : 0;
}

static uint32_t bus_from_name(const char *name)
{
	static const struct {
		const char *name;
		uint32_t bus;
	} rows[] = {
		{"usb", GUARD_BUS_USB},
		{"mmc", GUARD_BUS_MMC},
		{"memstick", GUARD_BUS_MMC},
		{"pcmcia", GUARD_BUS_MMC},
		{"firewire", GUARD_BUS_FIREWIRE},
		{"thunderbolt", GUARD_BUS_THUNDERBOLT},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (strcmp(name, rows[i].name) == 0)
			return rows[i].bus;
	}
	return GUARD_BUS_UNKNOWN;
}

/* The attribute is a word for devices on a bus, a digit for disks. */
static bool is_external(int sys_fd, const char *dir)
{
	char text[ATTRIBUTE_MAX];

	return read_text(sys_fd, dir, "removable", text, sizeof(text)) == 0 &&
	       strcmp(text, "removable") == 0;
}

static uint32_t bus_of(int sys_fd, const char *devpath)
{
	uint32_t found = GUARD_BUS_VIRTUAL;
	char path[PATH_LIMIT];
	char name[ATTRIBUTE_MAX];
	uint32_t known;

	(void)snprintf(path, sizeof(path), "%s", devpath);
	do {
		if (read_bus(sys_fd, path, name, sizeof(name)) < 0) {
			if (begins(last_component(path), "session"))
				return GUARD_BUS_NETWORK;
			continue;
		}
		found = GUARD_BUS_FIXED;
		known = bus_from_name(name);
		if (known != GUARD_BUS_UNKNOWN)
			return known;
		if (is_external(sys_fd, path))
			return GUARD_BUS_THUNDERBOLT;
	} while (to_parent(path));
	return found;
}

static uint32_t bus_of_virtual(const char *disk)
{
	static const char *const made_of_others[] = {"loop", "dm-", "md",
						     "zram", "ram", "bcache",
						     "zd"};

	for (size_t i = 0;
	     i < sizeof(made_of_others) / sizeof(made_of_others[0]); i++) {
		if (begins(disk, made_of_others[i]))
			return GUARD_BUS_VIRTUAL;
	}
	return begins(disk, "nvme") ? GUARD_BUS_FIXED : GUARD_BUS_NETWORK;
}

static int describe_block(int sys_fd, const char *devpath,
			  struct guard_device *info)
{
	bool is_partition = has_entry(sys_fd, devpath, "partition");
	char disk[PATH_LIMIT];
	uint64_t disk_key;
	const char *name;
	int r;

	(void)snprintf(disk, sizeof(disk), "%s", devpath);
	if (is_partition && !to_parent(disk))
		return -EINVAL;
	r = read_key(sys_fd, disk, false, &disk_key);
	if (r < 0)
		return r;
	info->disk = disk_key;
	info->diskseq = read_diskseq(sys_fd, disk);
	name = last_component(disk);
	if (info->bus == GUARD_BUS_VIRTUAL)
		info->bus = bus_of_virtual(name);

	if (begins(name, "sr"))
		info->kind = GUARD_KIND_OPTICAL;
	else if (begins(name, "fd"))
		info->kind = GUARD_KIND_FLOPPY;
	else
		info->kind = is_partition ? GUARD_KIND_PARTITION
					  : GUARD_KIND_DISK;
	return 0;
}

/* ---- scan -------------------------------------------------------------- */

struct scan {
	int sys_fd;
	guard_seed_fn fn;
	void *userdata;
	bool partitions; /* this round's half of class/block */
};

static int scan_one(const struct scan *scan, const char *class, uint32_t kind,
		    const char *name)
{
	struct guard_device info = {.kind = kind, .flags = GUARD_DEVICE_SEEDED};
	bool is_char = kind != GUARD_KIND_DISK;
	char link[PATH_LIMIT];
	char devpath[PATH_LIMIT];
	uint64_t key;
	int n;

	n = snprintf(link, sizeof(link), "class/%s/%s", class, name);
	if (n < 0 || (size_t)n >= sizeof(link) ||
	    read_devpath(scan->sys_fd, link, devpath, sizeof(devpath)) < 0 ||
	    read_key(scan->sys_fd, devpath, is_char, &key) < 0)
		return 0;

	info.disk = key;
	info.bus = bus_of(scan->sys_fd, devpath);
	(void)snprintf(info.name, sizeof(info.name), "%.*s", GUARD_NAME_MAX - 1,
		       name);
	if (!is_char && describe_block(scan->sys_fd, devpath, &info) < 0)
		return 0;
	if (!is_char && (info.disk != key) != scan->partitions)
		return 0;
	return scan->fn(key, &info, scan->userdata);
}

static int scan_class(const struct scan *scan, const char *class, uint32_t kind)
{
	_cleanup_closedir_ DIR *dir = NULL;
	char path[PATH_LIMIT];
	struct dirent *entry;

	(void)snprintf(path, sizeof(path), "class/%s", class);
	int r = open_dir_below(scan->sys_fd, path, &dir);
	if (r < 0)
		return r == -ENOENT ? 0 : r;

	while (r == 0 && (entry = readdir(dir))) {
		if (entry->d_name[0] != '.')
			r = scan_one(scan, class, kind, entry->d_name);
	}
	return r;
}

int guard_seed_scan(int sys_fd, guard_seed_fn fn, void *userdata)
{
	static const char *const raw[] = {"scsi_generic", "bsg", "scsi_changer",
					  "nvme-generic"};
	struct scan scan = {.sys_fd = sys_fd, .fn = fn, .userdata = userdata};
	int r = scan_class(&scan, "block", GUARD_KIND_DISK);

	scan.partitions = true;
	if (r == 0)
		r = scan_class(&scan, "block", GUARD_KIND_DISK);
	for (size_t i = 0; i < sizeof(raw) / sizeof(raw[0]) && r == 0; i++)
		r = scan_class(&scan, raw[i], GUARD_KIND_SG);
	if (r == 0)
		r = scan_class(&scan, "scsi_tape", GUARD_KIND_TAPE);
	return r;
}

bool guard_seed_is_later(const struct guard_device *kept,
			 const struct guard_device *seen)
{
	return seen->diskseq > kept->diskseq;
}
