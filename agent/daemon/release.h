/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The way out of enforcement for an uninstall: what the daemon left in the
 * kernel on purpose (its pinned guard, the authorisation defaults) is taken
 * back. Only root can, and only while the daemon is stopped.
 */
#pragma once

#include "agent/base/log.h"

/*
 * Unloads every pinned guard below /sys/fs/bpf/sekimori, then writes back the
 * USB authorisation defaults of before our first start and lets in what is
 * plugged in, all below the root directory `root`. Does all it can; returns 0
 * or the first -errno, each logged. Called by main() for --release.
 */
int release(const char *root, const struct log *log)
	__attribute__((nonnull, warn_unused_result));

/* Whether release() may be called: 0, or -EPERM (told in LOG, what to do too)
 * while tamper protection is on. Changes nothing; the daemon may run. */
int release_check(const char *root, const struct log *log)
	__attribute__((nonnull, warn_unused_result));
