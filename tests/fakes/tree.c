/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Builds fake roots. What a real kernel shows was copied from a running one:
 * attribute names, link shapes and the place of port directories.
 */
#include "tests/fakes/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_SIZE 1024

static void die(const char *what, const char *path)
{
	fprintf(stderr, "fake tree: %s '%s': %s\n", what, path,
		strerror(errno));
	abort();
}

void fake_tree_init(struct fake_tree *tree)
{
	strncpy(tree->path, "/tmp/sekimori-fake-XXXXXX",
		sizeof(tree->path) - 1);
	tree->path[sizeof(tree->path) - 1] = '\0';
	if (!mkdtemp(tree->path))
		die("mkdtemp", tree->path);
	tree->fd = open(tree->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (tree->fd < 0)
		die("open", tree->path);
	fake_dir(tree, "sys/bus/usb/devices");
	fake_dir(tree, "sys/class/block");
	fake_dir(tree, "sys/dev/block");
	fake_text(tree, "proc/self/mountinfo", "%s", "");
}

static int remove_entry(const char *path, const struct stat *st, int flag,
			struct FTW *walk)
{
	(void)st;
	(void)flag;
	(void)walk;
	return remove(path);
}

void fake_tree_fini(struct fake_tree *tree)
{
	(void)close(tree->fd);
	(void)nftw(tree->path, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

static void make_parents(struct fake_tree *tree, const char *path)
{
	char part[PATH_SIZE];

	(void)snprintf(part, sizeof(part), "%s", path);
	for (char *slash = strchr(part, '/'); slash;
	     slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdirat(tree->fd, part, 0755) < 0 && errno != EEXIST)
			die("mkdir", part);
		*slash = '/';
	}
}

void fake_dir(struct fake_tree *tree, const char *path)
{
	make_parents(tree, path);
	if (mkdirat(tree->fd, path, 0755) < 0 && errno != EEXIST)
		die("mkdir", path);
}

void fake_bytes(struct fake_tree *tree, const char *path, const void *bytes,
		size_t len)
{
	make_parents(tree, path);
	int fd = openat(tree->fd, path,
			O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0 || write(fd, bytes, len) != (ssize_t)len)
		die("write", path);
	(void)close(fd);
}

void fake_text(struct fake_tree *tree, const char *path, const char *format,
	       ...)
{
	char text[65536];
	va_list args;

	va_start(args, format);
	int n = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	fake_bytes(tree, path, text, (size_t)n);
}

void fake_link(struct fake_tree *tree, const char *path, const char *target)
{
	make_parents(tree, path);
	(void)unlinkat(tree->fd, path, 0);
	if (symlinkat(target, tree->fd, path) < 0)
		die("symlink", path);
}

void fake_remove(struct fake_tree *tree, const char *path)
{
	char whole[PATH_SIZE];

	(void)snprintf(whole, sizeof(whole), "%s/%s", tree->path, path);
	if (nftw(whole, remove_entry, 16, FTW_DEPTH | FTW_PHYS) < 0)
		die("remove", whole);
}

const char *fake_read(struct fake_tree *tree, const char *path)
{
	static char text[65536];
	int fd = openat(tree->fd, path, O_RDONLY | O_CLOEXEC);

	text[0] = '\0';
	if (fd < 0)
		return text;
	ssize_t n = read(fd, text, sizeof(text) - 1);
	text[n < 0 ? 0 : n] = '\0';
	(void)close(fd);
	return text;
}

const char *fake_devpath(struct fake_tree *tree, const char *name)
{
	static const char *const places[] = {"sys/bus/usb/devices",
					     "sys/class/block"};
	static char path[PATH_SIZE];
	char link[PATH_SIZE], target[PATH_SIZE - 1];

	for (size_t i = 0; i < 2; i++) {
		(void)snprintf(link, sizeof(link), "%s/%s", places[i], name);
		ssize_t n = readlinkat(tree->fd, link, target,
				       sizeof(target) - 1);
		if (n < 0)
			continue;
		target[n] = '\0';
		const char *devices = strstr(target, "devices/");
		(void)snprintf(path, sizeof(path), "/%s",
			       devices ? devices : target);
		return path;
	}
	die("no such device", name);
	return NULL;
}

static uint8_t *put_interface(uint8_t *at, uint8_t number,
			      const uint8_t triple[3])
{
	const uint8_t bytes[9] = {9,	     4,		number,	   0, 0,
				  triple[0], triple[1], triple[2], 0};

	memcpy(at, bytes, sizeof(bytes));
	return at + sizeof(bytes);
}

size_t fake_descriptors(const struct fake_usb *usb, uint8_t *buf)
{
	size_t total = 9 + 9 * usb->interface_count;
	const uint8_t device[18] = {
		18,
		1,
		0x00,
		0x02,
		0,
		0,
		0,
		64,
		(uint8_t)(usb->vendor & 0xff),
		(uint8_t)(usb->vendor >> 8),
		(uint8_t)(usb->product & 0xff),
		(uint8_t)(usb->product >> 8),
		0x00,
		0x01,
		1,
		2,
		3,
		1,
	};
	const uint8_t config[9] = {
		9,
		2,
		(uint8_t)(total & 0xff),
		(uint8_t)(total >> 8),
		(uint8_t)usb->interface_count,
		1,
		0,
		0x80,
		50,
	};

	memcpy(buf, device, sizeof(device));
	memcpy(buf + 18, config, sizeof(config));
	uint8_t *at = buf + 27;
	for (size_t i = 0; i < usb->interface_count; i++)
		at = put_interface(at, (uint8_t)i, usb->interfaces[i]);
	return (size_t)(at - buf);
}

static void put_attr(struct fake_tree *tree, const char *dir, const char *name,
		     const char *value)
{
	char path[2 * PATH_SIZE];

	if (!value)
		return;
	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	fake_text(tree, path, "%s\n", value);
}

/* The port's directory belongs to the hub's interface, and is there before the
 * device: drivers/usb/core/port.c. */
static void put_port(struct fake_tree *tree, const char *hub_dir,
		     const struct fake_usb *usb)
{
	char path[PATH_SIZE];
	const char *number = strrchr(usb->name, '.');

	if (!usb->connect_type)
		return;
	if (!number)
		number = strrchr(usb->name, '-');
	if (strncmp(usb->hub, "usb", 3) == 0)
		(void)snprintf(path, sizeof(path), "%s/%s-0:1.0/%s-port%s",
			       hub_dir, usb->hub + 3, usb->hub, number + 1);
	else
		(void)snprintf(path, sizeof(path), "%s/%s:1.0/%s-port%s",
			       hub_dir, usb->hub, usb->hub, number + 1);
	put_attr(tree, path, "connect_type", usb->connect_type);
}

void fake_usb_add(struct fake_tree *tree, const struct fake_usb *usb)
{
	char hub_dir[PATH_SIZE / 2], dir[PATH_SIZE], path[PATH_SIZE + 32];
	char number[16];

	if (usb->hub)
		(void)snprintf(hub_dir, sizeof(hub_dir), "sys%s",
			       fake_devpath(tree, usb->hub));
	else
		(void)snprintf(hub_dir, sizeof(hub_dir), "sys/%s",
			       FAKE_CONTROLLER);
	(void)snprintf(dir, sizeof(dir), "%s/%s", hub_dir, usb->name);

	(void)snprintf(number, sizeof(number), "%04x", usb->vendor);
	put_attr(tree, dir, "idVendor", number);
	(void)snprintf(number, sizeof(number), "%04x", usb->product);
	put_attr(tree, dir, "idProduct", number);
	put_attr(tree, dir, "serial", usb->serial);
	put_attr(tree, dir, "product", usb->product_name);
	put_attr(tree, dir, "manufacturer", usb->manufacturer);
	put_attr(tree, dir, "authorized", usb->authorized ? "1" : "0");
	put_attr(tree, dir, "bConfigurationValue", usb->authorized ? "1" : "");
	put_attr(tree, dir, "dev", usb->hub ? "189:1" : "189:0");
	put_attr(tree, dir, "remove", "");
	if (!usb->hub)
		put_attr(tree, dir, "authorized_default", "1");

	uint8_t descriptors[27 + 9 * 64];
	size_t len = fake_descriptors(usb, descriptors);
	(void)snprintf(path, sizeof(path), "%s/descriptors", dir);
	fake_bytes(tree, path, descriptors, len);
	if (usb->hub)
		put_port(tree, hub_dir, usb);

	char link[PATH_SIZE], target[PATH_SIZE + 16];
	(void)snprintf(path, sizeof(path), "%s/subsystem", dir);
	fake_link(tree, path, "../../../../../bus/usb");
	if (!usb->is_unbound) {
		(void)snprintf(path, sizeof(path), "%s/driver", dir);
		fake_link(tree, path, "../../../../../bus/usb/drivers/usb");
	}
	(void)snprintf(link, sizeof(link), "sys/bus/usb/devices/%s", usb->name);
	(void)snprintf(target, sizeof(target), "../../../%s", dir + 4);
	fake_link(tree, link, target);
}

static void put_block(struct fake_tree *tree, const char *dir, const char *name,
		      unsigned int minor)
{
	char link[PATH_SIZE], target[PATH_SIZE + 16], devnum[16];

	(void)snprintf(devnum, sizeof(devnum), "8:%u", minor);
	put_attr(tree, dir, "dev", devnum);
	put_attr(tree, dir, "size", "2048");
	put_attr(tree, dir, "ro", "0");
	put_attr(tree, dir, "uevent", "");
	(void)snprintf(target, sizeof(target), "../../%s", dir + 4);
	(void)snprintf(link, sizeof(link), "sys/class/block/%s", name);
	fake_link(tree, link, target);
	(void)snprintf(link, sizeof(link), "sys/dev/block/%s", devnum);
	fake_link(tree, link, target);
}

void fake_disk_add(struct fake_tree *tree, const char *parent, const char *name,
		   unsigned int minor, unsigned int parts)
{
	char dir[PATH_SIZE / 2], sub[PATH_SIZE], part[64], link[PATH_SIZE];

	if (parent)
		(void)snprintf(dir, sizeof(dir),
			       "sys%s/%s:1.0/host6/target6:0:0/6:0:0:0",
			       fake_devpath(tree, parent), parent);
	else
		(void)snprintf(dir, sizeof(dir), "%s",
			       "sys/devices/pci0000:00/0000:00:1f.2/ata1/host0/"
			       "target0:0:0/0:0:0:0");
	put_attr(tree, dir, "vendor", "Generic ");
	put_attr(tree, dir, "model", "Flash Disk      ");
	(void)snprintf(link, sizeof(link), "%s/subsystem", dir);
	fake_link(tree, link, "../../../bus/scsi");

	(void)snprintf(sub, sizeof(sub), "%s/block/%s", dir, name);
	put_block(tree, sub, name, minor);
	put_attr(tree, sub, "diskseq", "9");
	put_attr(tree, sub, "removable", "1");
	for (unsigned int i = 1; i <= parts; i++) {
		(void)snprintf(part, sizeof(part), "%s%u", name, i);
		(void)snprintf(sub, sizeof(sub), "%s/block/%s/%s", dir, name,
			       part);
		put_block(tree, sub, part, minor + i);
		char number[16];
		(void)snprintf(number, sizeof(number), "%u", i);
		put_attr(tree, sub, "partition", number);
	}
}
