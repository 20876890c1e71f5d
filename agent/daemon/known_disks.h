/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The built-in disks that were there when the terminal was installed, by
 * identity (sense/block_identity.h). Any other disk is a medium, whatever bus
 * it hangs on. Learned from the daemon's very first start until its first
 * heartbeat, as the lifeline is, and never extended by what is screwed in
 * later; a rule may allow that. A list of names: it judges nothing.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "agent/sense/block_identity.h"

#define KNOWN_DISKS_FILE     "disks"
#define KNOWN_DISKS_MAX	     128
#define KNOWN_DISKS_FILE_MAX (KNOWN_DISKS_MAX * BLOCK_IDENTITY_SIZE)

struct known_disks {
	char rows[KNOWN_DISKS_MAX][BLOCK_IDENTITY_SIZE];
	size_t count;
	bool is_known; /* the file was there, or has been written */
};

/* Reads KNOWN_DISKS_FILE below DIR_FD. 0, -ENOENT (nothing learned yet) or
 * -errno; lines that are none are left out. */
int known_disks_load(int dir_fd, struct known_disks *ret_disks)
	__attribute__((nonnull, warn_unused_result));

/* Ends the learning: writes the file, be it empty. 0 or -errno. */
int known_disks_save(int dir_fd, struct known_disks *disks)
	__attribute__((nonnull, warn_unused_result));

/* False: the list is full. What is on it already is not added again. */
bool known_disks_add(struct known_disks *disks, const char *identity)
	__attribute__((nonnull));
bool known_disks_has(const struct known_disks *disks, const char *identity)
	__attribute__((nonnull));
