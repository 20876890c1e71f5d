/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A USB device's sysfs directory to the fact that policy judges. Everything
 * is there while the device is not authorised (drivers/usb/core/sysfs.c):
 * ids, strings, raw descriptors. Never waits, never opens a usbfs node.
 */
#pragma once

#include <stdint.h>

#include "agent/sense/sysfs.h"
#include "policy/fact.h"

/* Named outcomes of usb_read() above policy's enum descriptor_outcome. */
enum usb_outcome {
	USB_OK = 0,
	/* 1 … 99 are enum descriptor_outcome */
	USB_NOT_A_DEVICE = 100, /* an interface, a port: nothing to judge */
	USB_UNREADABLE = 101,	/* an attribute is missing or not a number */
};

struct usb_device {
	char devpath[SYSFS_PATH_MAX];
	char parent[SYSFS_PATH_MAX]; /* devpath of the hub, "" root hub */
	uint32_t major;
	uint32_t minor;
	struct usb_fact fact;
};

/* Reads the device at DEVPATH. PARENT_HASH is the hash of its hub (the caller
 * knows it from having read the hub); NULL for a root hub, whose own is made
 * from its controller's path. 0; enum usb_outcome or descriptor_outcome: what
 * could be read is in *ret_device all the same (ids, strings, port), so that
 * the refusal can be told; -ENOENT or -ENODEV: it has gone, ret_device then
 * unchanged; other -errno. */
int usb_read(int root_fd, const char *devpath, const char *parent_hash,
	     struct usb_device *ret_device)
	__attribute__((nonnull(2, 4), warn_unused_result));

/* A sentence on any positive outcome of usb_read(); total. */
const char *usb_outcome_to_str(int outcome);
