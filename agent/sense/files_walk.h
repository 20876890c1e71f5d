/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files that were written just before their file system was watched: between
 * mount(2) and the moment the daemon knows of it lie some milliseconds. Looks
 * at names and times only, and not at more of them than a limit.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "agent/base/clock.h"
#include "agent/sense/files.h"

#define FILES_WALK_ENTRIES_MAX 4096
#define FILES_WALK_DEPTH_MAX   16
/* It keeps the medium from being unmounted: not for longer than this. */
#define FILES_WALK_NS (200 * NS_PER_MS)

enum files_walk_outcome { FILES_WALK_LIMIT = 1 };

/* Every regular file on the file system mounted at POINT that changed at or
 * after WALL_SINCE_S (of the Unix epoch), as a FILES_CLOSED without descriptor
 * and process. 0; FILES_WALK_LIMIT: there is more than was looked at; or
 * -errno. May wait for the medium. */
int files_walk(const char *point, int64_t wall_since_s, files_fn fn,
	       void *userdata) __attribute__((nonnull(1, 3)));
