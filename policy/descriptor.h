/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Raw USB descriptors (sysfs "descriptors") to facts: interface list,
 * channels, USBGuard's hash and our own identity. Every byte here was written
 * by whoever made the device. Pure: SHA-256 from libcrypto is all it calls.
 *
 * Followed: USB 2.0 §9.6 for the descriptors; USBGuard USB.cpp and
 * DevicePrivate.cpp for what is refused and how the hash is formed, so that
 * hash rules written with it keep working.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "policy/fact.h"

/* Named outcomes; 0 is accepted. */
enum descriptor_outcome {
	DESCRIPTOR_OK = 0,
	DESCRIPTOR_EMPTY,	   /* no device descriptor */
	DESCRIPTOR_TOO_LONG,	   /* over USB_DESCRIPTORS_MAX_BYTES */
	DESCRIPTOR_PARTIAL_HEADER, /* one byte left over */
	DESCRIPTOR_SHORT_LENGTH,   /* bLength below 2 */
	DESCRIPTOR_TRUNCATED,	   /* bLength beyond the end */
	DESCRIPTOR_BAD_SIZE,	   /* wrong bLength for a standard descriptor */
	DESCRIPTOR_BAD_ORDER, /* not device > config > interface > endpoint */
	DESCRIPTOR_TOO_MANY_INTERFACES, /* over USB_INTERFACES_MAX */
	DESCRIPTOR_STRING_TOO_LONG,	/* over 126 UTF-16 units */
	DESCRIPTOR_OUTCOME_COUNT,
};

/* A sentence for people and events; total. */
const char *descriptor_outcome_to_str(enum descriptor_outcome outcome);

/*
 * Complete a fact from the raw descriptors. On entry vendor_id, product_id,
 * serial, name and manufacturer are set (`has` is not looked at). Sets
 * interfaces, interface_count, channels, hash, identity, bcd_device,
 * device_class and the `has` bits of all these; parent_hash, via_port and
 * connect_type stay as they are. Returns 0, -ENOMEM (libcrypto), or a
 * descriptor_outcome, *fact then unchanged: the device is to be rejected.
 */
int descriptor_read(struct usb_fact *fact, const uint8_t *raw, size_t raw_len)
	__attribute__((nonnull, warn_unused_result, access(read_only, 2, 3)));

/*
 * parent-hash of a root hub: base64(SHA-256(path)) of its controller, where
 * path begins with "/devices/…" (the sysfs mount point is not part of it).
 * Returns 0 or -ENOMEM; ret_hash is NUL-terminated.
 */
int descriptor_path_hash(struct span path, char ret_hash[USB_HASH_CHARS + 1])
	__attribute__((nonnull, warn_unused_result));

/*
 * Copy a sysfs string attribute as USBGuard reads it: trailing NUL, LF, CR,
 * TAB and backspace removed, cut at the first NUL that is left. `capacity`
 * includes the NUL. Returns 0 or DESCRIPTOR_STRING_TOO_LONG (over 126 UTF-16
 * units and 253 bytes, or over capacity), `ret_text` then unchanged.
 */
int descriptor_string(struct span raw, char *ret_text, size_t capacity)
	__attribute__((nonnull, warn_unused_result));

/* The channels of one interface triple, as USB_CHANNEL_BIT()s. */
uint32_t descriptor_interface_channels(uint8_t class_code, uint8_t subclass,
				       uint8_t protocol);

/*
 * The channels of a whole device: the union over its interfaces, and what the
 * ids and names add (vendor-specific MTP, authenticators, serial bridges).
 */
uint32_t descriptor_channels(const struct usb_fact *fact)
	__attribute__((nonnull));
