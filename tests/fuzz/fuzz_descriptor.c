/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes as a device writes them: three strings, each ended by a newline, then
 * raw descriptors. What is refused leaves the fact as it was.
 */
#include <stdlib.h>
#include <string.h>

#include "policy/descriptor.h"
#include "policy/lifeline.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct span take_line(struct span *rest)
{
	const char *end = rest->len ? memchr(rest->ptr, '\n', rest->len) : NULL;
	size_t n = end ? (size_t)(end - rest->ptr) : 0;
	struct span line = span_take(*rest, n);

	*rest = span_skip(*rest, n + (end != NULL));
	return line;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct usb_fact fact, before;
	struct span rest = span_of((const char *)data, size);
	int r;

	memset(&fact, 0, sizeof(fact));
	fact.vendor_id = size ? (uint16_t)(0x1d6b + data[0] % 2) : 0;
	fact.product_id = 2;
	if (descriptor_string(take_line(&rest), fact.name, sizeof(fact.name)) !=
		    0 ||
	    descriptor_string(take_line(&rest), fact.serial,
			      sizeof(fact.serial)) != 0 ||
	    descriptor_string(take_line(&rest), fact.manufacturer,
			      sizeof(fact.manufacturer)) != 0)
		return 0;
	before = fact;
	r = descriptor_read(&fact, (const uint8_t *)rest.ptr, rest.len);
	if (r < 0 || r >= DESCRIPTOR_OUTCOME_COUNT)
		abort();
	if (r != 0) {
		if (memcmp(&fact, &before, sizeof(fact)) != 0)
			abort();
		return 0;
	}
	if (strlen(fact.hash) != USB_HASH_CHARS ||
	    strlen(fact.identity) != USB_HASH_CHARS ||
	    fact.interface_count > USB_INTERFACES_MAX ||
	    (fact.interface_count > 0 && fact.channels == 0) ||
	    fact.channels >> USB_CHANNEL_COUNT != 0)
		abort();
	/* A lifeline is never a way for storage. */
	if (lifeline_roles(&fact) &&
	    fact.channels & USB_CHANNEL_BIT(USB_CHANNEL_STORAGE))
		abort();
	return 0;
}
