/* SPDX-License-Identifier: Apache-2.0 */
/* Kernel uevent messages: whatever comes, strings end and stay in bounds. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "agent/sense/uevent.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct uevent event;

	if (uevent_parse((const char *)data, size, &event) != 0)
		return 0;
	assert(event.devpath[0] == '/');
	assert(memchr(event.devpath, '\0', sizeof(event.devpath)));
	assert(memchr(event.subsystem, '\0', sizeof(event.subsystem)));
	assert(memchr(event.devname, '\0', sizeof(event.devname)));
	return 0;
}
