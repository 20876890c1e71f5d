/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ways out that are built into the machine, from sysfs: radios (class rfkill,
 * Documentation/driver-api/rfkill.rst) and Thunderbolt devices (bus
 * thunderbolt, Documentation/admin-guide/thunderbolt.rst). Reads only.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "agent/sense/sysfs.h"
#include "policy/builtin.h"

#define BUILTIN_NAME_MAX  32
#define BUILTIN_MODEL_MAX 128

struct builtin_device {
	enum builtin_channel channel;
	char devpath[SYSFS_PATH_MAX];
	char name[BUILTIN_NAME_MAX];   /* "rfkill0", "0-1" */
	char model[BUILTIN_MODEL_MAX]; /* "phy0", "hci0"; vendor and device */
	bool is_on; /* a radio that is not soft blocked; authorized */
};

/* Named outcome: another kind of radio (GPS, FM), the machine's own
 * Thunderbolt controller, a part of a device. */
enum builtin_outcome { BUILTIN_NOT_OURS = 1 };

/* Reads the device at DEVPATH, of class rfkill or bus thunderbolt. 0,
 * BUILTIN_NOT_OURS, or -errno (-ENOENT: gone). */
int builtin_read(int root_fd, const char *devpath,
		 struct builtin_device *ret_device)
	__attribute__((nonnull, warn_unused_result));

/* Where they are listed, below the root. */
#define BUILTIN_RADIOS		    "sys/class/rfkill"
#define BUILTIN_THUNDERBOLT_DEVICES "sys/bus/thunderbolt/devices"
