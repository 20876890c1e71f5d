/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of /proc/PID/maps and the text of /proc/PID/status: file names and
 * process names in them are chosen by users. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "agent/sense/holders.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char text[4096];
	uint32_t major = 1, minor = 1, uid = 7;
	const char *path = NULL;

	if (size >= sizeof(text))
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	if (holders_parse_map(text, &major, &minor, &path) == 0) {
		assert(path > text && path < text + strlen(text));
		assert(major != 0 || minor != 0);
	} else {
		assert(!path && major == 1 && minor == 1);
	}
	if (holders_parse_uid(text, &uid) != 0)
		assert(uid == 7);
	return 0;
}
