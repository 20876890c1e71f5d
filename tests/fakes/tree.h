/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A root directory in a temporary folder that looks like a machine: /sys, /proc
 * and /dev as plain files, so that sense, the pipeline and the dry-run enforcer
 * run in unit tests without hardware or privilege. Aborts the test program
 * when the tree cannot be built; must not be used outside tests.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FAKE_CONTROLLER "devices/pci0000:00/0000:00:14.0"

struct fake_tree {
	char path[64];
	int fd; /* the root fd to hand to the code under test */
};

void fake_tree_init(struct fake_tree *tree);
void fake_tree_fini(struct fake_tree *tree);

/* Paths are relative to the root; missing parent folders are made. */
void fake_dir(struct fake_tree *tree, const char *path);
void fake_text(struct fake_tree *tree, const char *path, const char *format,
	       ...) __attribute__((format(printf, 3, 4)));
void fake_bytes(struct fake_tree *tree, const char *path, const void *bytes,
		size_t len);
void fake_link(struct fake_tree *tree, const char *path, const char *target);
void fake_remove(struct fake_tree *tree, const char *path);
/* Reads a file back; "" when missing. Static buffer, one at a time. */
const char *fake_read(struct fake_tree *tree, const char *path);

/* A USB device as the kernel shows it while it is not authorised. NULL
 * strings: the attribute is missing. */
struct fake_usb {
	const char *hub;  /* sysfs name of the hub: "usb1", "1-4"; NULL: a
			     root hub, named NAME, on FAKE_CONTROLLER */
	const char *name; /* "1-1" */
	uint16_t vendor;
	uint16_t product;
	const char *serial;
	const char *product_name;
	const char *manufacturer;
	const char *connect_type;
	const uint8_t (*interfaces)[3];
	size_t interface_count;
	int authorized;
	bool is_unbound; /* the generic driver has not looked at it yet */
};

/* Makes the device's directory and its link in /sys/bus/usb/devices. */
void fake_usb_add(struct fake_tree *tree, const struct fake_usb *usb);

/* Device, configuration and interface descriptors as sysfs has them; returns
 * the length. BUF has room for 18 + 9 + 9 * interface_count bytes. */
size_t fake_descriptors(const struct fake_usb *usb, uint8_t *buf);

/* A whole disk NAME ("sda") of MAJOR:MINOR on USB device PARENT ("1-1"), or
 * on an ATA port when PARENT is NULL, with PARTS partitions. */
void fake_disk_add(struct fake_tree *tree, const char *parent, const char *name,
		   unsigned int minor, unsigned int parts);

/* devpath ("/devices/…") of what is linked as NAME under /sys/bus/usb/devices
 * or /sys/class/block; static buffer. */
const char *fake_devpath(struct fake_tree *tree, const char *name);
