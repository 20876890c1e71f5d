/* SPDX-License-Identifier: Apache-2.0 */
/*
 * "BOOT-ID BOOT-NS WALL-MS clean|running\n", numbers of fixed width so that a
 * rewrite in place never leaves a longer line behind.
 */
#include "agent/daemon/alive.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "agent/base/cleanup.h"
#include "agent/base/clock.h"
#include "agent/base/fd.h"

int alive_read(int dir_fd, struct alive_stamp *ret_stamp)
{
	struct alive_stamp stamp = {0};
	char line[128], state[8];

	int r = read_line_file(dir_fd, ALIVE_FILE, line, sizeof(line));
	if (r < 0)
		return r == -EFBIG ? -EBADMSG : r;
	/* NOLINTNEXTLINE(cert-err34-c): our own file, for people only */
	if (sscanf(line, "%39s %" SCNu64 " %" SCNu64 " %7s", stamp.boot_id,
		   &stamp.boot_ns, &stamp.wall_ms, state) != 4)
		return -EBADMSG;
	stamp.is_clean = strcmp(state, "clean") == 0;
	*ret_stamp = stamp;
	return 0;
}

int alive_write(int dir_fd, const char *boot_id, bool is_clean, bool durable)
{
	char line[128];
	int n = snprintf(line, sizeof(line),
			 "%s %020" PRIu64 " %020" PRIu64 " %-7s\n",
			 boot_id[0] ? boot_id : "-", clock_boot_ns(),
			 clock_wall_ns() / NS_PER_MS,
			 is_clean ? "clean" : "running");

	if (durable)
		return write_atomic(dir_fd, ALIVE_FILE, line, (size_t)n, 0600);
	_cleanup_close_ int fd = open_below(dir_fd, ALIVE_FILE,
					    O_WRONLY | O_CREAT, 0600);
	if (fd < 0)
		return fd;
	return pwrite_full(fd, line, (size_t)n, 0);
}
