/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The keyboards, pointers and readers that were there when enforcement first
 * began, by identity and port: at a later boot they may come after the daemon,
 * and the lifeline must still know them. Learned from the daemon's very first
 * start until its first heartbeat, so that what a cold boot brings up counts;
 * never extended by what is plugged in later. A list of names: it lets nothing
 * in by itself.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "agent/daemon/devices.h"

#define LEARNED_FILE	 "lifeline"
#define LEARNED_MAX	 64
#define LEARNED_FILE_MAX 32768

struct learned_row {
	char identity[USB_IDENT_MAX_BYTES + 1];
	char port[USB_IDENT_MAX_BYTES + 1];
};

struct learned {
	struct learned_row rows[LEARNED_MAX];
	size_t count;
	bool is_known; /* the file was there, or has been written */
};

/* Reads LEARNED_FILE below DIR_FD. 0, -ENOENT (nothing learned yet) or
 * -errno; lines that are none are left out. */
int learned_load(int dir_fd, struct learned *ret_learned)
	__attribute__((nonnull, warn_unused_result));

/* Ends the learning: takes over the devices of the lifeline that are there and
 * usable, and writes the file, be it empty. 0 or -errno. */
int learned_save(int dir_fd, struct learned *learned,
		 const struct devices *devices)
	__attribute__((nonnull, warn_unused_result));

bool learned_has(const struct learned *learned, const struct usb_fact *fact)
	__attribute__((nonnull));
