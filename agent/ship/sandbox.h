/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sandbox: what `sekimori-ship run` gives up before it reads anything from the
 * network, by itself and not only by its unit: new privileges, writing outside
 * its state directory (Landlock), programs, tracing, mounting and the kernel's
 * other levers (seccomp).
 */
#pragma once

#include <stdbool.h>

struct sandbox_result {
	bool has_landlock; /* false: the kernel has none, or it is not on */
};

/*
 * Irreversible, for this thread and those it will make. Returns 0, or -errno:
 * then the program must not go on. An absent Landlock is no error; the unit's
 * ProtectSystem= stands in for it.
 */
int sandbox_enter(int state_fd, struct sandbox_result *ret_result)
	__attribute__((nonnull, warn_unused_result));
