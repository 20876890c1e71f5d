/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who a process is: pid and start time, for a pid alone may be another process
 * by now. Reads /proc below a descriptor of the root (or of "/"); must not
 * signal or trace anybody.
 */
#pragma once

#include <stdint.h>

/*
 * Start time in clock ticks since boot (field 22 of proc_pid_stat(5)), never 0.
 * ROOT_FD is a descriptor of the directory that has "proc". 0, -ENOENT for a
 * process that is gone, -EINVAL, or -errno.
 */
int proc_start(int root_fd, uint32_t pid, uint64_t *ret_start)
	__attribute__((nonnull, warn_unused_result));

/* As proc_start, of the text of a stat file; the name in it may hold anything,
 * ')' included. 0 or -EINVAL. */
int proc_parse_start(const char *stat, uint64_t *ret_start)
	__attribute__((nonnull, warn_unused_result));
