/* SPDX-License-Identifier: Apache-2.0 */
/* Names of channels and buses, as rules and events write them. */
#include "policy/fact.h"

#include <assert.h>

static const char *const channel_names[] = {
	[USB_CHANNEL_STORAGE] = "storage",
	[USB_CHANNEL_MTP] = "mtp",
	[USB_CHANNEL_PTP] = "ptp",
	[USB_CHANNEL_NETWORK] = "network",
	[USB_CHANNEL_MODEM] = "modem",
	[USB_CHANNEL_SERIAL] = "serial",
	[USB_CHANNEL_PRINTER] = "printer",
	[USB_CHANNEL_AUDIO] = "audio",
	[USB_CHANNEL_VIDEO] = "video",
	[USB_CHANNEL_HID] = "hid",
	[USB_CHANNEL_HUB] = "hub",
	[USB_CHANNEL_SMARTCARD] = "smartcard",
	[USB_CHANNEL_SECURITY_KEY] = "security-key",
	[USB_CHANNEL_BLUETOOTH] = "bluetooth",
	[USB_CHANNEL_WIRELESS] = "wireless",
	[USB_CHANNEL_VENDOR] = "vendor",
};
static_assert(sizeof(channel_names) / sizeof(channel_names[0]) ==
		      USB_CHANNEL_COUNT,
	      "every channel has a name");

static const char *const bus_names[] = {
	[MEDIA_BUS_UNKNOWN] = "unknown",
	[MEDIA_BUS_USB] = "usb",
	[MEDIA_BUS_SD] = "sd",
	[MEDIA_BUS_OPTICAL] = "optical",
	[MEDIA_BUS_TAPE] = "tape",
	[MEDIA_BUS_FLOPPY] = "floppy",
	[MEDIA_BUS_SATA] = "sata",
	[MEDIA_BUS_NVME] = "nvme",
	[MEDIA_BUS_THUNDERBOLT] = "thunderbolt",
	[MEDIA_BUS_FIREWIRE] = "firewire",
	[MEDIA_BUS_NETWORK] = "network",
	[MEDIA_BUS_VIRTUAL] = "virtual",
};
static_assert(sizeof(bus_names) / sizeof(bus_names[0]) == MEDIA_BUS_COUNT,
	      "every bus has a name");

const char *usb_channel_to_str(enum usb_channel channel)
{
	if ((unsigned)channel >= USB_CHANNEL_COUNT)
		return "unknown";
	return channel_names[channel];
}

bool usb_channel_from_str(struct span name, enum usb_channel *ret_channel)
{
	for (unsigned i = 0; i < USB_CHANNEL_COUNT; i++) {
		if (!span_equals_str(name, channel_names[i]))
			continue;
		*ret_channel = (enum usb_channel)i;
		return true;
	}
	return false;
}

const char *media_bus_to_str(enum media_bus bus)
{
	if ((unsigned)bus >= MEDIA_BUS_COUNT)
		return "unknown";
	return bus_names[bus];
}

bool media_bus_from_str(struct span name, enum media_bus *ret_bus)
{
	for (unsigned i = 0; i < MEDIA_BUS_COUNT; i++) {
		if (!span_equals_str(name, bus_names[i]))
			continue;
		*ret_bus = (enum media_bus)i;
		return true;
	}
	return false;
}
