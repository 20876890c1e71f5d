/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hash DIR: what a sysfs-like device directory is called in rules, or why such
 * a device is rejected. The directory is somebody's copy: only the files named
 * here are read, none through a symbolic link.
 */
#include "policy/tool/tool.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/base/cleanup.h"
#include "agent/base/fd.h"
#include "policy/descriptor.h"

#define ATTRIBUTE_MAX_BYTES 4096

/* A missing string is the empty string. */
static int read_string(int dir, const char *name, char *ret_text, size_t size)
{
	_cleanup_free_ char *raw = NULL;
	size_t len = 0;
	int r = read_small_file(dir, name, ATTRIBUTE_MAX_BYTES, &raw, &len);

	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return r;
	return descriptor_string(span_of(raw, len), ret_text, size);
}

static int read_id(int dir, const char *name, uint16_t *ret_id)
{
	char text[16] = "";
	char *end = NULL;
	unsigned long id;
	int r = read_string(dir, name, text, sizeof(text));

	if (r != 0)
		return r;
	id = strtoul(text, &end, 16);
	if (end != text + 4 || *end != '\0' || id > UINT16_MAX)
		return -EINVAL;
	*ret_id = (uint16_t)id;
	return 0;
}

/* 0, -errno, or a descriptor_outcome. */
static int read_device(int dir, struct usb_fact *fact)
{
	_cleanup_free_ char *raw = NULL;
	size_t len = 0;
	int r;

	if ((r = read_id(dir, "idVendor", &fact->vendor_id)) != 0 ||
	    (r = read_id(dir, "idProduct", &fact->product_id)) != 0 ||
	    (r = read_string(dir, "serial", fact->serial,
			     sizeof(fact->serial))) != 0 ||
	    (r = read_string(dir, "product", fact->name, sizeof(fact->name))) !=
		    0 ||
	    (r = read_string(dir, "manufacturer", fact->manufacturer,
			     sizeof(fact->manufacturer))) != 0)
		return r;
	r = read_small_file(dir, "descriptors", USB_DESCRIPTORS_MAX_BYTES, &raw,
			    &len);
	if (r == -EFBIG)
		return DESCRIPTOR_TOO_LONG;
	if (r < 0)
		return r;
	return descriptor_read(fact, (const uint8_t *)raw, len);
}

/* Where `word` stands last in `text`, or NULL. */
static const char *last_of(const char *text, const char *word)
{
	const char *found = NULL;

	while ((text = strstr(text, word)) != NULL)
		found = text++;
	return found;
}

/*
 * The parent is the directory above, if it is a USB device; a root hub's is
 * its controller's path below /sys, as far as the path shows it.
 */
static bool find_parent(int dir, const char *path,
			char ret_hash[USB_HASH_CHARS + 1])
{
	struct usb_fact parent = {0};
	_cleanup_close_ int up = openat(dir, "..",
					O_PATH | O_DIRECTORY | O_CLOEXEC);
	_cleanup_free_ char *real = realpath(path, NULL);
	const char *devices, *slash;

	if (up >= 0 && read_device(up, &parent) == 0) {
		memcpy(ret_hash, parent.hash, USB_HASH_CHARS + 1);
		return true;
	}
	devices = real ? last_of(real, "/devices/") : NULL;
	slash = real ? strrchr(real, '/') : NULL;
	if (!devices || strncmp(slash, "/usb", 4) != 0)
		return false;
	return descriptor_path_hash(span_of(devices, (size_t)(slash - devices)),
				    ret_hash) == 0;
}

static void print_interfaces(const struct usb_fact *fact)
{
	bool is_set = fact->interface_count > 1;

	if (fact->interface_count == 0)
		return;
	printf("with-interface%s", is_set ? " {" : "");
	for (unsigned i = 0; i < fact->interface_count; i++)
		printf(" %02x:%02x:%02x", fact->interfaces[i].class_code,
		       fact->interfaces[i].subclass,
		       fact->interfaces[i].protocol);
	printf("%s\n", is_set ? " }" : "");
}

static void print_device(int dir, const char *path, const struct usb_fact *fact)
{
	char parent[USB_HASH_CHARS + 1];

	printf("hash \"%s\"\n", fact->hash);
	if (find_parent(dir, path, parent))
		printf("parent-hash \"%s\"\n", parent);
	printf("identity \"%s\"\n", fact->identity);
	print_interfaces(fact);
}

int cmd_hash(int argc, char **argv)
{
	struct usb_fact fact = {0};
	_cleanup_close_ int dir = -1;
	int r;

	if (argc != 2) {
		fprintf(stderr, "usage: sekimori-policy hash DIR\n");
		return TOOL_USAGE;
	}
	dir = open(argv[1], O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0) {
		fprintf(stderr, "%s: %s\n", argv[1], strerror(errno));
		return TOOL_ERROR;
	}
	r = read_device(dir, &fact);
	if (r < 0) {
		fprintf(stderr, "%s: not a USB device directory: %s\n", argv[1],
			strerror(-r));
		return TOOL_ERROR;
	}
	if (r > 0) {
		printf("rejected: %s\n",
		       descriptor_outcome_to_str((enum descriptor_outcome)r));
		return TOOL_ERROR;
	}
	print_device(dir, argv[1], &fact);
	return TOOL_OK;
}
