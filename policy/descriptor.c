/* SPDX-License-Identifier: Apache-2.0 */
/* Raw descriptors: checks, interface list, hash, identity; descriptor.h. */
#include "policy/descriptor.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>

#include <openssl/evp.h>

/* USB 2.0 table 9-5, 9-8, 9-10, 9-12, 9-13; audio endpoints have two more. */
enum {
	TYPE_DEVICE = 1,
	TYPE_CONFIGURATION = 2,
	TYPE_INTERFACE = 4,
	TYPE_ENDPOINT = 5,

	SIZE_HEADER = 2,
	SIZE_DEVICE = 18,
	SIZE_CONFIGURATION = 9,
	SIZE_INTERFACE = 9,
	SIZE_ENDPOINT = 7,
	SIZE_AUDIO_ENDPOINT = 9,
};

static const char *const outcomes[] = {
	[DESCRIPTOR_OK] = "accepted",
	[DESCRIPTOR_EMPTY] = "no device descriptor",
	[DESCRIPTOR_TOO_LONG] = "more descriptors than a device can have",
	[DESCRIPTOR_PARTIAL_HEADER] = "a byte is left over at the end",
	[DESCRIPTOR_SHORT_LENGTH] = "bLength is less than a header",
	[DESCRIPTOR_TRUNCATED] = "bLength is more than there is data",
	[DESCRIPTOR_BAD_SIZE] = "a standard descriptor of the wrong size",
	[DESCRIPTOR_BAD_ORDER] = "descriptors are not in order",
	[DESCRIPTOR_TOO_MANY_INTERFACES] = "too many interfaces",
	[DESCRIPTOR_STRING_TOO_LONG] = "a string longer than USB allows",
};
static_assert(sizeof(outcomes) / sizeof(outcomes[0]) ==
		      DESCRIPTOR_OUTCOME_COUNT,
	      "every outcome has a sentence");

const char *descriptor_outcome_to_str(enum descriptor_outcome outcome)
{
	if ((unsigned)outcome >= DESCRIPTOR_OUTCOME_COUNT)
		return "unknown";
	return outcomes[outcome];
}

/* What has been seen: a later descriptor needs its parent before it. */
struct reader {
	bool has_device;
	bool has_configuration;
	bool has_interface; /* since the last configuration */
	uint8_t configuration;
	size_t device_offset;
};

static bool size_is_right(uint8_t type, uint8_t length)
{
	switch (type) {
	case TYPE_DEVICE:
		return length == SIZE_DEVICE;
	case TYPE_CONFIGURATION:
		return length == SIZE_CONFIGURATION;
	case TYPE_INTERFACE:
		return length == SIZE_INTERFACE;
	case TYPE_ENDPOINT:
		return length == SIZE_ENDPOINT || length == SIZE_AUDIO_ENDPOINT;
	default:
		return true;
	}
}

static int read_interface(struct reader *reader, struct usb_fact *fact,
			  const uint8_t *d)
{
	if (!reader->has_configuration)
		return DESCRIPTOR_BAD_ORDER;
	if (fact->interface_count == USB_INTERFACES_MAX)
		return DESCRIPTOR_TOO_MANY_INTERFACES;
	reader->has_interface = true;
	fact->interfaces[fact->interface_count++] = (struct usb_interface){
		.number = d[2],
		.alternate = d[3],
		.class_code = d[5],
		.subclass = d[6],
		.protocol = d[7],
		.configuration = reader->configuration,
	};
	return 0;
}

static int read_one(struct reader *reader, struct usb_fact *fact,
		    const uint8_t *raw, size_t offset)
{
	const uint8_t *d = raw + offset;

	if (!size_is_right(d[1], d[0]))
		return DESCRIPTOR_BAD_SIZE;
	switch (d[1]) {
	case TYPE_DEVICE:
		if (reader->has_device)
			return DESCRIPTOR_BAD_ORDER;
		reader->has_device = true;
		reader->device_offset = offset;
		fact->device_class = d[4];
		fact->bcd_device = (uint16_t)(d[12] | d[13] << 8);
		return 0;
	case TYPE_CONFIGURATION:
		if (!reader->has_device)
			return DESCRIPTOR_BAD_ORDER;
		reader->has_configuration = true;
		reader->has_interface = false;
		reader->configuration = d[5];
		return 0;
	case TYPE_INTERFACE:
		return read_interface(reader, fact, d);
	case TYPE_ENDPOINT:
		return reader->has_interface ? 0 : DESCRIPTOR_BAD_ORDER;
	default:
		/* Class and vendor descriptors may stand anywhere. */
		return 0;
	}
}

