/* SPDX-License-Identifier: Apache-2.0 */
/* The answer of a probe that a medium took over. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "agent/sense/probe.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct medium_probe probe;

	if (probe_parse((const char *)data, size, &probe) != 0)
		return 0;
	assert(memchr(probe.fs_type, '\0', sizeof(probe.fs_type)));
	assert(memchr(probe.label, '\0', sizeof(probe.label)));
	assert(memchr(probe.fs_uuid, '\0', sizeof(probe.fs_uuid)));
	return 0;
}
