/* SPDX-License-Identifier: Apache-2.0 */
/*
 * By what a built-in disk is known again: what it says of itself, or, where it
 * says nothing, its place in the machine and its size. Reads sysfs; never
 * opens the disk. A serial number can be forged by whoever builds the disk; it
 * tells one disk from another, not a good one from a bad one.
 */
#pragma once

#include "agent/sense/block.h"

#define BLOCK_IDENTITY_SIZE 160

/*
 * "wwid:…" (World Wide Identifier of SCSI, ATA and NVMe, without blanks),
 * "serial:…" (virtio, and what has nothing better), "cid:…" (MMC), or
 * "place:DDDD:BB:DD.F SIZE" of the PCI device it hangs on, or the path in
 * sysfs where there is none. Never empty; longer ones are cut.
 */
void block_identity(int root_fd, const struct block_disk *disk,
		    char ret_identity[BLOCK_IDENTITY_SIZE])
	__attribute__((nonnull));