static int read_all(struct reader *reader, struct usb_fact *fact,
		    const uint8_t *raw, size_t len)
{
	size_t offset = 0;

	if (len > USB_DESCRIPTORS_MAX_BYTES)
		return DESCRIPTOR_TOO_LONG;
	while (offset < len) {
		int r;

		if (len - offset < SIZE_HEADER)
			return DESCRIPTOR_PARTIAL_HEADER;
		if (raw[offset] < SIZE_HEADER)
			return DESCRIPTOR_SHORT_LENGTH;
		if (raw[offset] > len - offset)
			return DESCRIPTOR_TRUNCATED;
		r = read_one(reader, fact, raw, offset);
		if (r != 0)
			return r;
		offset += raw[offset];
	}
	return reader->has_device ? 0 : DESCRIPTOR_EMPTY;
}

/*
 * Linux root hubs carry the kernel's version in bcdDevice; USBGuard hashes
 * zeros there, by the descriptor's ids and whatever the port.
 */
static bool is_root_hub_descriptor(const uint8_t *d)
{
	unsigned vendor = d[8] | (unsigned)d[9] << 8;
	unsigned product = d[10] | (unsigned)d[11] << 8;

	return vendor == 0x1d6b && product >= 1 && product <= 3;
}

static int finish_base64(EVP_MD_CTX *ctx, char ret_text[USB_HASH_CHARS + 1])
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned int len = 0;

	if (EVP_DigestFinal_ex(ctx, digest, &len) != 1)
		return -ENOMEM;
	(void)EVP_EncodeBlock((unsigned char *)ret_text, digest, (int)len);
	return 0;
}

static int update_descriptors(EVP_MD_CTX *ctx, const struct reader *reader,
			      const uint8_t *raw, size_t len)
{
	static const uint8_t zeros[2];
	size_t bcd = reader->device_offset + 12;

	if (!is_root_hub_descriptor(raw + reader->device_offset))
		return EVP_DigestUpdate(ctx, raw, len) == 1 ? 0 : -ENOMEM;
	if (EVP_DigestUpdate(ctx, raw, bcd) != 1 ||
	    EVP_DigestUpdate(ctx, zeros, sizeof(zeros)) != 1 ||
	    EVP_DigestUpdate(ctx, raw + bcd + 2, len - bcd - 2) != 1)
		return -ENOMEM;
	return 0;
}

/* product || idVendor || idProduct || serial || descriptors, no lengths. */
static int hash_fact(EVP_MD_CTX *ctx, const struct usb_fact *fact)
{
	char ids[9];

	(void)snprintf(ids, sizeof(ids), "%04x%04x", fact->vendor_id,
		       fact->product_id);
	if (EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) != 1 ||
	    EVP_DigestUpdate(ctx, fact->name, strlen(fact->name)) != 1 ||
	    EVP_DigestUpdate(ctx, ids, 8) != 1 ||
	    EVP_DigestUpdate(ctx, fact->serial, strlen(fact->serial)) != 1)
		return -ENOMEM;
	return 0;
}

static int update_field(EVP_MD_CTX *ctx, const char *field)
{
	size_t len = strlen(field);
	uint8_t prefix[4] = {(uint8_t)len, (uint8_t)(len >> 8),
			     (uint8_t)(len >> 16), (uint8_t)(len >> 24)};

	if (EVP_DigestUpdate(ctx, prefix, sizeof(prefix)) != 1 ||
	    EVP_DigestUpdate(ctx, field, len) != 1)
		return -ENOMEM;
	return 0;
}

/*
 * Ours: every field after its length (32 bit, little-endian), so that moving
 * letters from the product to the serial makes another device; the
 * manufacturer is in it. The descriptors come last and need no length.
 */
