/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The USB authorisation switches of sysfs, below a root fd so that tests run
 * on a made tree. It writes what it is told and remembers what was there
 * before the first write, for a clean uninstall. It judges nothing and keeps
 * no list of devices. Kernel: Documentation/usb/authorization.rst,
 * drivers/usb/core/{sysfs,hcd,hub}.c.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum { USB_AUTH_HUBS_MAX = 128, USB_AUTH_SAVED_MAX_BYTES = 8192 };

/* Values of authorized_default (hcd.c, usb_authorize_default). */
enum usb_auth_default {
	USB_AUTH_NONE = 0,
	USB_AUTH_ALL = 1,
	USB_AUTH_INTERNAL = 2
};

struct usb_auth;

/* SYS_FD: open directory of sysfs (/sys), borrowed, outlives the object. */
int usb_auth_new(int sys_fd, struct usb_auth **ret_auth)
	__attribute__((nonnull, warn_unused_result));
struct usb_auth *usb_auth_free(struct usb_auth *auth);

/*
 * Set authorized_default on every root hub and in usbcore's module parameter
 * (inherited by host controllers that come later). Remembers the old values
 * first. Goes on over a hub that fails and returns the first error; a missing
 * module parameter (no usbcore yet) is not one.
 */
int usb_auth_set_default(struct usb_auth *auth, enum usb_auth_default value)
	__attribute__((nonnull, warn_unused_result));

/* The same for one root hub ("usb3") that has just appeared. */
int usb_auth_set_hub_default(struct usb_auth *auth, const char *hub,
			     enum usb_auth_default value)
	__attribute__((nonnull, warn_unused_result));

/*
 * Write a device's or an interface's "authorized". Letting an interface in
 * does not bind a driver, so drivers_probe follows. -ENODEV: it is gone.
 * -EINVAL: not a sysfs name. Any other -errno is the kernel's.
 */
int usb_auth_device(struct usb_auth *auth, const char *device, bool authorized)
	__attribute__((nonnull, warn_unused_result));
int usb_auth_interface(struct usb_auth *auth, const char *interface,
		       bool authorized)
	__attribute__((nonnull, warn_unused_result));

/* interface_authorized_default of the root hub above DEVICE ("1-1.2": usb1).*/
int usb_auth_interfaces_default(struct usb_auth *auth, const char *device,
				bool authorized)
	__attribute__((nonnull, warn_unused_result));

/* sysfs "remove": the port is switched off until the next plug. */
int usb_auth_remove(struct usb_auth *auth, const char *device)
	__attribute__((nonnull, warn_unused_result));

/*
 * Keep the remembered values in the file NAME below STATE_FD, one "KEY VALUE"
 * a line, written aside and renamed. What the file already says wins: it is
 * from before our first start, the memory may be our own doing.
 */
int usb_auth_save(struct usb_auth *auth, int state_fd, const char *name)
	__attribute__((nonnull, warn_unused_result));

/*
 * Uninstall: write back what the file says (a root hub it does not know gets
 * the module's old value, or 1), then let in every device and interface.
 * Without the file everything goes back to the kernel's default. Returns the
 * first error but does all it can.
 */
int usb_auth_restore(struct usb_auth *auth, int state_fd, const char *name)
	__attribute__((nonnull, warn_unused_result));
