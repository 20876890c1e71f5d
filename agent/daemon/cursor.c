/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The shipper's cursor. The file is in a folder its user may fill with links,
 * pipes and devices; only a small regular file is read.
 */
#include "agent/daemon/cursor.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "agent/base/cleanup.h"
#include "agent/base/fd.h"

int cursor_parse(const char *text, struct cursor *ret_cursor)
{
	struct cursor cursor = {0};

	if (spool_tail_parse(text, strlen(text), &cursor.acked) < 0)
		return -EBADMSG;

	/* STREAM SEQ are two words without blanks; the rest is optional */
	const char *rest = strchr(text, ' ');
	rest = rest ? strchr(rest + 1, ' ') : NULL;
	if (rest) {
		char *end;
		unsigned long long at = strtoull(rest + 1, &end, 10);
		if (end == rest + 1)
			return -EBADMSG;
		cursor.wall_contact_s = at;
		while (*end == ' ')
			end++;
		int len = (int)strcspn(end, "\n");
		bool is_well = strncmp(end, "ok", (size_t)len) == 0 ||
			       strncmp(end, "foreign", (size_t)len) == 0;
		if (!is_well)
			(void)snprintf(cursor.error, sizeof(cursor.error),
				       "%.*s", len, end);
		cursor.is_mismatch = strncmp(end, CURSOR_MISMATCH,
					     strlen(CURSOR_MISMATCH)) == 0;
	}
	*ret_cursor = cursor;
	return 0;
}

int cursor_read(int root_fd, struct cursor *ret_cursor)
{
	char text[CURSOR_FILE_MAX + 1];
	struct stat st;
	size_t size;

	/* O_NONBLOCK: opening a pipe must not stop the loop */
	_cleanup_close_ int fd = open_below(root_fd, CURSOR_PATH,
					    O_RDONLY | O_NONBLOCK, 0);
	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_size > CURSOR_FILE_MAX)
		return -EBADMSG;
	int r = read_full(fd, text, CURSOR_FILE_MAX, &size);
	if (r < 0)
		return r;
	text[size] = '\0';
	return cursor_parse(text, ret_cursor);
}
