/* SPDX-License-Identifier: Apache-2.0 */
/* The attribute that says which keys there are: as long as a descriptor's
 * usages make it. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "agent/sense/input.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char text[SYSFS_TEXT_MAX];

	if (size >= sizeof(text))
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	(void)input_has_keys(text);
	return 0;
}
