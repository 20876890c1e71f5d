/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of mountinfo: mount points and sources are chosen by users. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "agent/sense/mount.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char line[MOUNT_LINE_MAX];
	struct mount_entry entry;

	if (size >= sizeof(line))
		return 0;
	memcpy(line, data, size);
	line[size] = '\0';
	if (mount_parse_line(line, &entry) != 0)
		return 0;
	assert(memchr(entry.point, '\0', sizeof(entry.point)));
	assert(memchr(entry.source, '\0', sizeof(entry.source)));
	assert(memchr(entry.fs_type, '\0', sizeof(entry.fs_type)));
	return 0;
}
