/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hash DIR: what a sysfs-like device directory is called in rules, or why such
 * a device is rejected.
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
#include "policy/tool/device_dir.h"

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

	if (up >= 0 && device_dir_read(up, &parent) == 0) {
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
	r = device_dir_read(dir, &fact);
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
