/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Facts: what is known about a device or a medium when it is judged. Plain
 * public values without pointers into anyone's memory (but a medium's parent),
 * complete before decide() is called. Sensing fills them; nothing here reads.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "policy/limits.h"
#include "policy/span.h"

/*
 * Ways out of (or into) a terminal. A device is in every channel that one of
 * its interfaces, in any configuration or alternate setting, belongs to.
 */
enum usb_channel {
	USB_CHANNEL_STORAGE, /* 08 mass storage: bulk-only, UAS, floppy */
	USB_CHANNEL_MTP,     /* 06 still image with MTP, vendor-specific MTP */
	USB_CHANNEL_PTP,     /* 06 still image */
	USB_CHANNEL_NETWORK, /* ECM, NCM, EEM, MBIM, RNDIS */
	USB_CHANNEL_MODEM,   /* CDC ACM and its relatives, MBIM */
	USB_CHANNEL_SERIAL,  /* CDC ACM, known USB-serial bridges */
	USB_CHANNEL_PRINTER, /* 07 */
	USB_CHANNEL_AUDIO,   /* 01 */
	USB_CHANNEL_VIDEO,   /* 0e, 10 */
	USB_CHANNEL_HID,     /* 03 */
	USB_CHANNEL_HUB,     /* 09 */
	USB_CHANNEL_SMARTCARD,	  /* 0b */
	USB_CHANNEL_SECURITY_KEY, /* FIDO authenticators */
	USB_CHANNEL_BLUETOOTH,	  /* e0:01:01, e0:01:04 */
	USB_CHANNEL_WIRELESS,	  /* e0 other, wireless USB, fe IrDA bridges */
	USB_CHANNEL_VENDOR,	  /* ff: nobody can say what it is */
	USB_CHANNEL_COUNT,
};

#define USB_CHANNEL_BIT(channel) (1u << (channel))

/*
 * Name as written in rules and events ("security-key"); "unknown" outside the
 * enumeration.
 */
const char *usb_channel_to_str(enum usb_channel channel);
/* false, and *ret_channel unchanged, where the name is none of ours. */
bool usb_channel_from_str(struct span name, enum usb_channel *ret_channel)
	__attribute__((nonnull, warn_unused_result));

/* One interface descriptor, in the order of sysfs "descriptors". */
struct usb_interface {
	uint8_t class_code;
	uint8_t subclass;
	uint8_t protocol;
	uint8_t number;
	uint8_t alternate;
	uint8_t configuration; /* bConfigurationValue */
};

/*
 * Which attributes the device has. From sysfs all of them are set (a missing
 * string is the empty string, as USBGuard has it); a query such as
 * `device id 0411:01e8` knows only what it names. An absent attribute is the
 * empty set in every comparison.
 */
enum usb_has {
	USB_HAS_ID = 1u << 0,
	USB_HAS_SERIAL = 1u << 1,
	USB_HAS_NAME = 1u << 2,
	USB_HAS_MANUFACTURER = 1u << 3,
	USB_HAS_HASH = 1u << 4,
	USB_HAS_PARENT_HASH = 1u << 5,
	USB_HAS_IDENTITY = 1u << 6,
	USB_HAS_VIA_PORT = 1u << 7,
	USB_HAS_CONNECT_TYPE = 1u << 8,
	USB_HAS_INTERFACES = 1u << 9,
	USB_HAS_CHANNELS = 1u << 10,
};

/*
 * A USB device. Strings are NUL-terminated UTF-8 as sysfs gives them, the
 * trailing newline cut. Zeroed memory is a device about which nothing is
 * known: it matches no rule that asks for anything.
 */
struct usb_fact {
	uint32_t has;	   /* enum usb_has bits */
	uint32_t channels; /* USB_CHANNEL_BIT()s; descriptor_read() sets it */
	uint16_t vendor_id;
	uint16_t product_id;
	uint16_t bcd_device;
	uint8_t device_class;
	bool is_authorized; /* as the kernel has it now */
	bool is_controller; /* a root hub */
	char serial[USB_STRING_MAX_BYTES + 1];
	char name[USB_STRING_MAX_BYTES + 1]; /* sysfs "product" */
	char manufacturer[USB_STRING_MAX_BYTES + 1];
	char hash[USB_IDENT_MAX_BYTES + 1]; /* USBGuard's formula */
	char parent_hash[USB_IDENT_MAX_BYTES + 1];
	char identity[USB_IDENT_MAX_BYTES + 1];	    /* ours: length-prefixed */
	char via_port[USB_IDENT_MAX_BYTES + 1];	    /* sysfs name, "1-4.2" */
	char connect_type[USB_IDENT_MAX_BYTES + 1]; /* "hotplug", ""… */
	uint16_t interface_count;
	struct usb_interface interfaces[USB_INTERFACES_MAX];
};

enum media_bus {
	MEDIA_BUS_UNKNOWN = 0,
	MEDIA_BUS_USB,
	MEDIA_BUS_SD, /* SD and MMC cards in a native slot */
	MEDIA_BUS_OPTICAL,
	MEDIA_BUS_TAPE,
	MEDIA_BUS_FLOPPY,
	MEDIA_BUS_SATA, /* a disk that is not a known fixed disk, eSATA */
	MEDIA_BUS_NVME,
	MEDIA_BUS_THUNDERBOLT,
	MEDIA_BUS_FIREWIRE,
	MEDIA_BUS_NETWORK, /* nbd, iSCSI, ublk */
	MEDIA_BUS_VIRTUAL, /* loop, device-mapper */
	MEDIA_BUS_COUNT,
};

const char *media_bus_to_str(enum media_bus bus);
bool media_bus_from_str(struct span name, enum media_bus *ret_bus)
	__attribute__((nonnull, warn_unused_result));

/*
 * A medium: a block device that is judged. An empty string is "not known" and
 * counts as absent. The parent is borrowed and must outlive the fact.
 */
struct media_fact {
	const struct usb_fact *parent; /* NULL: not on a USB device */
	enum media_bus bus;
	uint32_t dev_major;
	uint32_t dev_minor;
	uint64_t diskseq; /* 0: the kernel does not number disks */
	uint64_t size_bytes;
	bool is_size_known;
	bool is_encrypted;	 /* LUKS, BitLocker… */
	bool is_write_protected; /* by its own switch or the drive */
	char devname[MEDIA_NAME_MAX_BYTES + 1]; /* "sdb", "mmcblk0" */
	char fs_type[MEDIA_NAME_MAX_BYTES + 1]; /* "vfat", "crypto_LUKS" */
	char fs_uuid[MEDIA_STRING_MAX_BYTES + 1];
	char label[MEDIA_STRING_MAX_BYTES + 1];
	char model[MEDIA_STRING_MAX_BYTES + 1];	 /* judged as `name` where */
	char serial[MEDIA_STRING_MAX_BYTES + 1]; /* … parent is NULL */
};
