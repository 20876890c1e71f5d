/* SPDX-License-Identifier: Apache-2.0 */
/* Two attributes of sysfs, written by name. */
#include "agent/enforce/radio.h"

#include <errno.h>
#include <stdio.h>

#include "agent/base/fd.h"
#include "agent/enforce/name.h"
#include "agent/base/banned.h"

static int set(int sys_fd, const char *folder, const char *name,
	       const char *attribute, bool on)
{
	char path[160];
	int n;
	int r;

	if (!is_kernel_name(name))
		return -EINVAL;
	n = snprintf(path, sizeof(path), "%s/%s/%s", folder, name, attribute);
	if (n < 0 || (size_t)n >= sizeof(path))
		return -ENAMETOOLONG;
	r = write_text_file(sys_fd, path, on ? "1" : "0");
	return r == -ENOENT ? -ENODEV : r;
}

int radio_block(int sys_fd, const char *radio, bool blocked)
{
	return set(sys_fd, "class/rfkill", radio, "soft", blocked);
}

int thunderbolt_authorize(int sys_fd, const char *device, bool authorized)
{
	return set(sys_fd, "bus/thunderbolt/devices", device, "authorized",
		   authorized);
}
