/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A disk as sysfs shows it: its numbers, the bus it hangs on and the USB
 * device it belongs to. Never opens the block device: what is on the medium is
 * sense/probe's, in a sandbox.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "agent/sense/sysfs.h"
#include "policy/fact.h"

/* GPT allows 128, MBR with logical ones fewer; more are not looked at. */
#define BLOCK_PARTITIONS_MAX 128
#define BLOCK_NAME_MAX	     32 /* DISK_NAME_LEN of the kernel */

struct block_partition {
	char name[BLOCK_NAME_MAX];
	uint32_t major;
	uint32_t minor;
};

struct block_disk {
	char devpath[SYSFS_PATH_MAX];
	char name[BLOCK_NAME_MAX]; /* "sda" */
	uint32_t major;
	uint32_t minor;
	uint64_t diskseq;    /* 0: kernel before 5.15 */
	uint64_t size_bytes; /* 0: no medium in the reader */
	bool is_read_only;
	bool is_optical;
	bool is_partition;
	enum media_bus bus;
	char usb_devpath[SYSFS_PATH_MAX]; /* "" when no USB device */
	char vendor[64];
	char model[64];
	char serial[128]; /* only what sysfs shows without opening */
};

/* Reads the block device at DEVPATH ("/devices/…/block/sda", or a partition
 * below it). 0 or -errno: -ENOENT it has gone. */
int block_read(int root_fd, const char *devpath, struct block_disk *ret_disk)
	__attribute__((nonnull, warn_unused_result));

/* Lists the partitions of DISK. 0 or -errno; *ret_count is at most
 * BLOCK_PARTITIONS_MAX. */
int block_partitions(int root_fd, const struct block_disk *disk,
		     struct block_partition *ret_partitions,
		     unsigned int *ret_count)
	__attribute__((nonnull, warn_unused_result));

/* What policy judges of DISK. PARENT is the fact of the USB device it is on,
 * or NULL; it is borrowed. What is on the medium (type, label, UUID) stays
 * unknown here. */
void block_fact(const struct block_disk *disk, const struct usb_fact *parent,
		struct media_fact *ret_fact) __attribute__((nonnull(1, 3)));
