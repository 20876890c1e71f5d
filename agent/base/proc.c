/* SPDX-License-Identifier: Apache-2.0 */
/* proc_pid_stat(5): the fields are counted behind the name's last ')'. */
#include "agent/base/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/base/cleanup.h"
#include "agent/base/fd.h"

#include "agent/base/banned.h"

#define STAT_MAX    4096
#define FIELD_START 22

int proc_parse_start(const char *stat, uint64_t *ret_start)
{
	const char *at = strrchr(stat, ')');

	for (unsigned field = 2; at && field < FIELD_START; field++)
		at = strchr(at + 1, ' ');
	if (!at)
		return -EINVAL;
	uint64_t start = strtoull(at + 1, NULL, 10);
	if (start == 0)
		return -EINVAL;
	*ret_start = start;
	return 0;
}

int proc_start(int root_fd, uint32_t pid, uint64_t *ret_start)
{
	_cleanup_free_ char *stat = NULL;
	char path[sizeof("proc/4294967295/stat")];

	(void)snprintf(path, sizeof(path), "proc/%u/stat", pid);
	int r = read_small_file(root_fd, path, STAT_MAX, &stat, NULL);
	if (r < 0)
		return r;
	return proc_parse_start(stat, ret_start);
}
