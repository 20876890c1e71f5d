/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The block devices (and the character devices that speak to disks) that are
 * there already, as the kernel half would have entered them: the same walk
 * over the buses of the ancestors, by sysfs. Reads only; knows no map.
 * Internal to agent/enforce.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/bpf/guard.h"

/* KEY and DEVICE as the maps take them. Non-zero ends the scan. */
typedef int (*guard_seed_fn)(uint64_t key, const struct guard_device *device,
			     void *userdata);

/*
 * Hand every device to FN, disks before partitions. A device that vanishes
 * meanwhile or cannot be read is left out, so it stays unknown and refused.
 * Returns what FN returned, or -errno.
 */
int guard_seed_scan(int sys_fd, guard_seed_fn fn, void *userdata)
	__attribute__((nonnull(2), warn_unused_result));

/*
 * Whether SEEN, of a scan, is a later disk than KEPT, the map's entry with the
 * same number: where the hook of device_del does not run (tier T3) entries
 * outlive their disks. The kernel only counts up (block/genhd.c, inc_diskseq).
 * Pure.
 */
bool guard_seed_is_later(const struct guard_device *kept,
			 const struct guard_device *seen)
	__attribute__((nonnull));
