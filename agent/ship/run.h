/* SPDX-License-Identifier: Apache-2.0 */
/*
 * run: the shipper's loop: wait for enrolment, then for the tail to move, send,
 * wait as the answer demands, renew the certificate in time. One thread, no
 * signal handlers: to be killed at any moment loses nothing, the cursor is
 * written whole or not at all.
 */
#pragma once

#include <stdbool.h>

#include "agent/base/log.h"

struct run_options {
	bool is_once; /* end when nothing is left to send (tests) */
};

/* Does not return but with -errno for what cannot be waited out, or 0 with
 * is_once. Logs. */
int run_loop(int root_fd, const struct run_options *options,
	     const struct log *log)
	__attribute__((nonnull, warn_unused_result));
