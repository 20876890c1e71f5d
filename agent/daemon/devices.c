/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two short lists. A terminal has tens of devices, so a list that can be read
 * in one screen beats a hash table.
 */
#include "agent/daemon/devices.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char *const states[] = {
	[DEVICE_BLOCKED] = "blocked",
	[DEVICE_HELD] = "held",
	[DEVICE_AUTHORISED] = "authorised",
};
static_assert(sizeof(states) / sizeof(states[0]) == DEVICE_STATE_COUNT_,
	      "one name for each state");

const char *device_state_to_str(enum device_state state)
{
	if ((unsigned int)state >= DEVICE_STATE_COUNT_)
		return states[DEVICE_BLOCKED];
	return states[state];
}

void devices_fini(struct devices *devices)
{
	while (devices->usb)
		devices_remove_usb(devices, devices->usb);
	while (devices->media)
		devices_remove_medium(devices, devices->media);
}

struct usb_entry *devices_usb(const struct devices *devices,
			      const char *devpath)
{
	struct usb_entry *entry = devices->usb;

	while (entry && strcmp(entry->device.devpath, devpath) != 0)
		entry = entry->next;
	return entry;
}

struct usb_entry *devices_usb_named(const struct devices *devices,
				    const char *name)
{
	struct usb_entry *entry = devices->usb;

	while (entry && strcmp(entry->device.fact.via_port, name) != 0)
		entry = entry->next;
	return entry;
}

struct medium_entry *devices_medium(const struct devices *devices,
				    const char *name)
{
	struct medium_entry *entry = devices->media;

	while (entry && strcmp(entry->disk.name, name) != 0)
		entry = entry->next;
	return entry;
}

struct medium_entry *devices_medium_at(const struct devices *devices,
				       const char *devpath)
{
	struct medium_entry *entry = devices->media;

	for (; entry; entry = entry->next) {
		size_t len = strlen(entry->disk.devpath);
		if (strncmp(entry->disk.devpath, devpath, len) == 0 &&
		    (devpath[len] == '\0' || devpath[len] == '/'))
			return entry;
	}
	return NULL;
}

struct medium_entry *devices_medium_number(const struct devices *devices,
					   uint32_t major, uint32_t minor)
{
	struct medium_entry *entry = devices->media;

	while (entry &&
	       (entry->disk.major != major || entry->disk.minor != minor))
		entry = entry->next;
	return entry;
}

int devices_add_usb(struct devices *devices, const struct usb_device *device,
		    struct usb_entry **ret_entry)
{
	if (devices->usb_count >= DEVICES_USB_MAX)
		return -E2BIG;
	struct usb_entry *entry = calloc(1, sizeof(*entry));
	if (!entry)
		return -ENOMEM;
	entry->device = *device;

	struct usb_entry **end = &devices->usb;
	while (*end)
		end = &(*end)->next;
	*end = entry;
	devices->usb_count++;
	*ret_entry = entry;
	return 0;
}

int devices_add_medium(struct devices *devices, const struct block_disk *disk,
		       struct medium_entry **ret_entry)
{
	if (devices->media_count >= DEVICES_MEDIA_MAX)
		return -E2BIG;
	struct medium_entry *entry = calloc(1, sizeof(*entry));
	if (!entry)
		return -ENOMEM;
	entry->disk = *disk;

	struct medium_entry **end = &devices->media;
	while (*end)
		end = &(*end)->next;
	*end = entry;
	devices->media_count++;
	*ret_entry = entry;
	return 0;
}

void devices_remove_usb(struct devices *devices, struct usb_entry *entry)
{
	struct usb_entry **at = &devices->usb;

	while (*at && *at != entry)
		at = &(*at)->next;
	assert(*at);
	*at = entry->next;
	devices->usb_count--;
	free(entry);
}

void devices_remove_medium(struct devices *devices, struct medium_entry *entry)
{
	struct medium_entry **at = &devices->media;

	while (*at && *at != entry)
		at = &(*at)->next;
	assert(*at);
	*at = entry->next;
	devices->media_count--;
	free(entry);
}
