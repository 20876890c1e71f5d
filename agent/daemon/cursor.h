/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How far the shipper got, read from its cursor file. Written by another user,
 * so nothing in it is believed beyond its form: the recorder checks stream and
 * bounds before it frees anything. Never writes.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "agent/spool/tail.h"

#define CURSOR_PATH	 "var/lib/sekimori-ship/cursor"
#define CURSOR_FILE_MAX	 512
#define CURSOR_ERROR_MAX 128

struct cursor {
	struct spool_tail acked;
	uint64_t wall_contact_s;      /* last success, 0: never */
	char error[CURSOR_ERROR_MAX]; /* of the newest try; "" when it went
					 well */
	bool is_mismatch;	      /* the collector refuses this stream */
};

/* Reads CURSOR_PATH below ROOT_FD. 0, -ENOENT, -EBADMSG (not of our form) or
 * -errno; *ret_cursor unchanged on failure. */
int cursor_read(int root_fd, struct cursor *ret_cursor)
	__attribute__((nonnull, warn_unused_result));

/* Pure: "STREAM SEQ [UNIXTIME ok|foreign|REASON…]". 0 or -EBADMSG. */
int cursor_parse(const char *text, struct cursor *ret_cursor)
	__attribute__((nonnull, warn_unused_result));
