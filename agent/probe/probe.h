/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is on a medium: libblkid over one descriptor, the answer as lines of
 * text. libblkid parses some eighty formats whose bytes were written by
 * whoever owns the medium, so it runs in a process of its own that can do
 * nothing but read that descriptor and write to its stdout. Opens nothing.
 *
 * Answer: "type=", "label=", "uuid=", "usage=", "version=" (each at most once,
 * values as blkid_encode_string() writes them), then "result=none|found|
 * ambivalent", last "end".
 */
#pragma once

#define PROBE_FD 3 /* the medium, read-only, opened by the daemon */

enum probe_exit {
	PROBE_EXIT_OK = 0,
	PROBE_EXIT_USAGE = 2,
	PROBE_EXIT_SANDBOX = 3,
	PROBE_EXIT_DEVICE = 4,
	PROBE_EXIT_OUTPUT = 5,
};

/* Gives up everything: user nobody, empty root, no new files or processes,
 * limits, and a seccomp filter that kills. 0 or -errno; after a failure the
 * process must end. */
int sandbox_enter(void) __attribute__((warn_unused_result));

/* Looks at FD and writes the answer to OUT_FD. An enum probe_exit. */
int probe_run(int fd, int out_fd) __attribute__((warn_unused_result));
