/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The stamp by which the next daemon knows how this one ended and how long
 * nobody looked: one line in /run (survives a crash) and one on disk (survives
 * a power cut). Small files, rewritten; never read for a decision.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define ALIVE_FILE	"alive"
#define ALIVE_BOOT_SIZE 40

struct alive_stamp {
	char boot_id[ALIVE_BOOT_SIZE];
	uint64_t boot_ns;
	uint64_t wall_ms;
	bool is_clean; /* the daemon ended by itself */
};

/* Reads ALIVE_FILE below DIR_FD. 0, -ENOENT, -EBADMSG or -errno. */
int alive_read(int dir_fd, struct alive_stamp *ret_stamp)
	__attribute__((nonnull, warn_unused_result));

/* Writes the stamp of now. DURABLE replaces the file with fsync (disk); else
 * one write in place (tmpfs). */
int alive_write(int dir_fd, const char *boot_id, bool is_clean, bool durable)
	__attribute__((nonnull, warn_unused_result));
