/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names that come from uevents and the bus, before they become part of a path.
 * Internal to agent/enforce.
 */
#pragma once

#include <stdbool.h>
#include <string.h>

enum { ENFORCE_NAME_MAX = 64 };

/* One path component as the kernel makes them: "1-1.2:1.0", "sda", "usb3". */
static inline bool is_kernel_name(const char *name)
{
	size_t length = strspn(name, "abcdefghijklmnopqrstuvwxyz"
				     "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "0123456789-_.:");

	return length > 0 && length < ENFORCE_NAME_MAX &&
	       name[length] == '\0' && name[0] != '.';
}
