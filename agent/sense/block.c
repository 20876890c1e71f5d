/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Disk facts from sysfs. The bus is found by walking the parents, as the
 * kernel guard does: neither `removable` nor GENHD_FL_REMOVABLE tells a USB
 * hard disk from a fixed one.
 */
#include "agent/sense/block.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent/base/cleanup.h"

#define SECTOR_BYTES 512u /* of `size` in sysfs, whatever the disk's own is */

/* How telling a bus is: the outermost removable one wins over what a bridge
 * chip makes of it (a USB disk is a SCSI disk too). */
static const struct {
	const char *subsystem;
	enum media_bus bus;
	unsigned int rank;
} buses[] = {
	{"scsi", MEDIA_BUS_SATA, 1},
	{"ata", MEDIA_BUS_SATA, 2},
	{"virtio", MEDIA_BUS_SATA, 2},
	{"nvme", MEDIA_BUS_NVME, 3},
	{"mmc", MEDIA_BUS_SD, 4},
	{"firewire", MEDIA_BUS_FIREWIRE, 5},
	{"thunderbolt", MEDIA_BUS_THUNDERBOLT, 6},
	{"usb", MEDIA_BUS_USB, 7},
};

/* Name of the bus or class that the device at DIR belongs to. */
static bool subsystem_of(int root_fd, const char *dir, char *ret_name,
			 size_t size)
{
	char link[SYSFS_PATH_MAX + 32], target[SYSFS_PATH_MAX];

	(void)snprintf(link, sizeof(link), "sys%s/subsystem", dir);
	ssize_t n = readlinkat(root_fd, link, target, sizeof(target) - 1);
	if (n < 0)
		return false;
	target[n] = '\0';
	(void)snprintf(ret_name, size, "%s", sysfs_basename(target));
	return true;
}

