/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cursor: the one thing the shipper writes while it runs, "STREAM SEQ UNIXTIME
 * STATE". SEQ is acknowledged, UNIXTIME the last success, STATE "ok", "foreign"
 * or why the newest try failed. The daemon reads it to free segments, people by
 * sekimorictl status.
 */
#pragma once

#include <stdint.h>

#include "agent/spool/tail.h"

#define CURSOR_NAME	 "cursor"
#define CURSOR_STATE_MAX 96u
#define CURSOR_FILE_MAX	 512u

struct cursor {
	struct spool_tail acked;
	uint64_t contact_s; /* Unix time of the last success, 0 never */
	char state[CURSOR_STATE_MAX + 1];
};

/* Reads the cursor in the state directory. 0, -ENOENT, -EBADMSG or -errno. */
int cursor_read(int state_fd, struct cursor *ret_cursor)
	__attribute__((nonnull, warn_unused_result));

/* Parses its text. 0 or -EBADMSG with *ret_cursor unchanged. */
int cursor_parse(const char *text, size_t size, struct cursor *ret_cursor)
	__attribute__((nonnull, warn_unused_result));

/* Replaces it, durably. 0 or -errno with the old one in place. */
int cursor_write(int state_fd, const struct cursor *cursor)
	__attribute__((nonnull, warn_unused_result));
