/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a RELP server answers. The source is included, as the fuzzer is linked
 * with the pure libraries only.
 */
#include <stdlib.h>
#include <string.h>

#include "collector/relp_frame.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int is_true)
{
	if (!is_true)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* Of its own, so that a read past the end is one. */
	char *text = malloc(size ? size : 1);
	size_t at = 0;

	if (!text)
		return 0;
	memcpy(text, data, size);
	while (at < size) {
		struct relp_frame frame = {0};
		int r = relp_frame_read(text + at, size - at, &frame);

		if (r == RELP_MORE)
			check(size - at < RELP_HEAD_MAX + RELP_DATA_MAX);
		if (r != 0)
			break;
		check(frame.size > 0 && frame.size <= size - at);
		check(frame.data_len <= RELP_DATA_MAX);
		check(frame.data + frame.data_len < text + at + frame.size);
		check(text[at + frame.size - 1] == '\n');
		at += frame.size;
	}
	free(text);
	return 0;
}
