/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every limit of the pure layer, by name. A parser that meets one says so in
 * its result; nothing is cut silently. The USB figures are the standard's
 * (string descriptors: bLength is one byte, so 126 UTF-16 units), not the 253
 * bytes at which USBGuard refuses a legal Japanese product name.
 */
#pragma once

/*
 * USB string descriptor: (255 - 2) / 2 units, at most three bytes of UTF-8.
 * What USBGuard took (253 bytes of anything) is taken too: a hash written with
 * it must not turn into a rejection.
 */
#define USB_STRING_MAX_UNITS  126
#define USB_STRING_MAX_BYTES  (USB_STRING_MAX_UNITS * 3)
#define USB_STRING_PEER_BYTES 253

/* base64 of SHA-256, without the terminating NUL. */
#define USB_HASH_CHARS 44
/* What a hash, port or connect type field of a fact can hold. */
#define USB_IDENT_MAX_BYTES 127

/* Interface descriptors of all configurations and alternate settings. */
#define USB_INTERFACES_MAX 512
/* sysfs "descriptors": 8 configurations of at most 64 KiB, and the device. */
#define USB_DESCRIPTORS_MAX_BYTES (18 + 8 * 65535)

/* Media fact fields. */
#define MEDIA_NAME_MAX_BYTES   31
#define MEDIA_STRING_MAX_BYTES 255

/* One rules text (file) and all texts of a rule set together. */
#define RULES_TEXT_MAX_BYTES  (8u << 20)
#define RULES_TOTAL_MAX_BYTES (16u << 20)
#define RULES_TEXTS_MAX	      256
/* One line of a rules text, the newline not counted. */
#define RULES_LINE_MAX_BYTES (1u << 20)
#define RULES_MAX	     100000
/* Values in one set (attribute or conditions), bytes of one string. */
#define RULES_SET_MAX	       60000
#define RULES_STRING_MAX_BYTES (64u << 10)
#define RULES_ID_MAX_BYTES     64

/* Devices the daemon shows to allowed-matches. */
#define DECIDE_AUTHORIZED_MAX 1024