static int identity_fact(EVP_MD_CTX *ctx, const struct usb_fact *fact)
{
	const char *fields[] = {"sekimori usb identity 1", NULL, fact->serial,
				fact->name, fact->manufacturer};
	char ids[9];

	(void)snprintf(ids, sizeof(ids), "%04x%04x", fact->vendor_id,
		       fact->product_id);
	fields[1] = ids;
	if (EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) != 1)
		return -ENOMEM;
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		if (update_field(ctx, fields[i]) < 0)
			return -ENOMEM;
	return 0;
}

static int identify(struct usb_fact *fact, const struct reader *reader,
		    const uint8_t *raw, size_t len)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	int r = -ENOMEM;

	if (!ctx)
		return -ENOMEM;
	if (hash_fact(ctx, fact) == 0 &&
	    update_descriptors(ctx, reader, raw, len) == 0 &&
	    finish_base64(ctx, fact->hash) == 0 &&
	    identity_fact(ctx, fact) == 0 &&
	    update_descriptors(ctx, reader, raw, len) == 0)
		r = finish_base64(ctx, fact->identity);
	EVP_MD_CTX_free(ctx);
	return r;
}

static bool string_is_too_long(const char *text)
{
	size_t bytes = strlen(text);
	size_t units = 0;

	/* One unit a character, two from U+10000 (four bytes) on. */
	for (size_t i = 0; i < bytes; i++) {
		unsigned char b = (unsigned char)text[i];

		units += (b & 0xc0) != 0x80;
		units += b >= 0xf0;
	}
	return bytes > USB_STRING_PEER_BYTES && units > USB_STRING_MAX_UNITS;
}

static int read_fact(struct usb_fact *draft, const uint8_t *raw, size_t raw_len)
{
	struct reader reader = {0};
	int r;

	if (string_is_too_long(draft->serial) ||
	    string_is_too_long(draft->name) ||
	    string_is_too_long(draft->manufacturer))
		return DESCRIPTOR_STRING_TOO_LONG;
	draft->interface_count = 0;
	r = read_all(&reader, draft, raw, raw_len);
	if (r != 0)
		return r;
	r = identify(draft, &reader, raw, raw_len);
	if (r != 0)
		return r;
	draft->channels = descriptor_channels(draft);
	draft->has |= USB_HAS_ID | USB_HAS_SERIAL | USB_HAS_NAME |
		      USB_HAS_MANUFACTURER | USB_HAS_HASH | USB_HAS_IDENTITY |
		      USB_HAS_INTERFACES | USB_HAS_CHANNELS;
	return 0;
}

int descriptor_read(struct usb_fact *fact, const uint8_t *raw, size_t raw_len)
{
	struct usb_fact draft = *fact;
	int r;

	r = read_fact(&draft, raw, raw_len);
	if (r == 0)
		*fact = draft;
	return r;
}

int descriptor_path_hash(struct span path, char ret_hash[USB_HASH_CHARS + 1])
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	char text[USB_HASH_CHARS + 1];
	int r = -ENOMEM;

	if (ctx && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1 &&
	    EVP_DigestUpdate(ctx, path.ptr, path.len) == 1)
		r = finish_base64(ctx, text);
	EVP_MD_CTX_free(ctx);
	if (r == 0)
		memcpy(ret_hash, text, sizeof(text));
	return r;
}

int descriptor_string(struct span raw, char *ret_text, size_t capacity)
{
	char text[USB_STRING_MAX_BYTES + 1] = "";
	const char *nul;

	while (raw.len > 0 && memchr("\n\r\t\b", raw.ptr[raw.len - 1], 5))
		raw.len--;
	nul = raw.len ? memchr(raw.ptr, '\0', raw.len) : NULL;
	if (nul)
		raw.len = (size_t)(nul - raw.ptr);

	if (raw.len >= capacity || raw.len >= sizeof(text))
		return DESCRIPTOR_STRING_TOO_LONG;
	if (raw.len > 0)
		memcpy(text, raw.ptr, raw.len);
	text[raw.len] = '\0';
	if (string_is_too_long(text))
		return DESCRIPTOR_STRING_TOO_LONG;
	memcpy(ret_text, text, raw.len + 1);
	return 0;
}
