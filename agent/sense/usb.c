/* SPDX-License-Identifier: Apache-2.0 */
/*
 * USB facts from sysfs. All strings and descriptors were written by whoever
 * made the device; policy/descriptor decides what is acceptable.
 */
#include "agent/sense/usb.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/base/cleanup.h"
#include "policy/descriptor.h"

const char *usb_outcome_to_str(int outcome)
{
	switch (outcome) {
	case USB_NOT_A_DEVICE:
		return "not a USB device";
	case USB_UNREADABLE:
		return "an attribute is missing or malformed";
	default:
		return descriptor_outcome_to_str(
			(enum descriptor_outcome)outcome);
	}
}

static int read_id(int dir_fd, const char *name, uint16_t *ret_id)
{
	uint64_t value;
	int r = sysfs_read_number(dir_fd, name, 16, &value);

	if (r == -EINVAL || r == -EMSGSIZE || r == -EILSEQ)
		return USB_UNREADABLE;
	if (r < 0)
		return r;
	if (value > UINT16_MAX)
		return USB_UNREADABLE;
	*ret_id = (uint16_t)value;
	return 0;
}

/* A string the device does not have is the empty string: a fact. */
static int read_string(int dir_fd, const char *name, char *ret_text,
		       size_t size)
{
	char raw[SYSFS_TEXT_MAX];
	size_t len;
	int r = sysfs_read_bytes(dir_fd, name, raw, sizeof(raw), &len);

	if (r == -ENOENT) {
		ret_text[0] = '\0';
		return 0;
	}
	if (r == -EMSGSIZE)
		return DESCRIPTOR_STRING_TOO_LONG;
	if (r < 0)
		return r;
	return descriptor_string(span_of(raw, len), ret_text, size);
}

static int read_strings(int dir_fd, struct usb_fact *fact)
{
	int r = read_string(dir_fd, "product", fact->name, sizeof(fact->name));
	if (r != 0)
		return r;
	r = read_string(dir_fd, "manufacturer", fact->manufacturer,
			sizeof(fact->manufacturer));
	if (r != 0)
		return r;
	return read_string(dir_fd, "serial", fact->serial,
			   sizeof(fact->serial));
}

/* The port's directory hangs on the hub's interface and exists before any
 * device is plugged into it (drivers/usb/core/port.c), unlike the device's
 * own "port" link, which is made after the add event: so there is nothing to
 * wait for. "usb1" + "1-4" → "1-0:1.0/usb1-port4". */
static void read_connect_type(int root_fd, const struct usb_device *device,
			      struct usb_fact *fact)
{
	const char *hub = sysfs_basename(device->parent);
	const char *name = sysfs_basename(device->devpath);
	const char *number = strrchr(name, '.');
	char interface[64], path[2 * SYSFS_PATH_MAX];
	_cleanup_close_ int fd = -1;

	if (!number)
		number = strrchr(name, '-');
	if (!number || strlen(hub) > 32)
		return;
	if (strncmp(hub, "usb", 3) == 0)
		(void)snprintf(interface, sizeof(interface), "%s-0:1.0",
			       hub + 3);
	else
		(void)snprintf(interface, sizeof(interface), "%s:1.0", hub);
	(void)snprintf(path, sizeof(path), "sys%s/%s/%s-port%s", device->parent,
		       interface, hub, number + 1);
	if (sysfs_open_dir(root_fd, path, &fd) < 0)
		return;
	if (sysfs_read_text(fd, "connect_type", fact->connect_type,
			    sizeof(fact->connect_type)) < 0)
		fact->connect_type[0] = '\0';
}

