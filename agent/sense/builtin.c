/* SPDX-License-Identifier: Apache-2.0 */
/* One radio or one Thunderbolt device. */
#include "agent/sense/builtin.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "agent/base/cleanup.h"

/* rfkill_types in net/rfkill/core.c; ultrawideband, wimax, gps, fm and nfc
 * carry no files. */
static bool channel_of(const char *type, enum builtin_channel *ret_channel)
{
	static const struct {
		const char *type;
		enum builtin_channel channel;
	} rows[] = {
		{"wlan", BUILTIN_WIFI},
		{"bluetooth", BUILTIN_BLUETOOTH},
		{"wwan", BUILTIN_WWAN},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (strcmp(rows[i].type, type) != 0)
			continue;
		*ret_channel = rows[i].channel;
		return true;
	}
	return false;
}

static int read_radio(int fd, struct builtin_device *device)
{
	char type[SYSFS_TEXT_MAX];
	uint64_t is_blocked = 0;

	int r = sysfs_read_text(fd, "type", type, sizeof(type));
	if (r < 0)
		return r;
	if (!channel_of(type, &device->channel))
		return BUILTIN_NOT_OURS;
	/* What cannot be told is on: it is switched off then */
	if (sysfs_read_number(fd, "soft", 10, &is_blocked) < 0)
		is_blocked = 0;
	device->is_on = is_blocked == 0;
	if (sysfs_read_text(fd, "name", device->model, sizeof(device->model)) <
	    0)
		device->model[0] = '\0';
	return 0;
}

static int read_thunderbolt(int fd, struct builtin_device *device)
{
	char vendor[SYSFS_TEXT_MAX], model[SYSFS_TEXT_MAX];
	uint64_t authorized = 0;

	/* Domains, retimers and services have none; "0-0" is the controller */
	size_t len = strlen(device->name);
	if (len < 3 || strcmp(device->name + len - 2, "-0") == 0 ||
	    strchr(device->name, '.') || strchr(device->name, ':'))
		return BUILTIN_NOT_OURS;
	int r = sysfs_read_number(fd, "authorized", 10, &authorized);
	if (r == -ENOENT)
		return BUILTIN_NOT_OURS;
	if (r < 0)
		authorized = 1;
	device->channel = BUILTIN_THUNDERBOLT;
	device->is_on = authorized != 0;
	if (sysfs_read_text(fd, "vendor_name", vendor, sizeof(vendor)) < 0)
		vendor[0] = '\0';
	if (sysfs_read_text(fd, "device_name", model, sizeof(model)) < 0)
		model[0] = '\0';
	(void)snprintf(device->model, sizeof(device->model), "%.60s%s%.60s",
		       vendor, vendor[0] && model[0] ? " " : "", model);
	return 0;
}

int builtin_read(int root_fd, const char *devpath,
		 struct builtin_device *ret_device)
{
	struct builtin_device device = {0};
	_cleanup_close_ int fd = -1;
	char path[SYSFS_PATH_MAX + 8];

	if (strlen(devpath) >= sizeof(device.devpath) ||
	    strlen(sysfs_basename(devpath)) >= sizeof(device.name))
		return -ENAMETOOLONG;
	(void)snprintf(device.devpath, sizeof(device.devpath), "%s", devpath);
	(void)snprintf(device.name, sizeof(device.name), "%s",
		       sysfs_basename(devpath));
	(void)snprintf(path, sizeof(path), "sys%s", devpath);
	int r = sysfs_open_dir(root_fd, path, &fd);
	if (r < 0)
		return r;
	r = strncmp(device.name, "rfkill", 6) == 0
		    ? read_radio(fd, &device)
		    : read_thunderbolt(fd, &device);
	if (r == 0)
		*ret_device = device;
	return r;
}
