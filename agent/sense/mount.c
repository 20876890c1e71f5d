/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The mount table and what the running system stands on. A terminal booted
 * from a USB disk must not have that disk taken away, so everything that
 * cannot be followed to a disk is simply not in the answer, and everything
 * that can is.
 */
#include "agent/sense/mount.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/base/cleanup.h"

#define MOUNTINFO    "proc/self/mountinfo"
#define DM_DEPTH_MAX 8

static const char *const system_points[] = {
	"/", "/boot", "/boot/efi", "/efi", "/usr", "/var",
};

int mount_open(int root_fd, int *ret_fd)
{
	int fd = openat(root_fd, MOUNTINFO, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	*ret_fd = fd;
	return 0;
}

/* Space, tab, newline and backslash are \ooo in /proc (fs/seq_file.c). */
static bool unescape(const char *from, size_t len, char *to, size_t size)
{
	size_t used = 0;

	for (size_t i = 0; i < len; i++) {
		char c = from[i];
		if (c == '\\' && i + 3 < len && from[i + 1] >= '0' &&
		    from[i + 1] <= '3' && from[i + 2] >= '0' &&
		    from[i + 2] <= '7' && from[i + 3] >= '0' &&
		    from[i + 3] <= '7') {
			c = (char)((from[i + 1] - '0') * 64 +
				   (from[i + 2] - '0') * 8 +
				   (from[i + 3] - '0'));
			i += 3;
		}
		if (c == '\0' || used + 1 >= size)
			return false;
		to[used++] = c;
	}
	to[used] = '\0';
	return true;
}

struct words {
	const char *next;
};

static const char *next_word(struct words *words, size_t *ret_len)
{
	while (*words->next == ' ')
		words->next++;
	const char *word = words->next;
	*ret_len = strcspn(word, " \n");
	words->next = word + *ret_len;
	return *ret_len ? word : NULL;
}

static bool has_option(const char *options, size_t len, const char *name)
{
	size_t name_len = strlen(name);

	while (len > 0) {
		size_t n = 0;
		while (n < len && options[n] != ',')
			n++;
		if (n == name_len && memcmp(options, name, n) == 0)
			return true;
		if (n == len)
			break;
		options += n + 1;
		len -= n + 1;
	}
	return false;
}

static bool parse_id(const char *word, size_t len, uint64_t *ret_id)
{
	uint64_t id = 0;

	if (len > 10) /* an int of the kernel */
		return false;
	for (size_t i = 0; i < len; i++) {
		if (word[i] < '0' || word[i] > '9')
			return false;
		id = id * 10 + (uint64_t)(word[i] - '0');
	}
	*ret_id = id;
	return true;
}

int mount_parse_line(const char *line, struct mount_entry *ret_entry)
{
	struct words words = {.next = line};
	struct mount_entry entry = {0};
	const char *end;
	size_t len;

	const char *id = next_word(&words, &len);
	if (!id || !parse_id(id, len, &entry.id) || !next_word(&words, &len))
		return -EBADMSG; /* the second is the parent's */
	const char *devnum = next_word(&words, &len);
	if (!devnum ||
	    sysfs_parse_devnum(devnum, &entry.major, &entry.minor, &end) < 0 ||
	    end != devnum + len)
		return -EBADMSG;
	if (!next_word(&words, &len)) /* root inside the file system */
		return -EBADMSG;
	const char *point = next_word(&words, &len);
	if (!point || !unescape(point, len, entry.point, sizeof(entry.point)))
		return -EBADMSG;
	const char *options = next_word(&words, &len);
	if (!options)
		return -EBADMSG;
	entry.is_read_only = has_option(options, len, "ro");

	/* Optional fields end with a single "-" */
	const char *word;
	while ((word = next_word(&words, &len)))
		if (len == 1 && word[0] == '-')
			break;
	if (!word)
		return -EBADMSG;

	const char *type = next_word(&words, &len);
	if (!type || !unescape(type, len, entry.fs_type, sizeof(entry.fs_type)))
		return -EBADMSG;
	const char *source = next_word(&words, &len);
	if (!source ||
	    !unescape(source, len, entry.source, sizeof(entry.source)))
		return -EBADMSG;
	const char *super = next_word(&words, &len);
	if (super && has_option(super, len, "ro"))
		entry.is_read_only = true;

	*ret_entry = entry;
	return 0;
}

static int open_file(int root_fd, const char *path, FILE **ret_file)
{
	_cleanup_close_ int fd = openat(root_fd, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	FILE *file = fdopen(fd, "re");
	if (!file)
		return -errno;
	TAKE_FD(fd);
	*ret_file = file;
	return 0;
}

static int each_in(int root_fd, const char *path, mount_fn fn, void *userdata)
{
	_cleanup_fclose_ FILE *file = NULL;
	int r = open_file(root_fd, path, &file);
	if (r < 0)
		return r;

	char line[MOUNT_LINE_MAX];
	for (int i = 0;
	     i < MOUNT_ENTRIES_MAX && fgets(line, sizeof(line), file); i++) {
		struct mount_entry entry;
		if (mount_parse_line(line, &entry) < 0)
			continue;
		r = fn(&entry, userdata);
		if (r != 0)
			return r;
	}
	return 0;
}

int mount_each(int root_fd, mount_fn fn, void *userdata)
{
	return each_in(root_fd, MOUNTINFO, fn, userdata);
}

int mount_each_of(int root_fd, uint32_t pid, mount_fn fn, void *userdata)
{
	char path[48];

	(void)snprintf(path, sizeof(path), "proc/%u/mountinfo", pid);
	return each_in(root_fd, path, fn, userdata);
}

struct backing {
	int root_fd;
	char (*devpaths)[SYSFS_PATH_MAX];
	size_t count;
	int depth;
};

static int add_disk(struct backing *backing, char *devpath)
{
	for (size_t i = 0; i < backing->count; i++)
		if (strcmp(backing->devpaths[i], devpath) == 0)
			return 0;
	if (backing->count == MOUNT_BACKING_MAX)
		return -E2BIG;
	memcpy(backing->devpaths[backing->count++], devpath,
	       strlen(devpath) + 1);
	return 0;
}

static int follow(struct backing *backing, const char *link);

struct slaves {
	struct backing *backing;
	const char *dir;
	int found;
};

static int follow_slave(const char *name, void *userdata)
{
	struct slaves *slaves = userdata;
	char link[SYSFS_PATH_MAX];

	slaves->found++;
	(void)snprintf(link, sizeof(link), "sys/class/block/%s", name);
	return follow(slaves->backing, link);
}

/* LINK leads to a disk, a partition, or something stacked on others. */
static int follow(struct backing *backing, const char *link)
{
	char devpath[SYSFS_PATH_MAX];
	int r = sysfs_devpath_of(backing->root_fd, link, devpath);
	if (r < 0)
		return 0; /* not a block device we can see: nothing to keep */
	if (backing->depth >= DM_DEPTH_MAX)
		return -ELOOP;

	char dir[SYSFS_PATH_MAX + 16];
	(void)snprintf(dir, sizeof(dir), "sys%s/slaves", devpath);
	struct slaves slaves = {.backing = backing, .dir = dir};
	backing->depth++;
	r = sysfs_each(backing->root_fd, dir, follow_slave, &slaves);
	backing->depth--;
	if (r < 0 && r != -ENOENT)
		return r;
	if (slaves.found > 0)
		return 0;

	/* A partition's disk is its parent directory */
	(void)snprintf(dir, sizeof(dir), "sys%s/partition", devpath);
	if (faccessat(backing->root_fd, dir, F_OK, 0) == 0)
		(void)sysfs_parent(devpath);
	return add_disk(backing, devpath);
}

static int follow_source(struct backing *backing, const char *source)
{
	char link[SYSFS_PATH_MAX];

	if (strncmp(source, "/dev/", 5) != 0)
		return 0;
	/* /dev/mapper/x and /dev/disk/… are links to the kernel's name */
	char target[SYSFS_PATH_MAX];
	ssize_t n = readlinkat(backing->root_fd, source + 1, target,
			       sizeof(target) - 1);
	if (n > 0) {
		target[n] = '\0';
		source = target;
	}
	(void)snprintf(link, sizeof(link), "sys/class/block/%s",
		       sysfs_basename(source));
	return follow(backing, link);
}

static int follow_entry(struct backing *backing,
			const struct mount_entry *entry)
{
	/* Major 0 is an anonymous device (btrfs): only the source tells */
	if (entry->major == 0)
		return follow_source(backing, entry->source);

	char link[64];
	(void)snprintf(link, sizeof(link), "sys/dev/block/%u:%u", entry->major,
		       entry->minor);
	return follow(backing, link);
}

static int follow_mount(const struct mount_entry *entry, void *userdata)
{
	struct backing *backing = userdata;
	bool is_system = false;

	for (size_t i = 0; i < sizeof(system_points) / sizeof(system_points[0]);
	     i++)
		if (strcmp(entry->point, system_points[i]) == 0)
			is_system = true;
	return is_system ? follow_entry(backing, entry) : 0;
}

int mount_disks(int root_fd, const struct mount_entry *entry,
		char (*ret_devpaths)[SYSFS_PATH_MAX], size_t *ret_count)
{
	struct backing backing = {
		.root_fd = root_fd,
		.devpaths = ret_devpaths,
	};
	int r = follow_entry(&backing, entry);
	if (r < 0)
		return r;
	*ret_count = backing.count;
	return 0;
}

static int follow_swaps(struct backing *backing)
{
	_cleanup_fclose_ FILE *file = NULL;
	int r = open_file(backing->root_fd, "proc/swaps", &file);
	if (r < 0)
		return r == -ENOENT ? 0 : r;

	char line[MOUNT_LINE_MAX];
	while (fgets(line, sizeof(line), file)) {
		char name[SYSFS_PATH_MAX];
		size_t len = strcspn(line, " \t\n");
		if (line[0] != '/' || !unescape(line, len, name, sizeof(name)))
			continue;
		r = follow_source(backing, name);
		if (r < 0)
			return r;
	}
	return 0;
}

int mount_backing_disks(int root_fd, char (*ret_devpaths)[SYSFS_PATH_MAX],
			size_t *ret_count)
{
	struct backing backing = {
		.root_fd = root_fd,
		.devpaths = ret_devpaths,
	};

	int r = mount_each(root_fd, follow_mount, &backing);
	if (r < 0)
		return r;
	r = follow_swaps(&backing);
	if (r < 0)
		return r;
	*ret_count = backing.count;
	return 0;
}
