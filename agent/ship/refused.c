/* SPDX-License-Identifier: Apache-2.0 */
/* A bounded number of small files in the state directory. */
#include "agent/ship/refused.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "agent/base/cleanup.h"
#include "agent/base/fd.h"
#include "agent/base/hex.h"
#include "agent/ship/limits.h"

#include "agent/base/banned.h"

#define PREFIX "refused-"

static int count_kept(int state_fd, unsigned *ret_count)
{
	_cleanup_closedir_ DIR *directory = NULL;
	const struct dirent *entry;

	int r = open_dir_below(state_fd, ".", &directory);
	if (r < 0)
		return r;

	*ret_count = 0;
	while ((entry = readdir(directory)))
		*ret_count += strncmp(entry->d_name, PREFIX,
				      sizeof(PREFIX) - 1) == 0;
	return 0;
}

int refused_keep(int state_fd, const struct spool_tail *position, uint64_t seq,
		 struct span body)
{
	char stream[HEX_SIZE(FRAME_ID_SIZE)];
	char name[128];
	unsigned count = 0;

	int r = count_kept(state_fd, &count);
	if (r < 0)
		return r;
	if (count >= REFUSED_FILES_MAX)
		return -EDQUOT;

	hex_encode(position->stream, FRAME_ID_SIZE, stream);
	(void)snprintf(name, sizeof(name), PREFIX "%s-%020" PRIu64 ".json",
		       stream, seq);
	return write_atomic(state_fd, name, body.ptr, body.len, 0640);
}
