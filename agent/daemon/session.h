/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a restarted daemon must remember of the one before it: the plug
 * sessions already told, which devices were there when enforcement began, and
 * when the daemon was last seen alive. In /run, so a reboot forgets it. Never
 * a source of authority: every device is judged again whatever stands here.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/daemon/devices.h"

#define SESSION_FILE	 "devices"
#define SESSION_FILE_MAX ((size_t)512 * 1024)
#define SESSION_ROWS_MAX (DEVICES_USB_MAX + DEVICES_MEDIA_MAX)

struct session_row {
	bool is_medium;
	bool is_learned;
	bool is_confirmed; /* … and what the keyboard guard knew */
	bool is_typist;
	bool is_fast;
	char place[SYSFS_PATH_MAX]; /* devpath */
	uint64_t number; /* device number of USB, diskseq of a disk */
	char plug[DEVICES_PLUG_SIZE];
	unsigned int outcome; /* enum usb_target or media_access */
};

struct session {
	struct session_row *rows;
	size_t count;
	bool has_set_default; /* authorized_default is the daemon's doing */
};

void session_fini(struct session *session) __attribute__((nonnull));

/* Reads SESSION_FILE below RUN_FD. 0, -ENOENT (first start of this boot) or
 * -errno; a line that does not parse is left out. */
int session_load(int run_fd, struct session *ret_session)
	__attribute__((nonnull, warn_unused_result));

/* Replaces the file by what DEVICES hold now. */
int session_save(int run_fd, const struct devices *devices,
		 bool has_set_default)
	__attribute__((nonnull, warn_unused_result));

/* The row of this device in this plug, or NULL. */
const struct session_row *session_find(const struct session *session,
				       const char *place, uint64_t number)
	__attribute__((nonnull));

/* Major and minor as one number, as session_row has it. */
static inline uint64_t session_number(uint32_t major, uint32_t minor)
{
	return (uint64_t)major << 32 | minor;
}
