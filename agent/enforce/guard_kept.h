/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The guard's descriptors that the service manager kept while the daemon was
 * away, by set and name. With tamper protection on they are the only way back:
 * a new process may not open the pins. Internal to agent/enforce.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "agent/bpf/guard.h"

/* Two sets, while one takes over from the other. */
enum { GUARD_KEPT_MAX = 96, GUARD_KEPT_NAME_MAX = 64 };

struct guard_kept {
	struct {
		char name[GUARD_KEPT_NAME_MAX]; /* "SET.NAME" */
		int fd;
	} list[GUARD_KEPT_MAX];
	size_t count;
};

/* Takes over FD. False: of no use, and closed. */
bool guard_kept_add(struct guard_kept *kept, const char *name, int fd)
	__attribute__((nonnull, warn_unused_result));
void guard_kept_fini(struct guard_kept *kept) __attribute__((nonnull));
/* Closes them but remembers their names. */
void guard_kept_close(struct guard_kept *kept) __attribute__((nonnull));

/* "SET.NAME". */
void guard_kept_name(char ret_name[GUARD_KEPT_NAME_MAX], const char *set,
		     const char *name) __attribute__((nonnull));

/* Borrowed, or -ENOENT. SET NULL: of any set. Fits guard_set_kept_fn. */
int guard_kept_find(void *kept, const char *set, const char *name)
	__attribute__((nonnull(1, 3)));

/* Makes the process of OWN the daemon of every set that was kept. */
void guard_kept_claim(const struct guard_kept *kept,
		      const struct guard_config *own) __attribute__((nonnull));
