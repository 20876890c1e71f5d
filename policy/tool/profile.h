/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A shipped profile (rules.d/NAME below the data folder) with the terminal's
 * own rules in the place that is kept for them, 40 to 69.
 */
#pragma once

#include "agent/base/buf.h"

struct learner;

/*
 * Appends the profile's files to *out in the order of their names; PUT appends
 * the terminal's rules between 3x and 7x. NAME is a profile ("standard") or a
 * folder (with a slash). Returns 0, an exit code after telling, or -errno.
 */
int profile_write(const char *name, int (*put)(struct learner *learner),
		  struct learner *learner, struct buf *out)
	__attribute__((nonnull, warn_unused_result));