static int read_descriptors(int dir_fd, struct usb_fact *fact)
{
	uint8_t small[2048];
	size_t len;
	int r = sysfs_read_bytes(dir_fd, "descriptors", small, sizeof(small),
				 &len);
	if (r == 0)
		return descriptor_read(fact, small, len);
	if (r != -EMSGSIZE)
		return r;

	/* Rare: eight configurations of 64 KiB are the standard's limit */
	_cleanup_free_ uint8_t *large = malloc(USB_DESCRIPTORS_MAX_BYTES);
	if (!large)
		return -ENOMEM;
	r = sysfs_read_bytes(dir_fd, "descriptors", large,
			     USB_DESCRIPTORS_MAX_BYTES, &len);
	if (r == -EMSGSIZE)
		return DESCRIPTOR_TOO_LONG;
	if (r < 0)
		return r;
	return descriptor_read(fact, large, len);
}

static int set_parent_hash(const char *parent_hash, const char *devpath,
			   struct usb_fact *fact)
{
	if (parent_hash) {
		(void)snprintf(fact->parent_hash, sizeof(fact->parent_hash),
			       "%s", parent_hash);
		return 0;
	}

	char controller[SYSFS_PATH_MAX];
	(void)snprintf(controller, sizeof(controller), "%s", devpath);
	(void)sysfs_parent(controller);
	return descriptor_path_hash(span_str(controller), fact->parent_hash);
}

/* Everything that has a name of its own; positive outcomes leave what was
 * read so far. */
static int read_fact(int root_fd, int dir_fd, const char *parent_hash,
		     struct usb_device *device)
{
	struct usb_fact *fact = &device->fact;
	uint64_t authorized = 0;

	int r = read_id(dir_fd, "idVendor", &fact->vendor_id);
	if (r == -ENOENT)
		return USB_NOT_A_DEVICE;
	if (r != 0)
		return r;
	r = read_id(dir_fd, "idProduct", &fact->product_id);
	if (r != 0)
		return r;
	r = sysfs_read_number(dir_fd, "authorized", 10, &authorized);
	if (r < 0)
		return USB_UNREADABLE;
	fact->is_authorized = authorized != 0;
	fact->has |= USB_HAS_ID;

	if (!fact->is_controller)
		read_connect_type(root_fd, device, fact);
	fact->has |= USB_HAS_CONNECT_TYPE;
	r = set_parent_hash(parent_hash, device->devpath, fact);
	if (r < 0)
		return r;
	fact->has |= USB_HAS_PARENT_HASH;

	r = read_strings(dir_fd, fact);
	if (r != 0)
		return r;
	return read_descriptors(dir_fd, fact);
}

int usb_read(int root_fd, const char *devpath, const char *parent_hash,
	     struct usb_device *ret_device)
{
	struct usb_device device = {0};
	_cleanup_close_ int fd = -1;
	char path[SYSFS_PATH_MAX + 8];

	if (strlen(devpath) >= sizeof(device.devpath))
		return -ENAMETOOLONG;
	(void)snprintf(device.devpath, sizeof(device.devpath), "%s", devpath);

	const char *name = sysfs_basename(devpath);
	struct usb_fact *fact = &device.fact;
	fact->is_controller = strncmp(name, "usb", 3) == 0;
	if (!fact->is_controller) {
		(void)snprintf(device.parent, sizeof(device.parent), "%s",
			       devpath);
		(void)sysfs_parent(device.parent);
	}
	if (strchr(name, ':') || strlen(name) > USB_IDENT_MAX_BYTES)
		return USB_NOT_A_DEVICE;
	(void)snprintf(fact->via_port, sizeof(fact->via_port), "%s", name);
	fact->has |= USB_HAS_VIA_PORT;

	(void)snprintf(path, sizeof(path), "sys%s", devpath);
	int r = sysfs_open_dir(root_fd, path, &fd);
	if (r < 0)
		return r;
	if (sysfs_read_devnum(fd, "dev", &device.major, &device.minor) < 0)
		device.major = device.minor = 0; /* no usbfs node: a fact */

	r = read_fact(root_fd, fd, fact->is_controller ? NULL : parent_hash,
		      &device);
	if (r < 0 || r == USB_NOT_A_DEVICE)
		return r;
	*ret_device = device;
	return r;
}
