/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A USB device's sysfs directory, or a copy of one, to a fact. For the tool
 * only: the daemon has agent/sense, which also follows hubs and uevents.
 */
#pragma once

#include "policy/fact.h"

/*
 * Reads idVendor, idProduct, serial, product, manufacturer and descriptors
 * below the directory `dir`. `fact` is zeroed by the caller; port, parent and
 * connect type stay as they are. Returns 0, -errno (-ENOENT: no USB device),
 * or an enum descriptor_outcome: the device would be rejected.
 */
int device_dir_read(int dir, struct usb_fact *fact)
	__attribute__((nonnull, warn_unused_result));