static bool has_file(int root_fd, const char *dir, const char *name)
{
	char path[2 * SYSFS_PATH_MAX];

	(void)snprintf(path, sizeof(path), "sys%s/%s", dir, name);
	return faccessat(root_fd, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static unsigned int rank_of(const char *subsystem, enum media_bus *ret_bus)
{
	for (size_t i = 0; i < sizeof(buses) / sizeof(buses[0]); i++) {
		if (strcmp(subsystem, buses[i].subsystem) != 0)
			continue;
		*ret_bus = buses[i].bus;
		return buses[i].rank;
	}
	return 0;
}

/* Walks from the disk to the root of the device tree. */
static void read_parents(int root_fd, struct block_disk *disk)
{
	char dir[SYSFS_PATH_MAX], name[64];
	unsigned int best = 0;

	memcpy(dir, disk->devpath, sizeof(dir));
	while (sysfs_parent(dir)) {
		enum media_bus bus;
		if (!subsystem_of(root_fd, dir, name, sizeof(name)))
			continue;
		unsigned int rank = rank_of(name, &bus);
		if (rank > best) {
			best = rank;
			disk->bus = bus;
		}
		/* The device itself, not one of its interfaces */
		if (disk->usb_devpath[0] == '\0' && strcmp(name, "usb") == 0 &&
		    has_file(root_fd, dir, "idVendor"))
			memcpy(disk->usb_devpath, dir, sizeof(dir));
	}

	if (strncmp(disk->devpath, "/devices/virtual/", 17) == 0)
		disk->bus = strncmp(disk->name, "nbd", 3) == 0
				    ? MEDIA_BUS_NETWORK
			    /* Native multipath: below a virtual subsystem */
			    : strncmp(disk->name, "nvme", 4) == 0
				    ? MEDIA_BUS_NVME
				    : MEDIA_BUS_VIRTUAL;
	if (disk->is_optical)
		disk->bus = MEDIA_BUS_OPTICAL;
	else if (strncmp(disk->name, "fd", 2) == 0)
		disk->bus = MEDIA_BUS_FLOPPY;
}

/* SCSI pads with blanks; missing attributes are empty strings. */
static void read_padded(int dir_fd, const char *name, char *ret, size_t size)
{
	if (sysfs_read_text(dir_fd, name, ret, size) < 0)
		ret[0] = '\0';
	size_t len = strlen(ret);
	while (len > 0 && ret[len - 1] == ' ')
		ret[--len] = '\0';
}

/* SCSI, MMC and NVMe show who made it in the parent of "block". */
static void read_identity(int root_fd, struct block_disk *disk)
{
	_cleanup_close_ int fd = -1;
	char dir[SYSFS_PATH_MAX];

	(void)snprintf(dir, sizeof(dir), "%s", disk->devpath);
	if (disk->is_partition)
		(void)sysfs_parent(dir);
	(void)sysfs_parent(dir);
	if (strcmp(sysfs_basename(dir), "block") == 0)
		(void)sysfs_parent(dir);

	char path[SYSFS_PATH_MAX + 8];
	(void)snprintf(path, sizeof(path), "sys%s", dir);
	if (sysfs_open_dir(root_fd, path, &fd) < 0)
		return; /* a virtual disk has none */
	read_padded(fd, "vendor", disk->vendor, sizeof(disk->vendor));
	read_padded(fd, "model", disk->model, sizeof(disk->model));
	if (disk->model[0] == '\0')
		read_padded(fd, "name", disk->model, sizeof(disk->model));
	read_padded(fd, "serial", disk->serial, sizeof(disk->serial));
}

int block_read(int root_fd, const char *devpath, struct block_disk *ret_disk)
{
	struct block_disk disk = {0};
	_cleanup_close_ int fd = -1;
	char path[SYSFS_PATH_MAX + 8];
	uint64_t number;

	if (strlen(devpath) >= sizeof(disk.devpath) ||
	    strlen(sysfs_basename(devpath)) >= sizeof(disk.name))
		return -ENAMETOOLONG;
	(void)snprintf(disk.devpath, sizeof(disk.devpath), "%s", devpath);
	(void)snprintf(disk.name, sizeof(disk.name), "%s",
		       sysfs_basename(devpath));

	(void)snprintf(path, sizeof(path), "sys%s", devpath);
	int r = sysfs_open_dir(root_fd, path, &fd);
	if (r < 0)
		return r;
	r = sysfs_read_devnum(fd, "dev", &disk.major, &disk.minor);
	if (r < 0)
		return r;

	disk.is_partition = has_file(root_fd, devpath, "partition");
	if (sysfs_read_number(fd, "size", 10, &number) == 0)
		disk.size_bytes = number * SECTOR_BYTES;
	if (sysfs_read_number(fd, "ro", 10, &number) == 0)
		disk.is_read_only = number != 0;
	/* Only the disk shows it, not its partitions */
	if (sysfs_read_number(fd, "diskseq", 10, &number) == 0)
		disk.diskseq = number;
	disk.is_optical = strncmp(disk.name, "sr", 2) == 0;

	read_parents(root_fd, &disk);
	read_identity(root_fd, &disk);
	*ret_disk = disk;
	return 0;
}

struct partition_walk {
	int root_fd;
	const struct block_disk *disk;
	struct block_partition *partitions;
	unsigned int count;
};

static int take_partition(const char *name, void *userdata)
{
	struct partition_walk *walk = userdata;
	char dir[SYSFS_PATH_MAX + BLOCK_NAME_MAX];

	/* Partitions are named after their disk; other entries are not */
	if (strncmp(name, walk->disk->name, strlen(walk->disk->name)) != 0 ||
	    strlen(name) >= BLOCK_NAME_MAX)
		return 0;
	(void)snprintf(dir, sizeof(dir), "%s/%s", walk->disk->devpath, name);
	if (!has_file(walk->root_fd, dir, "partition"))
		return 0;
	if (walk->count == BLOCK_PARTITIONS_MAX)
		return -E2BIG;

	struct block_partition *part = &walk->partitions[walk->count];
	_cleanup_close_ int fd = -1;
	char path[SYSFS_PATH_MAX + BLOCK_NAME_MAX + 8];
	(void)snprintf(path, sizeof(path), "sys%s", dir);
	int r = sysfs_open_dir(walk->root_fd, path, &fd);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	r = sysfs_read_devnum(fd, "dev", &part->major, &part->minor);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	(void)snprintf(part->name, sizeof(part->name), "%s", name);
	walk->count++;
	return 0;
}

int block_partitions(int root_fd, const struct block_disk *disk,
		     struct block_partition *ret_partitions,
		     unsigned int *ret_count)
{
	struct partition_walk walk = {
		.root_fd = root_fd,
		.disk = disk,
		.partitions = ret_partitions,
	};
	char path[SYSFS_PATH_MAX + 8];

	(void)snprintf(path, sizeof(path), "sys%s", disk->devpath);
	int r = sysfs_each(root_fd, path, take_partition, &walk);
	if (r < 0)
		return r;
	*ret_count = walk.count;
	return 0;
}

void block_fact(const struct block_disk *disk, const struct usb_fact *parent,
		struct media_fact *ret_fact)
{
	struct media_fact fact = {
		.parent = parent,
		.bus = disk->bus,
		.dev_major = disk->major,
		.dev_minor = disk->minor,
		.diskseq = disk->diskseq,
		.size_bytes = disk->size_bytes,
		.is_size_known = disk->size_bytes > 0,
		.is_write_protected = disk->is_read_only,
	};

	(void)snprintf(fact.devname, sizeof(fact.devname), "%s", disk->name);
	(void)snprintf(fact.model, sizeof(fact.model), "%s", disk->model);
	(void)snprintf(fact.serial, sizeof(fact.serial), "%s", disk->serial);
	*ret_fact = fact;
}
