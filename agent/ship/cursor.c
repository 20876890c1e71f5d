/* SPDX-License-Identifier: Apache-2.0 */
/* Text form of the cursor and its file. */
#include "agent/ship/cursor.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/base/cleanup.h"
#include "agent/base/fd.h"
#include "agent/base/hex.h"

#include "agent/base/banned.h"

int cursor_parse(const char *text, size_t size, struct cursor *ret_cursor)
{
	struct cursor cursor = {0};
	char line[CURSOR_FILE_MAX + 1];
	char *end = NULL;

	if (size > CURSOR_FILE_MAX ||
	    spool_tail_parse(text, size, &cursor.acked) < 0)
		return -EBADMSG;
	memcpy(line, text, size);
	line[size] = '\0';
	line[strcspn(line, "\n")] = '\0';

	/* Behind "STREAM SEQ", whose form was just checked. */
	char *rest = strchr(strchr(line, ' ') + 1, ' ');
	if (rest) {
		cursor.contact_s = strtoull(rest + 1, &end, 10);
		if (end == rest + 1 || (*end != ' ' && *end != '\0'))
			return -EBADMSG;
		if (*end == ' ')
			(void)snprintf(cursor.state, sizeof(cursor.state),
				       "%.*s", (int)CURSOR_STATE_MAX, end + 1);
	}
	*ret_cursor = cursor;
	return 0;
}

int cursor_read(int state_fd, struct cursor *ret_cursor)
{
	_cleanup_free_ char *text = NULL;
	size_t size = 0;

	int r = read_small_file(state_fd, CURSOR_NAME, CURSOR_FILE_MAX, &text,
				&size);
	if (r < 0)
		return r == -EFBIG ? -EBADMSG : r;
	return cursor_parse(text, size, ret_cursor);
}

int cursor_write(int state_fd, const struct cursor *cursor)
{
	char stream[HEX_SIZE(FRAME_ID_SIZE)];
	char text[CURSOR_FILE_MAX];

	hex_encode(cursor->acked.stream, FRAME_ID_SIZE, stream);
	int n = snprintf(text, sizeof(text), "%s %" PRIu64 " %" PRIu64 " %s\n",
			 stream, cursor->acked.seq, cursor->contact_s,
			 cursor->state[0] ? cursor->state : "starting");
	return write_atomic(state_fd, CURSOR_NAME, text, (size_t)n, 0644);
}
