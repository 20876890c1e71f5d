/* SPDX-License-Identifier: Apache-2.0 */
/* Text form of a position in a stream; no files here. */
#include "agent/spool/tail.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "agent/base/hex.h"

#include "agent/base/banned.h"

#define STREAM_CHARS ((size_t)2 * FRAME_ID_SIZE)
#define SEQ_DIGITS   20u /* of UINT64_MAX */

void spool_tail_format(const struct spool_tail *tail,
		       char ret_text[SPOOL_TAIL_SIZE])
{
	char stream[HEX_SIZE(FRAME_ID_SIZE)];
	char text[SPOOL_TAIL_SIZE + 1];

	hex_encode(tail->stream, FRAME_ID_SIZE, stream);
	(void)snprintf(text, sizeof(text), "%s %020" PRIu64 "\n", stream,
		       tail->seq);
	memcpy(ret_text, text, SPOOL_TAIL_SIZE);
}

int spool_tail_parse(const char *text, size_t size, struct spool_tail *ret_tail)
{
	struct spool_tail tail = {0};
	size_t at = STREAM_CHARS + 1;

	if (size <= at || text[STREAM_CHARS] != ' ' ||
	    hex_decode(text, STREAM_CHARS, tail.stream, FRAME_ID_SIZE) < 0)
		return -EINVAL;

	size_t first = at;
	for (; at < size && text[at] >= '0' && text[at] <= '9'; at++) {
		uint64_t digit = (uint64_t)(text[at] - '0');

		if (at - first == SEQ_DIGITS ||
		    tail.seq > (UINT64_MAX - digit) / 10)
			return -EINVAL;
		tail.seq = tail.seq * 10 + digit;
	}
	if (at == first || at == size || (text[at] != '\n' && text[at] != ' '))
		return -EINVAL;

	*ret_tail = tail;
	return 0;
}
