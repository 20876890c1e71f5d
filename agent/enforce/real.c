/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The real twin of the operations of enforce.h: it hands each one to the
 * module that knows the kernel's side of it. No logic of its own.
 */
#include "agent/enforce/enforce.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/base/fd.h"
#include "agent/enforce/block_guard.h"
#include "agent/enforce/devnum.h"
#include "agent/enforce/media.h"
#include "agent/enforce/name.h"
#include "agent/enforce/radio.h"
#include "agent/enforce/usb_auth.h"
#include "agent/base/banned.h"

struct enforce_real {
	struct media_place place;
	struct usb_auth *usb;
};

static int gone_or(int r)
{
	return r == -ENODEV ? ENFORCE_GONE : r;
}

static int real_usb_authorize(void *context, const char *device)
{
	struct enforce_real *real = context;

	return gone_or(usb_auth_device(real->usb, device, true));
}

static int real_usb_deauthorize(void *context, const char *device)
{
	struct enforce_real *real = context;

	return gone_or(usb_auth_device(real->usb, device, false));
}

static int real_usb_interfaces_default(void *context, const char *device,
				       bool authorized)
{
	struct enforce_real *real = context;

	return gone_or(
		usb_auth_interfaces_default(real->usb, device, authorized));
}

static int real_usb_interface(void *context, const char *interface,
			      bool authorized)
{
	struct enforce_real *real = context;

	return gone_or(usb_auth_interface(real->usb, interface, authorized));
}

static int real_usb_remove(void *context, const char *device)
{
	struct enforce_real *real = context;

	return gone_or(usb_auth_remove(real->usb, device));
}

/* sysfs "dev" of a USB device is its usbfs node's number. */
static int node_key(const struct enforce_real *real, const char *device,
		    uint64_t *ret_key)
{
	unsigned int major_number;
	unsigned int minor_number;
	char path[128];
	char text[32];
	int r;

	if (!is_kernel_name(device))
		return -EINVAL;
	(void)snprintf(path, sizeof(path), "bus/usb/devices/%s/dev", device);
	r = read_line_file(real->place.sys_fd, path, text, sizeof(text));
	if (r < 0)
		return r == -ENOENT ? -ENODEV : r;
	if (devnum_parse(text, &major_number, &minor_number) < 0 ||
	    major_number != GUARD_USBFS_MAJOR)
		return -EINVAL;
	*ret_key = GUARD_KEY(true, major_number, minor_number);
	return 0;
}

static int real_usb_node(void *context, const char *device, bool open)
{
	struct enforce_real *real = context;
	uint64_t key;
	int r = node_key(real, device, &key);

	if (r < 0)
		return gone_or(r);
	if (!real->place.guard)
		return 0;
	return open ? block_guard_set(real->place.guard, key, GUARD_READ_WRITE,
				      0)
		    : block_guard_clear(real->place.guard, key);
}

static int real_usb_gone(void *context, uint32_t major, uint32_t minor)
{
	struct enforce_real *real = context;

	if (!real->place.guard || major != GUARD_USBFS_MAJOR)
		return 0;
	return block_guard_clear(real->place.guard,
				 GUARD_KEY(true, major, minor));
}

static int real_media_set(void *context, const char *disk, uint64_t diskseq,
			  enum guard_access access)
{
	struct enforce_real *real = context;

	return access == GUARD_DENY
		       ? media_deny(&real->place, disk, diskseq)
		       : media_allow(&real->place, disk, diskseq, access);
}

static int real_media_close(void *context, const char *disk, uint64_t diskseq,
			    enum guard_access access)
{
	struct enforce_real *real = context;

	return media_close(&real->place, disk, diskseq, access);
}

static int real_media_in_use(void *context, const char *disk, uint64_t diskseq)
{
	struct enforce_real *real = context;

	return media_in_use(&real->place, disk, diskseq);
}

static int real_media_check(void *context, const char *disk, uint64_t diskseq,
			    enum guard_access access)
{
	struct enforce_real *real = context;

	return media_check(&real->place, disk, diskseq, access);
}

static int real_radio_block(void *context, const char *radio, bool blocked)
{
	struct enforce_real *real = context;

	return gone_or(radio_block(real->place.sys_fd, radio, blocked));
}

static int real_thunderbolt_authorize(void *context, const char *device,
				      bool authorized)
{
	struct enforce_real *real = context;

	return gone_or(
		thunderbolt_authorize(real->place.sys_fd, device, authorized));
}

static const struct enforce_ops real_ops = {
	.usb_authorize = real_usb_authorize,
	.usb_deauthorize = real_usb_deauthorize,
	.usb_interfaces_default = real_usb_interfaces_default,
	.usb_interface = real_usb_interface,
	.usb_remove = real_usb_remove,
	.usb_node = real_usb_node,
	.usb_gone = real_usb_gone,
	.media_set = real_media_set,
	.media_close = real_media_close,
	.media_in_use = real_media_in_use,
	.media_check = real_media_check,
	.radio_block = real_radio_block,
	.thunderbolt_authorize = real_thunderbolt_authorize,
};

int enforce_real_new(int sys_fd, int dev_fd, struct block_guard *guard,
		     struct enforce_real **ret_real)
{
	struct enforce_real *real = calloc(1, sizeof(*real));
	int r;

	if (!real)
		return -ENOMEM;
	real->place = (struct media_place){.sys_fd = sys_fd,
					   .dev_fd = dev_fd,
					   .guard = guard};
	r = usb_auth_new(sys_fd, &real->usb);
	if (r < 0) {
		free(real);
		return r;
	}
	*ret_real = real;
	return 0;
}

struct enforce_real *enforce_real_free(struct enforce_real *real)
{
	if (!real)
		return NULL;
	usb_auth_free(real->usb);
	free(real);
	return NULL;
}

struct enforce enforce_real_ops(struct enforce_real *real)
{
	return (struct enforce){.ops = &real_ops, .context = real};
}
