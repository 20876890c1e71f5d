/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Soft block of a radio and authorisation of a Thunderbolt device, by sysfs:
 * net/rfkill/core.c and drivers/thunderbolt/switch.c. Internal to
 * agent/enforce; enforce.h is what others use.
 */
#pragma once

#include <stdbool.h>

/* RADIO is a name of class rfkill. 0, -ENODEV when it has gone, -errno. */
int radio_block(int sys_fd, const char *radio, bool blocked)
	__attribute__((nonnull, warn_unused_result));

/* DEVICE is a name of bus thunderbolt. As above; a controller that cannot take
 * an authorisation back says -EINVAL or -EPERM. */
int thunderbolt_authorize(int sys_fd, const char *device, bool authorized)
	__attribute__((nonnull, warn_unused_result));
