/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The counter: cut anywhere, a text has the same count; and no more numbers
 * than twelve digits each allow.
 */
#include <stdint.h>
#include <stdlib.h>

#include "policy/mynumber.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mynumber whole = {0};
	struct mynumber pieces = {0};

	mynumber_feed(&whole, data, size);
	mynumber_end(&whole);
	size_t piece = size ? 1 + data[0] % 16 : 1;
	for (size_t at = 0; at < size; at += piece)
		mynumber_feed(&pieces, data + at,
			      size - at < piece ? size - at : piece);
	mynumber_end(&pieces);
	if (whole.count != pieces.count || whole.count > size / 12)
		abort();
	return 0;
}
