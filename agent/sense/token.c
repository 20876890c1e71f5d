/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HID report descriptors begin with their usage page (HID 1.11 6.2.2.7): 06 D0
 * F1 is FIDO's. Readers are USB interfaces of class 0B (CCID).
 */
#include "agent/sense/token.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/base/cleanup.h"
#include "agent/base/fd.h"

#include "agent/base/banned.h"

#define CLASS_READER "0b"
#define UEVENT_MAX   4096

static const unsigned char fido_page[] = {0x06, 0xd0, 0xf1};

/* The value of KEY= in a uevent file, cut at its line; "" without it. */
static void read_key(const char *text, const char *key, char *ret_value,
		     size_t size)
{
	size_t len = strlen(key);

	ret_value[0] = '\0';
	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, key, len) != 0 || line[len] != '=')
			continue;
		(void)snprintf(ret_value, size, "%.*s",
			       (int)strcspn(line + len + 1, "\n"),
			       line + len + 1);
		return;
	}
}

/* DEVPATH/device is the HID device: its descriptor and its names. */
static int read_key_token(int root_fd, const char *devpath,
			  struct token *ret_token)
{
	_cleanup_free_ char *descriptor = NULL, *text = NULL;
	char path[SYSFS_PATH_MAX + 40];
	char id[64], name[128], uniq[64];
	size_t size = 0;

	(void)snprintf(path, sizeof(path), "sys%s", devpath);
	char *end = strrchr(path, '/'); /* …/hidraw/hidraw0 */
	if (end)
		*end = '\0';
	end = strrchr(path, '/');
	if (!end)
		return -ENODEV;
	(void)snprintf(end, sizeof(path) - (size_t)(end - path),
		       "/report_descriptor");
	int r = read_small_file(root_fd, path, UEVENT_MAX, &descriptor, &size);
	if (r < 0)
		return r == -ENOENT ? -ENODEV : r;
	if (size < sizeof(fido_page) ||
	    memcmp(descriptor, fido_page, sizeof(fido_page)) != 0)
		return -ENODEV;
	(void)snprintf(end, sizeof(path) - (size_t)(end - path), "/uevent");
	r = read_small_file(root_fd, path, UEVENT_MAX, &text, NULL);
	if (r < 0)
		return r;
	read_key(text, "HID_ID", id, sizeof(id));
	read_key(text, "HID_NAME", name, sizeof(name));
	read_key(text, "HID_UNIQ", uniq, sizeof(uniq));
	*ret_token = (struct token){.kind = TOKEN_KEY};
	(void)snprintf(ret_token->devpath, sizeof(ret_token->devpath), "%s",
		       devpath);
	(void)snprintf(ret_token->identity, sizeof(ret_token->identity),
		       "%s %s %s", id, uniq, name);
	return 0;
}

static int read_reader(int root_fd, const char *interface,
		       struct token *ret_token)
{
	char path[SYSFS_PATH_MAX + 8], text[SYSFS_TEXT_MAX];
	char vendor[8] = "", product[8] = "", serial[160] = "";

	(void)snprintf(path, sizeof(path), "sys%s", interface);
	_cleanup_close_ int dir = open_below(root_fd, path,
					     O_RDONLY | O_DIRECTORY, 0);
	if (dir < 0)
		return dir == -ENOENT ? -ENODEV : dir;
	int r = sysfs_read_text(dir, "bInterfaceClass", text, sizeof(text));
	if (r < 0 || strcmp(text, CLASS_READER) != 0)
		return -ENODEV;
	_cleanup_close_ int device = open_below(dir, "..",
						O_RDONLY | O_DIRECTORY, 0);
	if (device < 0)
		return device;
	/* Without them it is a reader all the same */
	(void)!sysfs_read_text(device, "idVendor", vendor, sizeof(vendor));
	(void)!sysfs_read_text(device, "idProduct", product, sizeof(product));
	(void)!sysfs_read_text(device, "serial", serial, sizeof(serial));
	*ret_token = (struct token){.kind = TOKEN_READER};
	(void)snprintf(ret_token->devpath, sizeof(ret_token->devpath), "%s",
		       interface);
	(void)sysfs_parent(ret_token->devpath); /* an interface has one */
	(void)snprintf(ret_token->identity, sizeof(ret_token->identity),
		       "%s:%s %s", vendor, product, serial);
	return 0;
}

struct listing {
	int root_fd;
	const char *folder;
	int (*read)(int root_fd, const char *devpath, struct token *ret_token);
	struct token *tokens;
	size_t count;
	size_t max;
};

static int take_entry(const char *name, void *userdata)
{
	struct listing *l = userdata;
	char link[SYSFS_PATH_MAX], devpath[SYSFS_PATH_MAX];

	if (l->count == l->max)
		return 0;
	(void)snprintf(link, sizeof(link), "%s/%s", l->folder, name);
	if (sysfs_devpath_of(l->root_fd, link, devpath) == 0 &&
	    l->read(l->root_fd, devpath, &l->tokens[l->count]) == 0)
		l->count++;
	return 0;
}

/* A reader may have several interfaces. */
static void drop_twins(struct listing *l)
{
	size_t kept = 0;

	for (size_t i = 0; i < l->count; i++) {
		size_t at = 0;

		while (at < kept &&
		       strcmp(l->tokens[at].devpath, l->tokens[i].devpath) != 0)
			at++;
		if (at == kept)
			l->tokens[kept++] = l->tokens[i];
	}
	l->count = kept;
}

size_t token_list(int root_fd, struct token *ret_tokens, size_t max)
{
	struct listing l = {
		.root_fd = root_fd,
		.folder = "sys/class/hidraw",
		.read = read_key_token,
		.tokens = ret_tokens,
		.max = max,
	};

	/* No such folder: none of that kind */
	(void)!sysfs_each(root_fd, l.folder, take_entry, &l);
	l.folder = "sys/bus/usb/devices";
	l.read = read_reader;
	(void)!sysfs_each(root_fd, l.folder, take_entry, &l);
	drop_twins(&l);
	return l.count;
}

int token_of_uevent(int root_fd, const struct uevent *event,
		    struct token *ret_token)
{
	if (event->action != UEVENT_ADD)
		return -ENODEV;
	if (strcmp(event->subsystem, "hidraw") == 0)
		return read_key_token(root_fd, event->devpath, ret_token);
	if (strcmp(event->subsystem, "usb") == 0 &&
	    strcmp(event->devtype, "usb_interface") == 0)
		return read_reader(root_fd, event->devpath, ret_token);
	return -ENODEV;
}

bool token_is_removal(const struct uevent *event)
{
	return event->action == UEVENT_REMOVE &&
	       (strcmp(event->subsystem, "hidraw") == 0 ||
		(strcmp(event->subsystem, "usb") == 0 &&
		 strcmp(event->devtype, "usb_device") == 0));
}
