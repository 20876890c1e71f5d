/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a decision may do to the machine, as one table of operations with two
 * twins: the real one (enforce_real) and a dry run that only remembers what it
 * was asked (dry_run.h), which is the test double and the monitor mode. The
 * daemon knows nothing below this table. No operation decides anything.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "agent/bpf/guard.h"

struct block_guard;

/* Named outcomes (> 0). */
enum {
	/* Done, but partitions or mounts still in use stay as they are. */
	ENFORCE_BUSY = 1,
	/* The device went away meanwhile; nothing is left to do. */
	ENFORCE_GONE = 2,
	/* The kernel has it otherwise. */
	ENFORCE_DIFFERS = 3
};

/*
 * Every operation returns 0, an outcome above, or -errno; it may be repeated.
 * USB devices are named as in sysfs ("1-1.2"), interfaces too ("1-1.2:1.0"),
 * disks by kernel name ("sda"). Names are checked: -EINVAL for anything with a
 * slash or a leading dot. Only the daemon's loop calls them.
 */
struct enforce_ops {
	/*
	 * Let the kernel configure the device and bind drivers to all its
	 * interfaces. Kernel: Documentation/usb/authorization.rst.
	 */
	int (*usb_authorize)(void *context, const char *device);
	/* Unbind and unconfigure. What is mounted from it is cut off. */
	int (*usb_deauthorize)(void *context, const char *device);
	/*
	 * Before usb_authorize of a device of which only some interfaces are
	 * wanted: its interfaces come up unauthorised (per-hub default), so
	 * that each can be let in with usb_interface.
	 */
	int (*usb_interfaces_default)(void *context, const char *device,
				      bool authorized);
	/* One interface: authorise and probe drivers, or unbind. */
	int (*usb_interface)(void *context, const char *interface,
			     bool authorized);
	/* Electrically off (sysfs "remove"); needs a re-plug to come back. */
	int (*usb_remove)(void *context, const char *device);
	/*
	 * Open or close /dev/bus/usb for it. An authorised device stays closed
	 * until this is called. Never open it for a device with a storage
	 * interface: bulk transfers from user space bypass the media guard.
	 */
	int (*usb_node)(void *context, const char *device, bool open);
	/*
	 * The device with this number (sysfs "dev") is unplugged: whatever was
	 * entered for its node ends, so that the next with the number does not
	 * find it open. Its sysfs folder need not be there any more.
	 */
	int (*usb_gone)(void *context, uint32_t major, uint32_t minor);
	/*
	 * A whole disk, with the diskseq that was judged. GUARD_READ_ONLY and
	 * GUARD_READ_WRITE: set the kernel's read-only flag, enter it into the
	 * guard, read the partition table, announce "add". GUARD_DENY: take it
	 * out of the guard, drop partitions not in use, announce "change"
	 * (ENFORCE_BUSY when some are in use: revocation proper is the
	 * caller's). -ESTALE: another medium is there now; nothing was opened.
	 */
	int (*media_set)(void *context, const char *disk, uint64_t diskseq,
			 enum guard_access access);
	/*
	 * The beginning of taking access away: nobody opens the disk anew
	 * (GUARD_READ_ONLY: for writing), what is mounted or open goes on
	 * until the caller has ended it and calls media_set. Without a guard
	 * (tier T4) nothing is closed.
	 */
	int (*media_close)(void *context, const char *disk, uint64_t diskseq,
			   enum guard_access access);
	/* ENFORCE_BUSY: something is mounted from it or stacked on it. */
	int (*media_in_use)(void *context, const char *disk, uint64_t diskseq);
	/*
	 * A radio of class rfkill ("rfkill0") on or soft blocked; a device of
	 * bus thunderbolt ("0-1") authorised or not.
	 */
	int (*radio_block)(void *context, const char *radio, bool blocked);
	int (*thunderbolt_authorize)(void *context, const char *device,
				     bool authorized);
	/*
	 * Whether that is what is in force now, the read-only flag included.
	 * Changes nothing. 0, ENFORCE_DIFFERS, ENFORCE_GONE or -errno.
	 */
	int (*media_check)(void *context, const char *disk, uint64_t diskseq,
			   enum guard_access access);
};

/* Passed by value; the context outlives it. */
struct enforce {
	const struct enforce_ops *ops;
	void *context;
};

struct enforce_real;

/*
 * The real twin, below SYS_FD (open on /sys) and DEV_FD (open on /dev), both
 * borrowed and kept open by the caller. GUARD may be NULL (tier T4): media
 * operations then set the read-only flag only, and usb_node does nothing.
 */
int enforce_real_new(int sys_fd, int dev_fd, struct block_guard *guard,
		     struct enforce_real **ret_real)
	__attribute__((nonnull(4), warn_unused_result));
struct enforce_real *enforce_real_free(struct enforce_real *real);
struct enforce enforce_real_ops(struct enforce_real *real)
	__attribute__((nonnull));
