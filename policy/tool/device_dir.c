/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attribute files to a fact. The directory may be somebody's copy: only the
 * files named here are read, none through a symbolic link.
 */
#include "policy/tool/device_dir.h"

#include <errno.h>
#include <stdlib.h>

#include "agent/base/cleanup.h"
#include "agent/base/fd.h"
#include "policy/descriptor.h"

#define ATTRIBUTE_MAX_BYTES 4096

/* A missing string is the empty string. */
static int read_string(int dir, const char *name, char *ret_text, size_t size)
{
	_cleanup_free_ char *raw = NULL;
	size_t len = 0;
	int r = read_small_file(dir, name, ATTRIBUTE_MAX_BYTES, &raw, &len);

	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return r;
	return descriptor_string(span_of(raw, len), ret_text, size);
}

static int read_id(int dir, const char *name, uint16_t *ret_id)
{
	char text[16] = "";
	char *end = NULL;
	unsigned long id;
	int r = read_string(dir, name, text, sizeof(text));

	if (r != 0)
		return r;
	id = strtoul(text, &end, 16);
	if (end != text + 4 || *end != '\0' || id > UINT16_MAX)
		return -EINVAL;
	*ret_id = (uint16_t)id;
	return 0;
}

int device_dir_read(int dir, struct usb_fact *fact)
{
	_cleanup_free_ char *raw = NULL;
	size_t len = 0;
	int r;

	if ((r = read_id(dir, "idVendor", &fact->vendor_id)) != 0 ||
	    (r = read_id(dir, "idProduct", &fact->product_id)) != 0 ||
	    (r = read_string(dir, "serial", fact->serial,
			     sizeof(fact->serial))) != 0 ||
	    (r = read_string(dir, "product", fact->name, sizeof(fact->name))) !=
		    0 ||
	    (r = read_string(dir, "manufacturer", fact->manufacturer,
			     sizeof(fact->manufacturer))) != 0)
		return r;
	r = read_small_file(dir, "descriptors", USB_DESCRIPTORS_MAX_BYTES, &raw,
			    &len);
	if (r == -EFBIG)
		return DESCRIPTOR_TOO_LONG;
	if (r < 0)
		return r;
	return descriptor_read(fact, (const uint8_t *)raw, len);
}
